"""What code does only to pass its tests: it looks whether it is tested, or equals whatever it is compared with."""

import ast
from collections.abc import Iterable, Iterator

from sandbox.scan_findings import Mention

_RUNNERS = frozenset({"pytest", "_pytest", "unittest", "hypothesis", "__main__"})
_SIGNS = ("PYTEST_CURRENT_TEST", "PYTEST_VERSION", "NODE_TEST_CONTEXT", "MIRACLE_", "/opt/tools", "_pytest.",
          "/proc/self/mem")  # fmt: skip
_FINDING = ("find_spec", "import_module", "get", "pop", "__import__", "resolve_name")
"""Functions that find a module by its name."""


def python_cheating(nodes: Iterable[ast.AST]) -> Iterator[Mention]:
    """Mentions of a syntax tree's nodes; tests themselves may do all of it."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            if node.name in ("__eq__", "__ne__") and _is_blind(node.args, node.body):
                yield Mention("equals", node.name, node.lineno)
        elif isinstance(node, ast.Assign):
            yield from _assigned(node)
        elif isinstance(node, ast.expr | ast.Import | ast.ImportFrom) and (what := _looks(node)):
            yield Mention("detects", what[:80], node.lineno)


def _looks(node: ast.expr | ast.Import | ast.ImportFrom) -> str:
    """What of an expression or an import looks for a test runner; empty when nothing does."""
    match node:
        case ast.Constant(value=str(text)) if text.startswith(_SIGNS) or "reporter.py" in text:
            return text
        case ast.Compare(left=ast.Constant(value=name), ops=[ast.In() | ast.NotIn()]) if name in _RUNNERS:
            return ast.unparse(node)
        case ast.Subscript(value=ast.Attribute(attr="modules"), slice=ast.Constant(value=name)) if name in _RUNNERS:
            return ast.unparse(node)
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=[ast.Constant(value=name), *_]):
            return ast.unparse(node) if called in _FINDING and name in _RUNNERS else ""
        case ast.Import(names=names):
            named = [alias.name for alias in names]
        case ast.ImportFrom(module=module):
            named = [module or ""]
        case _:
            return ""
    found = (name for name in named if name.split(".")[0] in ("pytest", "_pytest", "__main__"))
    return next((f"import {name}" for name in found), "")


def _assigned(node: ast.Assign) -> Iterator[Mention]:
    for target in node.targets:
        match target, node.value:
            case ast.Attribute(value=ast.Name(id="builtins" | "__builtins__")), _:
                yield Mention("detects", ast.unparse(target)[:80], node.lineno)
            case ast.Name(id="__eq__" | "__ne__"), ast.Lambda() as made:
                if _is_blind(made.args, [ast.Expr(made.body)]):
                    yield Mention("equals", "__eq__", node.lineno)


def _is_blind(arguments: ast.arguments, body: Iterable[ast.stmt]) -> bool:
    """Whether a comparison never looks at what it compares with, and does not leave it to the other side."""
    every = [*arguments.posonlyargs, *arguments.args]
    if len(every) < 2:
        return False
    used = {inner.id for statement in body for inner in ast.walk(statement) if isinstance(inner, ast.Name)}
    return every[1].arg not in used and "NotImplemented" not in used
