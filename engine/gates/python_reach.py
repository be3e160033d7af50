"""Which assertions of a Python function can fail it: those that run, and whose failure nobody swallows."""

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence

from engine.gates.ledger import TRUTH
from engine.gates.python_claims import SWALLOWED, Own, asserted, called, dotted, last_name, truth_of

Function = ast.FunctionDef | ast.AsyncFunctionDef
_LEAVES = (ast.Return, ast.Continue, ast.Break)
_EXPECTING = ("raises", "assertRaises", "assertRaisesRegex", "suppress")


def strengths(node: Function, own: Own, lists: Mapping[str, int]) -> tuple[int, ...]:
    """How many assertions of each strength a function makes; one that hangs on a condition is a step weaker.

    Args:
        node: the function.
        own: functions and classes of the same file, with the strengths of what they assert.
        lists: the lengths of the file's lists.
    """
    counts = [0, 0, 0, 0]
    known = _bound_once(node)
    used = {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}
    reader = _Reach(own, lists, used)
    for statement, perhaps in reader.reached(node.body, False):
        for strength in asserted(statement, own, known):
            counts[max(TRUTH, strength - perhaps)] += 1
    return tuple(counts)


class _Reach:
    def __init__(self, own: Collection[str], lists: Mapping[str, int], used: Collection[str]) -> None:
        self._own, self._lists, self._used = own, lists, used

    def reached(self, body: Sequence[ast.stmt], perhaps: bool) -> Iterator[tuple[ast.AST, bool]]:
        """Every statement that can run and whose failure is not swallowed, and whether it hangs on a condition."""
        for node in body:
            yield from self._one(node, perhaps)
            if isinstance(node, ast.Return | ast.Raise | ast.Continue | ast.Break) or _always_leaves(node):
                return
            # What follows a way out runs only where that way was not taken.
            perhaps = perhaps or (isinstance(node, ast.If) and _leaves(node))

    def _one(self, node: ast.stmt, perhaps: bool) -> Iterator[tuple[ast.AST, bool]]:
        if isinstance(node, Function):
            # A function within counts where somebody names it; else it is never called.
            yield from self.reached(node.body, perhaps) if node.name in self._used else ()
        elif isinstance(node, ast.ClassDef):
            return
        elif isinstance(node, ast.If | ast.While):
            truth = truth_of(node.test)
            maybe = perhaps or truth is None
            yield from self.reached(node.body, maybe) if truth is not False else ()
            yield from self.reached(node.orelse, maybe) if truth is not True else ()
        elif isinstance(node, ast.For | ast.AsyncFor):
            yield from self.reached(node.body, perhaps) if not self._empty(node.iter) else ()
            yield from self.reached(node.orelse, perhaps)
        elif isinstance(node, ast.Try | ast.TryStar):
            yield from self._try(node, perhaps)
        elif isinstance(node, ast.With | ast.AsyncWith):
            yield node, perhaps
            if not any(_expects_failure(item.context_expr) for item in node.items):
                ours = any(dotted(called(item.context_expr)) in self._own for item in node.items)
                yield from self.reached(node.body, perhaps or ours)
        else:
            yield node, perhaps

    def _try(self, node: ast.Try | ast.TryStar, perhaps: bool) -> Iterator[tuple[ast.AST, bool]]:
        left = any(isinstance(inner, _LEAVES) for statement in node.finalbody for inner in ast.walk(statement))
        if not left and not any(_swallows(handler) for handler in node.handlers):
            quiet = any(not _tells(handler) for handler in node.handlers)
            yield from self.reached(node.body, perhaps or quiet)
        for handler in node.handlers:
            yield from self.reached(handler.body, True)
        yield from self.reached(node.orelse, perhaps or bool(node.handlers))
        yield from self.reached(node.finalbody, perhaps)

    def _empty(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return self._lists.get(node.id) == 0
        if isinstance(node, ast.Call) and dotted(node.func) == "range":
            return len(node.args) == 1 and truth_of(node.args[0]) is False
        return truth_of(node) is False


def _bound_once(node: Function) -> dict[str, ast.expr]:
    """What local names stand for, where each is bound exactly once and to a value that is written out."""
    found: dict[str, ast.expr] = {}
    bound = [one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assign) and len(inner.targets) == 1 and isinstance(inner.targets[0], ast.Name):
            name = inner.targets[0].id
            if bound.count(name) == 1:
                found[name] = inner.value
    return found


def _leaves(node: ast.stmt) -> bool:
    """Whether a way out of the block lies in the statement itself, not in a function within."""
    return any(isinstance(inner, _LEAVES) for inner in ast.walk(node))


def _always_leaves(node: ast.stmt) -> bool:
    if not isinstance(node, ast.If) or (truth := truth_of(node.test)) is None:
        return False
    return any(isinstance(inner, _LEAVES) for inner in (node.body if truth else node.orelse))


def _expects_failure(node: ast.expr) -> bool:
    """Whether a `with` takes a failed assertion for what should happen."""
    if not isinstance(node, ast.Call) or last_name(node) not in _EXPECTING:
        return False
    kinds = [kind for one in node.args for kind in (one.elts if isinstance(one, ast.Tuple) else [one])]
    return last_name(node) == "suppress" or any(dotted(kind) in SWALLOWED for kind in kinds)


def _swallows(handler: ast.ExceptHandler) -> bool:
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    broad = any(name is None or dotted(name) in SWALLOWED for name in names)
    return broad and not any(isinstance(node, ast.Raise | ast.Assert) for s in handler.body for node in ast.walk(s))


def _tells(handler: ast.ExceptHandler) -> bool:
    """Whether the handler fails the test itself, in whatever way."""
    nodes = [node for statement in handler.body for node in ast.walk(statement)]
    return any(isinstance(node, ast.Raise | ast.Assert) for node in nodes) or any(
        isinstance(node, ast.Call) and last_name(node) in ("fail", "skip") for node in nodes
    )
