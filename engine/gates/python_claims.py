"""How strong what a Python test claims is: one assertion, by its syntax tree."""

import ast
from collections.abc import Iterator, Mapping

from engine.gates.ledger import CLOSE, EXACT, TRUTH, WEAK

METHODS = {
    **dict.fromkeys(("assertTrue", "assertFalse"), TRUTH),
    **dict.fromkeys(("assertIsNotNone", "assertNotEqual", "assertIsNot", "assertNotIn", "assertIsInstance"), WEAK),
    **dict.fromkeys(
        ("assertAlmostEqual", "assertGreater", "assertGreaterEqual", "assertLess", "assertLessEqual"), CLOSE
    ),
    **dict.fromkeys(
        ("assertIn", "assertRaises", "assertRaisesRegex", "assertRegex", "assertLogs", "assertWarns"), CLOSE
    ),
}
RAISES = ("raises", "warns", "deprecated_call")
SWALLOWED = ("AssertionError", "Exception", "BaseException")
_ALWAYS_TRUE = ast.Tuple | ast.List | ast.Dict | ast.Set | ast.Lambda | ast.JoinedStr | ast.GeneratorExp
Own = Mapping[str, tuple[int, ...]]
"""Functions of the test's own file by name, with the strengths of what they assert."""


def dotted(node: ast.expr | None) -> str:
    """A name with its members, `a.b.c`; empty for any other expression."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def called(node: ast.expr) -> ast.expr:
    """What is called where it is a call, else the expression."""
    return node.func if isinstance(node, ast.Call) else node


def last_name(node: ast.expr) -> str:
    """The last part of the name that is called or used."""
    return dotted(called(node)).rsplit(".", 1)[-1]


def truth_of(node: ast.expr) -> bool | None:
    """Whether a condition always holds or never does; None where that hangs on something."""
    if isinstance(node, ast.Constant):
        return bool(node.value)
    if isinstance(node, ast.Name) and node.id in ("TYPE_CHECKING", "__debug__"):
        return node.id == "__debug__"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = truth_of(node.operand)
        return None if inner is None else not inner
    if isinstance(node, ast.BoolOp):
        parts = [truth_of(value) for value in node.values]
        decisive = isinstance(node.op, ast.Or)
        if decisive in parts:
            return decisive
        return None if None in parts else not decisive
    if isinstance(node, ast.List | ast.Tuple | ast.Set) and not node.elts:
        return False
    return None


def asserted(node: ast.AST, own: Own, known: Mapping[str, ast.expr]) -> Iterator[int]:
    """The strengths of what a statement itself asserts.

    Args:
        node: the statement.
        own: functions of the same file.
        known: what its local names stand for, where each is bound once.
    """
    if isinstance(node, ast.Assert):
        yield from _claims(node.test, known)
    elif isinstance(node, ast.With | ast.AsyncWith):
        yield from (s for item in node.items for s in _call_claims(item.context_expr, own, known))
    elif isinstance(node, ast.Expr):
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        yield from _call_claims(value, own, known)
    elif isinstance(node, ast.Assign):
        yield from _call_claims(node.value, own, known)
    elif isinstance(node, ast.Raise) and node.exc is not None and dotted(called(node.exc)) == "AssertionError":
        yield CLOSE


def _claims(test: ast.expr, known: Mapping[str, ast.expr]) -> list[int]:
    """The strengths of a condition: each part of an `and` counts, an `or` is as weak as its weakest part."""
    if isinstance(test, ast.BoolOp):
        parts = [_claims(value, known) for value in test.values]
        if isinstance(test.op, ast.And):
            return [strength for part in parts for strength in part]
        return [min(s for part in parts for s in part)] if all(parts) else []
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return [TRUTH] if _claims(test.operand, known) else []
    if isinstance(test, ast.IfExp):
        return [TRUTH] if _claims(test.body, known) and _claims(test.orelse, known) else []
    if isinstance(test, ast.Constant | _ALWAYS_TRUE):
        return []
    if isinstance(test, ast.Compare):
        return [] if says_nothing(test.left, test.comparators[0], known) else [_comparison(test)]
    if isinstance(test, ast.Call) and dotted(test.func) in ("all", "any", "isinstance"):
        return [WEAK if dotted(test.func) != "all" else CLOSE]
    return [TRUTH]


def says_nothing(one: ast.expr, other: ast.expr, known: Mapping[str, ast.expr]) -> bool:
    """Whether two sides are always equal: the same expression, two constants, or one that equals anything."""
    one, other = _meant(one, known), _meant(other, known)
    anything = any(last_name(side) == "ANY" for side in (one, other))
    same = ast.dump(one) == ast.dump(other)
    return anything or same or (isinstance(one, ast.Constant) and isinstance(other, ast.Constant))


def _meant(side: ast.expr, known: Mapping[str, ast.expr]) -> ast.expr:
    return known.get(side.id, side) if isinstance(side, ast.Name) else side


def _comparison(test: ast.Compare) -> int:
    sides = [test.left, *test.comparators]
    if any(isinstance(op, ast.NotEq | ast.IsNot | ast.NotIn) for op in test.ops):
        return WEAK
    if all(isinstance(op, ast.Eq | ast.Is) for op in test.ops):
        return CLOSE if any(dotted(called(side)).endswith("approx") for side in sides) else EXACT
    return CLOSE


def _call_claims(node: ast.expr, own: Own, known: Mapping[str, ast.expr]) -> Iterator[int]:
    if not isinstance(node, ast.Call):
        return
    name = dotted(node.func)
    last = name.rsplit(".", 1)[-1]
    if name in own:
        # A function of the tests' own is worth what it asserts, whatever it is called.
        yield from (at for at, count in enumerate(own[name]) if count)
    elif last in METHODS or last.startswith("assert"):
        first = truth_of(node.args[0]) if node.args and last in ("assertTrue", "assertFalse") else None
        same = len(node.args) > 1 and says_nothing(node.args[0], node.args[1], known)
        yield from () if same or first is not None else (METHODS.get(last, EXACT),)
    elif last in RAISES and name.split(".")[0] in ("pytest", *RAISES):
        kinds = node.args[:1]
        yield WEAK if kinds and dotted(kinds[0]) in SWALLOWED[1:] and not node.keywords else CLOSE
    elif name == "pytest.fail":
        yield CLOSE
