"""What code does only to pass its tests: it looks whether it is tested, or equals whatever it is compared with."""

import ast
from collections.abc import Iterable, Iterator

from sandbox.scan_findings import Mention

_RUNNERS = frozenset({"pytest", "_pytest", "unittest", "hypothesis"})
_SIGNS = ("PYTEST_CURRENT_TEST", "PYTEST_VERSION", "NODE_TEST_CONTEXT", "MIRACLE_", "/opt/tools")


def python_cheating(nodes: Iterable[ast.AST]) -> Iterator[Mention]:
    """Mentions of a syntax tree's nodes; tests themselves may do all of it."""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(_SIGNS):
            yield Mention("detects", node.value[:80], node.lineno)
        elif isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            if isinstance(node.left, ast.Constant) and node.left.value in _RUNNERS:
                yield Mention("detects", ast.unparse(node)[:80], node.lineno)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            if any(name.split(".")[0] in ("pytest", "_pytest") for name in named):
                yield Mention("detects", f"import {named[0]}", node.lineno)
        elif isinstance(node, ast.FunctionDef) and node.name in ("__eq__", "__ne__") and _is_constant(node):
            yield Mention("equals", node.name, node.lineno)


def _is_constant(node: ast.FunctionDef) -> bool:
    """Whether a comparison comes out the same whatever it is with."""
    body = [one for one in node.body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
    only = body[0] if len(body) == 1 else None
    return isinstance(only, ast.Return) and isinstance(only.value, ast.Constant) and isinstance(only.value.value, bool)
