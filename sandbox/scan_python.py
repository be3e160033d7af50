"""What a Python file mentions, by its syntax tree: imports, functions under any alias, paths outside."""

import ast
import builtins
import io
import sys
import tokenize
from collections.abc import Iterator

from sandbox.scan_findings import Mention
from sandbox.scan_names import BUILTIN_MODULES, IMPORTERS, REEXPORTED, SCOPES, Names, text_of

BUILTINS = frozenset(dir(builtins)) | {"__import__"}
OPENERS = ("open", "io.open", "os.open", "codecs.open", "pathlib.Path")
OUTSIDE_ALLOWED = ("/tmp", "/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/workspace", "/proc/self")
POWERFUL = frozenset({"os", "sys", "builtins", "__builtins__", "importlib", "asyncio", "shutil"})
"""Modules whose functions the rules name: handed on as a value, they can be reached under any name."""
INSPECTED = ("hasattr", "dir", "id", "type", "repr", "str", "help", "isinstance", "importlib.reload")
"""Functions that may have such a module as their argument."""
ENCODINGS = ("utf-8", "utf-8-sig", "ascii")


class Unreadable(Exception):
    """The bytes are no text that is read as Python reads it."""


def python_source(content: bytes) -> str:
    """The text of a file, as Python decodes it.

    Raises:
        Unreadable: it is in another encoding than UTF-8, or holds what cuts it off.
    """
    if b"\0" in content:
        raise Unreadable("it holds a null byte")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        if encoding not in ENCODINGS:
            raise Unreadable(f"it is written in {encoding}, not UTF-8")
        return content.decode("utf-8-sig")
    except (UnicodeDecodeError, SyntaxError, LookupError) as exc:
        raise Unreadable("it is not UTF-8") from exc


def python_mentions(source: str) -> list[Mention]:
    """All that a file mentions; a syntax error is a mention too.

    Raises:
        RecursionError: the file nests too deeply to be read.
        MemoryError: the parser's stack overflowed.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as exc:
        return [Mention("syntax", str(exc), getattr(exc, "lineno", None) or 1)]
    nodes = list(ast.walk(tree))
    names = Names(nodes)
    found = [mention for node in nodes for mention in _mentions_of(node, names)]
    found += _handed_on(tree, names)
    return sorted(found, key=lambda mention: mention.line)


def _mentions_of(node: ast.AST, names: Names) -> Iterator[Mention]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Mention("import", alias.name, node.lineno)
    elif isinstance(node, ast.ImportFrom):
        if node.module and not node.level:
            yield Mention("import", node.module, node.lineno)
            for alias in node.names:
                yield Mention("import", f"{node.module}.{alias.name}", node.lineno)
                yield Mention("function", f"{node.module}.{alias.name}".removeprefix("builtins."), node.lineno)
    elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield from _reference(node, names)
    elif isinstance(node, ast.Call):
        yield from _call(node, names)
    elif isinstance(node, ast.MatchClass):
        yield from _reference(node.cls, names)


def _reference(node: ast.expr, names: Names) -> Iterator[Mention]:
    """A function counts wherever it is named, since it can be called under another name later."""
    if isinstance(node, ast.Attribute):
        yield Mention("attribute", node.attr, node.lineno)
    elif isinstance(node, ast.Subscript) and (key := text_of(node.slice)):
        yield Mention("attribute", key, node.lineno)
    full = names.dotted(node)
    if not full:
        own = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name) and node.slice.id == "__name__"
        if isinstance(node, ast.Subscript) and not own and _is_namespace(node.value, names):
            yield Mention("computed", ast.unparse(node)[:80], node.lineno)
        return
    if "." in full or (full in BUILTINS and full not in names.own):
        yield Mention("function", full, node.lineno)
        module, _, _ = full.rpartition(".")
        reached = full.split(".")[0] in REEXPORTED
        if module in names.modules or reached or isinstance(node, ast.Subscript):
            yield Mention("import", full, node.lineno)
    if isinstance(node, ast.Name) and node.id not in names.aliases and node.id not in names.own:
        yield from (Mention("function", f"{module}.{node.id}", node.lineno) for module in names.stars)


def _is_namespace(node: ast.AST, names: Names) -> bool:
    """Whether an expression maps names to what can be called: `globals()`, `vars(os)`, `os.__dict__`, `sys.modules`."""
    if isinstance(node, ast.Call):
        called, inner = names.dotted(node.func), node.args[0] if node.args else None
        return called == "globals" or (called in SCOPES and inner is not None and names.dotted(inner) in names.modules)
    if isinstance(node, ast.Attribute) and node.attr == "__dict__":
        return names.dotted(node.value) in names.modules
    return names.dotted(node) in ("sys.modules", *BUILTIN_MODULES)


def _call(node: ast.Call, names: Names) -> Iterator[Mention]:
    called = names.dotted(node.func)
    first = node.args[0] if node.args else None
    text = text_of(first) if first is not None else ""
    if called in IMPORTERS:
        yield Mention("import", text, node.lineno) if text else Mention("dynamic", called, node.lineno)
    elif called in ("getattr", "setattr", "delattr") and len(node.args) >= 2:
        key = text_of(node.args[1])
        if key:
            yield Mention("attribute", key, node.lineno)
        elif _is_standard(names.dotted(node.args[0]), names):
            yield Mention("computed", ast.unparse(node)[:80], node.lineno)
    elif (called in OPENERS or called.endswith((".open", ".Path"))) and text and _outside(text):
        yield Mention("path", text, node.lineno)
    if full := names.dotted(node):
        yield Mention("function", full, node.lineno)
        yield Mention("import", full, node.lineno)


def _is_standard(name: str, names: Names) -> bool:
    """Whether a name is a module of the standard library: most of them hold dangerous ones as members."""
    return name in names.modules and name.split(".")[0] in (*sys.stdlib_module_names, *BUILTIN_MODULES)


def _handed_on(tree: ast.AST, names: Names) -> Iterator[Mention]:
    """Powerful modules that are used as values: in a list, as an argument, returned."""
    used: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript):
            used.add(id(node.value))
        elif isinstance(node, ast.Call) and names.dotted(node.func) in ("getattr", *SCOPES, *INSPECTED):
            used.update(id(argument) for argument in node.args)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            used.update(_values(node.value) if node.value else ())
        elif isinstance(node, ast.For | ast.comprehension) and isinstance(node.iter, ast.List | ast.Tuple):
            used.update(id(value) for value in node.iter.elts)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in used:
            full = names.aliases.get(node.id, node.id if node.id == "__builtins__" else "")
            if full in POWERFUL:
                yield Mention("handed", full, node.lineno)


def _values(value: ast.expr) -> set[int]:
    """What an assignment binds to plain names, which the names' table follows."""
    if isinstance(value, ast.Tuple | ast.List):
        return {id(one) for one in value.elts}
    return {id(value)}


def _outside(path: str) -> bool:
    """Whether a literal path leads out of the workspace."""
    if path.startswith("/"):
        return not any(path == allowed or path.startswith(f"{allowed}/") for allowed in OUTSIDE_ALLOWED)
    return path.startswith("~") or path.split("/")[0] == ".."
