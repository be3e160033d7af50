"""What a Python test file holds to, by its syntax tree. Nothing of the file is ever run."""

import ast
from collections.abc import Iterable, Iterator, Sequence

from engine.gates.ledger import CLOSE, EXACT, TRUTH, WEAK, FileTests, TestFacts

Function = ast.FunctionDef | ast.AsyncFunctionDef
_KEPT_OUT = ("skip", "skipif", "skipIf", "skipUnless", "xfail", "expectedFailure")
_IN_BODY = ("skip", "xfail", "skipTest", "importorskip", "exit")
_COLLECTION = ("collect_ignore", "collect_ignore_glob", "pytest_plugins")
_METHODS = {
    **dict.fromkeys(("assertTrue", "assertFalse"), TRUTH),
    **dict.fromkeys(("assertIsNotNone", "assertNotEqual", "assertIsNot", "assertNotIn", "assertIsInstance"), WEAK),
    **dict.fromkeys(
        ("assertAlmostEqual", "assertGreater", "assertGreaterEqual", "assertLess", "assertLessEqual"), CLOSE
    ),
    **dict.fromkeys(
        ("assertIn", "assertRaises", "assertRaisesRegex", "assertRegex", "assertLogs", "assertWarns"), CLOSE
    ),
}
_RAISES = ("raises", "warns", "deprecated_call")
_SWALLOWED = ("AssertionError", "Exception", "BaseException")


def python_tests(path: str, source: bytes) -> FileTests:
    """The tests, fixtures, hooks and asserting functions of a file.

    Args:
        path: relative, as the runner names it.
        source: the file.
    """
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return FileTests(broken=True)
    lists = {
        target.id: len(node.value.elts)
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List | ast.Tuple | ast.Set)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    reader = _Reader(path.rsplit("/", 1)[-1] == "conftest.py", lists)
    try:
        reader.read(path, module.body, _marks(_assigned(module.body, "pytestmark")) | _module_skips(module), True)
    except RecursionError:
        return FileTests(broken=True)
    return FileTests(reader.found)


class _Reader:
    def __init__(self, conftest: bool, lists: dict[str, int]) -> None:
        self.found: dict[str, TestFacts] = {}
        self._conftest = conftest
        self._lists = lists

    def read(self, prefix: str, body: Sequence[ast.stmt], skips: frozenset[str], tests: bool, cases: int = 1) -> None:
        """Take what is defined in a module or a class.

        Args:
            prefix: the id of where it is defined.
            body: the statements.
            skips: what keeps all of it from counting.
            tests: whether functions that are called like tests are collected here.
            cases: with how many cases the class runs each of them.
        """
        for node in _flat(body):
            if isinstance(node, Function):
                self._function(prefix, node, skips, tests, cases)
            elif isinstance(node, ast.ClassDef):
                inner = skips | _marks(node.decorator_list) | _marks(_assigned(node.body, "pytestmark"))
                if any(isinstance(v, ast.Constant) and v.value is False for v in _assigned(node.body, "__test__")):
                    inner |= {"__test__ = False"}
                collected = node.name.startswith("Test") or any("TestCase" in _dotted(base) for base in node.bases)
                inner_cases = cases * (self._cases(node.decorator_list) or 1)
                self.read(f"{prefix}::{node.name}", node.body, inner, tests and collected, inner_cases)
            elif self._conftest and isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name) and target.id in _COLLECTION:
                        self.found[f"{prefix}::{target.id}"] = TestFacts("hook", body=ast.dump(node))

    def _function(self, prefix: str, node: Function, skips: frozenset[str], tests: bool, cases: int) -> None:
        name = f"{prefix}::{node.name}"
        fixture = next((d for d in node.decorator_list if _dotted(_called(d)).rsplit(".", 1)[-1] == "fixture"), None)
        if fixture is not None or (self._conftest and node.name.startswith("pytest_")):
            # A fixture that nobody asks for reaches every test, as a hook does.
            autouse = isinstance(fixture, ast.Call) and any(k.arg == "autouse" for k in fixture.keywords)
            role = "fixture" if fixture is not None and not (autouse and self._conftest) else "hook"
            self.found[name] = TestFacts(role, body=ast.dump(node))
            return
        strengths = _strengths(node.body)
        if not (tests and node.name.startswith("test")):
            if sum(strengths):
                self.found[name] = TestFacts("support", strengths=strengths, tolerance=_tolerance(node))
            return
        known = self._cases(node.decorator_list)
        self.found[name] = TestFacts(
            strengths=strengths,
            skips=skips | _marks(node.decorator_list) | _body_skips(node.body),
            cases=None if known is None else known * cases,
            given=any(_dotted(_called(d)).rsplit(".", 1)[-1] == "given" for d in node.decorator_list),
            examples=_examples(node.decorator_list),
            tolerance=_tolerance(node),
        )

    def _cases(self, decorators: Iterable[ast.expr]) -> int | None:
        """The product of what it is parametrised with; None when some of it is computed."""
        product: int | None = 1
        for decorator in decorators:
            if not isinstance(decorator, ast.Call) or not _dotted(decorator.func).endswith("parametrize"):
                continue
            values = [k.value for k in decorator.keywords if k.arg == "argvalues"] or decorator.args[1:2]
            count = self._length(values[0]) if values else None
            product = None if product is None or count is None else product * count
        return product

    def _length(self, node: ast.expr) -> int | None:
        if isinstance(node, ast.Name):
            return self._lists.get(node.id)
        if not isinstance(node, ast.List | ast.Tuple | ast.Set) or any(isinstance(e, ast.Starred) for e in node.elts):
            return None
        return sum(not (isinstance(e, ast.Call) and _marks(k.value for k in e.keywords)) for e in node.elts)


def _flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module or class is read, in whatever branch they are."""
    for node in body:
        if isinstance(node, ast.If):
            yield from _flat(node.body if not _constant(node.test, False) else [])
            yield from _flat(node.orelse)
        elif isinstance(node, ast.Try):
            yield from _flat([*node.body, *(s for handler in node.handlers for s in handler.body), *node.orelse])
        elif isinstance(node, ast.With):
            yield from _flat(node.body)
        else:
            yield node


def _strengths(body: Sequence[ast.stmt]) -> tuple[int, ...]:
    counts = [0, 0, 0, 0]
    for node in _reached(body):
        for strength in _asserted(node):
            counts[strength] += 1
    return tuple(counts)


def _reached(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """Every node of the statements that can run and whose failure is not swallowed."""
    for node in body:
        if isinstance(node, ast.If | ast.While) and _constant(node.test, False):
            yield from _reached(node.orelse)
        elif isinstance(node, ast.Try) and any(_swallows(handler) for handler in node.handlers):
            yield from _reached([*(s for h in node.handlers for s in h.body), *node.orelse, *node.finalbody])
        elif isinstance(node, ast.With) and any("suppress" in _dotted(_called(i.context_expr)) for i in node.items):
            continue
        elif not isinstance(node, ast.ClassDef):
            yield node
            inner = [s for name in ("body", "orelse", "finalbody") for s in getattr(node, name, ()) or ()]
            inner += [s for handler in getattr(node, "handlers", ()) for s in handler.body]
            yield from _reached(inner)
        if isinstance(node, ast.Return | ast.Raise | ast.Continue | ast.Break):
            return


def _swallows(handler: ast.ExceptHandler) -> bool:
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    broad = any(name is None or _dotted(name) in _SWALLOWED for name in names)
    return broad and not any(isinstance(node, ast.Raise | ast.Assert) for s in handler.body for node in ast.walk(s))


def _asserted(node: ast.AST) -> Iterator[int]:
    """The strengths of what a statement itself asserts."""
    if isinstance(node, ast.Assert):
        yield from _claims(node.test)
    elif isinstance(node, ast.With | ast.AsyncWith):
        yield from (s for item in node.items for s in _call_claims(item.context_expr))
    elif isinstance(node, ast.Expr):
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        yield from _call_claims(value)
    elif isinstance(node, ast.Assign):
        yield from _call_claims(node.value)
    elif isinstance(node, ast.Raise) and node.exc is not None and _dotted(_called(node.exc)) == "AssertionError":
        yield CLOSE


def _claims(test: ast.expr) -> list[int]:
    """The strengths of a condition: each part of an `and` counts, an `or` is as weak as its weakest part."""
    if isinstance(test, ast.BoolOp):
        parts = [_claims(value) for value in test.values]
        if isinstance(test.op, ast.And):
            return [strength for part in parts for strength in part]
        return [min(s for part in parts for s in part)] if all(parts) else []
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return [TRUTH] if _claims(test.operand) else []
    if isinstance(test, ast.Constant | ast.Tuple | ast.Lambda):
        return []
    if isinstance(test, ast.Compare):
        return [_comparison(test)] if not _says_nothing(test) else []
    if isinstance(test, ast.Call) and _dotted(test.func) in ("all", "any", "isinstance"):
        return [WEAK if _dotted(test.func) != "all" else CLOSE]
    return [TRUTH]


def _says_nothing(test: ast.Compare) -> bool:
    """Whether it compares something with itself, or two constants."""
    same = ast.dump(test.left) == ast.dump(test.comparators[0])
    return same or all(isinstance(side, ast.Constant) for side in (test.left, *test.comparators))


def _comparison(test: ast.Compare) -> int:
    sides = [test.left, *test.comparators]
    if any(isinstance(op, ast.NotEq | ast.IsNot | ast.NotIn) for op in test.ops):
        return WEAK
    if all(isinstance(op, ast.Eq | ast.Is) for op in test.ops):
        return CLOSE if any(_dotted(_called(side)).endswith("approx") for side in sides) else EXACT
    return CLOSE


def _call_claims(node: ast.expr) -> Iterator[int]:
    if not isinstance(node, ast.Call):
        return
    name = _dotted(node.func)
    last = name.rsplit(".", 1)[-1]
    if last in _METHODS:
        yield _METHODS[last]
    elif last.startswith(("assert_", "assert")) and last != "assert":
        yield EXACT
    elif last in _RAISES and name.split(".")[0] in ("pytest", *_RAISES):
        kinds = node.args[:1]
        yield WEAK if kinds and _dotted(kinds[0]) in _SWALLOWED[1:] and not node.keywords else CLOSE
    elif name == "pytest.fail":
        yield CLOSE


def _marks(decorators: Iterable[ast.expr]) -> frozenset[str]:
    """Marks that keep a test from counting, each with its condition."""
    found = set()
    for decorator in decorators:
        listed = decorator.elts if isinstance(decorator, ast.List | ast.Tuple) else [decorator]
        for mark in listed:
            if _dotted(_called(mark)).rsplit(".", 1)[-1] in _KEPT_OUT:
                found.add(ast.unparse(mark)[:200])
    return frozenset(found)


def _body_skips(body: Sequence[ast.stmt]) -> frozenset[str]:
    found = set()
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                owner, _, last = _dotted(node.func).rpartition(".")
                if last in _IN_BODY and owner in ("pytest", "self", ""):
                    found.add(ast.unparse(node)[:200])
            elif isinstance(node, ast.Raise) and node.exc is not None and "SkipTest" in _dotted(_called(node.exc)):
                found.add("raise SkipTest")
    return frozenset(found)


def _module_skips(module: ast.Module) -> frozenset[str]:
    top = [node for node in _flat(module.body) if isinstance(node, ast.Expr | ast.Assign | ast.Raise)]
    return _body_skips(top)


def _assigned(body: Sequence[ast.stmt], name: str) -> list[ast.expr]:
    return [
        node.value
        for node in body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
    ]


def _examples(decorators: Iterable[ast.expr]) -> int:
    for decorator in decorators:
        if isinstance(decorator, ast.Call) and _dotted(decorator.func).rsplit(".", 1)[-1] == "settings":
            for keyword in decorator.keywords:
                value = keyword.value
                if keyword.arg == "max_examples" and isinstance(value, ast.Constant) and isinstance(value.value, int):
                    return value.value
    return 100


def _tolerance(node: ast.AST) -> float:
    """The widest tolerance that is written out; 0 when there is none."""
    widest = 0.0
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and _dotted(call.func).endswith(("approx", "isclose", "AlmostEqual")):
            for keyword in call.keywords:
                value = keyword.value
                if keyword.arg in ("rel", "abs", "delta", "rel_tol", "abs_tol") and isinstance(value, ast.Constant):
                    widest = max(widest, float(value.value) if isinstance(value.value, int | float) else 0.0)
    return widest


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _dotted(node: ast.expr | None) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return f"{_dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def _constant(node: ast.expr, truth: bool) -> bool:
    return isinstance(node, ast.Constant) and bool(node.value) is truth
