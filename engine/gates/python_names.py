"""A Python test file's own names for parts of test libraries, put back; and what it does while it is imported."""

import ast
import copy
from collections.abc import Iterator, Sequence

from engine.gates.python_claims import called, dotted, last_name, truth_of
from engine.gates.python_marks import ENDING

_FOLLOWED = ("pytest", "unittest", "contextlib", "mock", "hypothesis")
_REACHING = ("setattr", "delattr", "globals", "vars", "exec", "eval")
_QUIET = ("importorskip", "skip", "register_profile", "load_profile", "fixture")


def plain_names(module: ast.Module) -> ast.Module:
    """The module with the members of test libraries under their own names: `from pytest import skip as later`."""
    known: dict[str, ast.expr] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname and alias.name.split(".")[0] in _FOLLOWED:
                    known[alias.asname] = _expression(alias.name)
        elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] in _FOLLOWED:
            for alias in node.names:
                if alias.name != "*":
                    known[alias.asname or alias.name] = _expression(f"{node.module}.{alias.name}")
    for node in module.body:
        # A mark of one's own: `later = pytest.mark.xfail`.
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            value = _Plain(known).visit(copy.deepcopy(node.value)) if known else node.value
            if dotted(called(value)).startswith(("pytest.mark.", "unittest.")):
                known[node.targets[0].id] = value
    plain = _Plain(known).visit(copy.deepcopy(module)) if known else module
    assert isinstance(plain, ast.Module)
    return plain


class _Plain(ast.NodeTransformer):
    def __init__(self, known: dict[str, ast.expr]) -> None:
        self._known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Put what the name stands for in its place."""
        if isinstance(node.ctx, ast.Load) and node.id in self._known:
            return copy.deepcopy(self._known[node.id])
        return node


def _expression(name: str) -> ast.expr:
    return ast.parse(name, mode="eval").body


def flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module or class is read, in whatever branch they are."""
    for node in body:
        if isinstance(node, ast.If):
            truth = truth_of(node.test)
            yield from flat(node.body if truth is not False else [])
            yield from flat(node.orelse if truth is not True else [])
        elif isinstance(node, ast.Try | ast.TryStar):
            yield from flat([*node.body, *(s for handler in node.handlers for s in handler.body), *node.orelse])
            yield from flat(node.finalbody)
        elif isinstance(node, ast.With):
            yield from flat(node.body)
        else:
            yield node


def bound_in(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """Names that assignments, imports, loops and `del` bind or take away when a module or class is read."""
    for node in flat(body):
        if isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, node) for alias in node.names)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store | ast.Del):
                    yield inner.id, node


def reaching(body: Sequence[ast.stmt]) -> str:
    """What a module changes of others while it is imported: their attributes and items; empty when nothing."""
    return "\n".join(ast.dump(node) for node in flat(body) if _reaches(node, _plain_values(body)))


def doing(body: Sequence[ast.stmt]) -> str:
    """What else it does while it is imported: calls and loops; empty when nothing."""
    plain = _plain_values(body)
    return "\n".join(ast.dump(node) for node in flat(body) if _does(node) and not _reaches(node, plain))


def _plain_values(body: Sequence[ast.stmt]) -> frozenset[str]:
    """Names of values that are the module's own, and of the environment's variables: changing them reaches no test."""
    literal = ast.Dict | ast.List | ast.Set | ast.Constant | ast.DictComp | ast.ListComp
    own = (node for node in flat(body) if isinstance(node, ast.Assign) and isinstance(node.value, literal))
    return frozenset({"environ", *(one.id for node in own for one in node.targets if isinstance(one, ast.Name))})


def _reaches(node: ast.stmt, plain: frozenset[str]) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    return any(
        (
            isinstance(inner, ast.Attribute | ast.Subscript)
            and isinstance(inner.ctx, ast.Store | ast.Del)
            and last_name(inner.value) not in plain
        )
        or (isinstance(inner, ast.Call) and last_name(inner) in _REACHING)
        for inner in ast.walk(node)
    )


def _does(node: ast.stmt) -> bool:
    if isinstance(node, ast.For | ast.While | ast.AsyncFor):
        return True
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and last_name(node.value)
        not in (
            *_QUIET,
            *ENDING,
        )
    )
