"""Which modules of other people a file imports, by its syntax tree; nothing of it is run."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sandbox.packages.names import package_of

if TYPE_CHECKING:
    from sandbox.scan_javascript import Dialect

_BUILT_IN = """
    assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain
    events fs http http2 https inspector module net os path perf_hooks process punycode querystring readline repl
    stream string_decoder sys test timers tls trace_events tty url util v8 vm wasi worker_threads zlib
"""
NODE_BUILT_IN = frozenset(_BUILT_IN.split())
FORGIVING = ("ImportError", "ModuleNotFoundError", "Exception")
_MISSING = (
    re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '?([A-Za-z_][\w.]*)'?"),
    re.compile(r"Cannot find (?:package|module) '((?:@[\w.-]+/)?[\w.-]+(?:/[\w./-]+)?)'"),
)
_NO_FIXTURE = re.compile(r"fixture '(\w+)' not found")
_NO_ASYNC = re.compile(r"async def functions are not natively supported|'asyncio' not found in `markers`")
FIXTURES = {
    "aiohttp_client": "pytest_aiohttp",
    "anyio_backend": "anyio",
    "benchmark": "pytest_benchmark",
    "faker": "Faker",
    "freezer": "pytest_freezer",
    "httpserver": "pytest_httpserver",
    "httpx_mock": "pytest_httpx",
    "mocker": "pytest_mock",
    "requests_mock": "requests_mock",
    "respx_mock": "respx",
    "snapshot": "syrupy",
    "subprocess_mock": "pytest_subprocess",
}
"""Fixtures that tests take for granted, and the plugins that bring them."""


def python_imports(source: str) -> dict[str, int]:
    """Top-level modules that a Python file cannot do without, each with its first line; empty where it is not Python.

    What is imported only for type checkers, or in a `try` that has an answer to its absence, is left out.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found: dict[str, int] = {}
    for node in _needed(tree.body):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        else:
            continue
        for name in names:
            top = name.split(".")[0]
            if top not in sys.stdlib_module_names and not top.startswith("_"):
                found.setdefault(top, node.lineno)
    return found


def javascript_imports(source: str, dialect: "Dialect" = "javascript") -> dict[str, int]:
    """npm packages that a JavaScript or TypeScript file imports, each with its first line."""
    from sandbox.scan_javascript import javascript_mentions

    found: dict[str, int] = {}
    for mention in javascript_mentions(source.encode("utf-8", "replace"), dialect):
        name = mention.name
        if mention.kind == "import" and name and not name.startswith((".", "/", "#")) and ":" not in name:
            package = package_of(name)
            if package.split("/")[0] not in NODE_BUILT_IN:
                found.setdefault(package, mention.line)
    return found


def missing_in(texts: Iterable[str], language: str) -> tuple[str, ...]:
    """Modules that test output says are missing: top-level modules, or npm packages."""
    found: dict[str, None] = {}
    pattern = _MISSING[0] if language == "python" else _MISSING[1]
    for text in texts:
        for match in pattern.finditer(text):
            name = match[1]
            if language == "python":
                top = name.split(".")[0]
                # `No module named 'yaml.cyaml'` is about a part of a package that is there.
                if top == name and top not in sys.stdlib_module_names:
                    found[top] = None
            elif not name.startswith((".", "/")) and name.split("/")[0] not in NODE_BUILT_IN:
                found[package_of(name)] = None
        if language == "python":
            found |= dict.fromkeys(_plugins_missed(text))
    return tuple(found)


def _plugins_missed(text: str) -> Iterator[str]:
    """Plugins of pytest whose absence shows in a test's failure."""
    for match in _NO_FIXTURE.finditer(text):
        if match[1] in FIXTURES:
            yield FIXTURES[match[1]]
    if _NO_ASYNC.search(text):
        yield "pytest_asyncio"


def _needed(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a body and of all bodies within, without the parts that an import may fail in."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
        elif isinstance(node, ast.Try) and any(_forgives(handler) for handler in node.handlers):
            waiting += [*node.orelse, *node.finalbody]
        else:
            waiting += ast.iter_child_nodes(node)


def _forgives(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in FORGIVING for name in names)
