"""What is put on and into a Python test besides its assertions: marks, skips, decorators, replaced parts, examples."""

import ast
from collections.abc import Iterable, Sequence

from engine.gates.python_claims import called, dotted, last_name

_KEPT_OUT = ("skip", "skipif", "skipIf", "skipUnless", "xfail", "expectedFailure")
ENDING = ("skip", "xfail", "skipTest", "importorskip", "exit")
"""Functions that end a test without a failure."""
_KNOWN_DECORATORS = frozenset(
    {
        *("pytest", "hypothesis", "unittest", "mock", "patch", "given", "settings", "example", "seed", "staticmethod"),
        *("classmethod", "property", "asyncio", "anyio", "respx", "responses", "freeze_time", "freezegun", "typing"),
        *("time_machine", "parameterized", "ddt", "data", "unpack", "override_settings", "django", "tag", "vcr"),
        *("httpretty", "moto", "pytest_asyncio", "requests_mock", "functools", "override", "final"),
    }
)
_PATCHING = ("setattr", "setitem", "delattr", "delitem", "patch", "object", "dict", "multiple")
_PATCHERS = ("monkeypatch", "mocker", "patch", "mock", "unittest", "setattr", "delattr")


def marks(decorators: Iterable[ast.expr]) -> frozenset[str]:
    """Marks that keep a test from counting, each with its condition."""
    found = set()
    for decorator in decorators:
        listed = decorator.elts if isinstance(decorator, ast.List | ast.Tuple) else [decorator]
        for mark in listed:
            if last_name(mark) in _KEPT_OUT:
                found.add(ast.unparse(mark)[:200])
    return frozenset(found)


def wrappers(decorators: Iterable[ast.expr]) -> frozenset[str]:
    """Decorators that nobody knows: each may run the test, or not, or swallow its failure."""
    unknown = (one for one in decorators if dotted(called(one)).split(".")[0] not in _KNOWN_DECORATORS)
    return frozenset(f"@{ast.unparse(one)[:200]}" for one in unknown)


def body_skips(body: Sequence[ast.stmt]) -> frozenset[str]:
    """What ends a test without a failure while it runs."""
    found = set()
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                owner, _, last = dotted(node.func).rpartition(".")
                if last in ENDING and owner in ("pytest", "self", ""):
                    found.add(ast.unparse(node)[:200])
            elif isinstance(node, ast.Raise) and node.exc is not None and "Skip" in dotted(called(node.exc)):
                found.add("raise SkipTest")
    return frozenset(found)


def patches(node: ast.AST) -> frozenset[str]:
    """The parts of other code that a test, or what is put on it, replaces."""
    found = set()
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or not call.args or last_name(call) not in _PATCHING:
            continue
        if dotted(call.func).split(".")[0] in _PATCHERS:
            count = 1 if isinstance(call.args[0], ast.Constant) else 2
            found.add(" ".join(ast.unparse(one) for one in call.args[:count])[:200])
    return frozenset(found)


def assigned(body: Sequence[ast.stmt], name: str) -> list[ast.expr]:
    """What a module or a class assigns to a name."""
    return [
        node.value
        for node in body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
    ]


def examples(decorators: Iterable[ast.expr]) -> int:
    """How many examples hypothesis makes up."""
    for decorator in decorators:
        if isinstance(decorator, ast.Call) and last_name(decorator) == "settings":
            for keyword in decorator.keywords:
                value = keyword.value
                if keyword.arg == "max_examples" and isinstance(value, ast.Constant) and isinstance(value.value, int):
                    return value.value
    return 100


def tolerance(node: ast.AST) -> float:
    """The widest tolerance that is written out; 0 when there is none."""
    widest = 0.0
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and dotted(call.func).endswith(("approx", "isclose", "AlmostEqual")):
            for keyword in call.keywords:
                value = keyword.value
                if keyword.arg in ("rel", "abs", "delta", "rel_tol", "abs_tol") and isinstance(value, ast.Constant):
                    widest = max(widest, float(value.value) if isinstance(value.value, int | float) else 0.0)
    return widest
