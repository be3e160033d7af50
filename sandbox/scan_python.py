"""What a Python file mentions, by its syntax tree: imports, functions under any alias, paths outside."""

import ast
import contextlib
import io
import sys
import tokenize
from collections.abc import Iterator

from sandbox.scan_cheating import python_cheating
from sandbox.scan_findings import Mention
from sandbox.scan_names import BUILTIN_MODULES, BUILTINS, GETTERS, IMPORTERS, REEXPORTED, SCOPES, Names, text_of

READINGS = 12
"""Bindings of one name that are followed."""
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
    nodes += list(_annotations(nodes))
    names = Names(nodes)
    found: dict[Mention, None] = dict.fromkeys(python_cheating(nodes))
    for reading in range(min(names.readings, READINGS)):
        names = Names(nodes, reading) if reading else names
        found |= dict.fromkeys(mention for node in nodes for mention in _mentions_of(node, names))
        found |= dict.fromkeys(_handed_on(nodes, names))
    if names.readings > READINGS:
        found[Mention("computed", "a name with too many meanings", 1)] = None
    return sorted(found, key=lambda mention: mention.line)


def _annotations(nodes: list[ast.AST]) -> Iterator[ast.AST]:
    """What annotations come to that are written as texts: whoever asks for the types of a function runs them."""
    for node in nodes:
        given = getattr(node, "annotation", None) or getattr(node, "returns", None)
        for inner in ast.walk(given) if isinstance(given, ast.AST) else ():
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and "(" in inner.value:
                with contextlib.suppress(SyntaxError, ValueError):
                    for part in ast.walk(ast.parse(inner.value.strip(), mode="eval").body):
                        if hasattr(part, "lineno"):
                            part.lineno = inner.lineno
                        yield part


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
    if "." in full or (full in BUILTINS and not names.is_own(node)):
        yield Mention("function", full, node.lineno)
        module, _, _ = full.rpartition(".")
        reached = full.split(".")[0] in REEXPORTED
        if module in names.modules or reached or isinstance(node, ast.Subscript):
            yield Mention("import", full, node.lineno)
    if isinstance(node, ast.Name) and node.id not in names.aliases and not names.is_own(node):
        yield from (Mention("function", f"{module}.{node.id}", node.lineno) for module in names.stars)


def _is_namespace(node: ast.AST, names: Names) -> bool:
    """Whether an expression maps names to what can be called."""
    return _is_mapping(node, names) or names.dotted(node) in BUILTIN_MODULES


def _is_mapping(node: ast.AST, names: Names) -> bool:
    """Whether it is a dictionary of that kind: `globals()`, `vars(os)`, `os.__dict__`, `sys.modules`."""
    if isinstance(node, ast.Call):
        called, inner = names.dotted(node.func), node.args[0] if node.args else None
        return called == "globals" or (called in SCOPES and inner is not None and names.dotted(inner) in names.modules)
    if isinstance(node, ast.Attribute) and node.attr == "__dict__":
        return names.dotted(node.value) in names.modules
    return names.dotted(node) == "sys.modules"


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
        elif _is_standard(names.dotted(node.args[0]), names) or _is_plain(node.args[0]):
            yield Mention("computed", ast.unparse(node)[:80], node.lineno)
    elif isinstance(node.func, ast.Attribute) and node.func.attr in ("__getattribute__", "getattr_static"):
        key = text_of(node.args[-1]) if node.args else ""
        yield Mention("attribute", key, node.lineno) if key else Mention("computed", called, node.lineno)
    elif _opens(called):
        yield from (Mention("path", said, node.lineno) for one in node.args[:2] if _outside(said := text_of(one)))
    if full := names.dotted(node):
        yield Mention("function", full, node.lineno)
        yield Mention("import", full, node.lineno)


def _is_standard(name: str, names: Names) -> bool:
    """Whether a name is a module of the standard library: most of them hold dangerous ones as members."""
    return name in names.modules and name.split(".")[0] in (*sys.stdlib_module_names, *BUILTIN_MODULES)


def _is_plain(node: ast.expr) -> bool:
    """Whether an expression is a builtin or a literal: all classes can be reached from one by computed names."""
    if isinstance(node, ast.Name):
        return node.id in BUILTINS
    return isinstance(node, ast.Constant | ast.Tuple | ast.List | ast.Dict | ast.Set | ast.Lambda)


def _opens(called: str) -> bool:
    """Whether a function takes paths."""
    if called in OPENERS or called.endswith((".open", ".Path")):
        return True
    return called.startswith(("os.", "shutil.", "glob.")) and not called.startswith(("os.path.", "os.environ"))


def _handed_on(nodes: list[ast.AST], names: Names) -> Iterator[Mention]:
    """Powerful modules and mappings of names that are used as values: in a list, as an argument, returned."""
    used: set[int] = set()
    members = {id(one) for node in nodes if isinstance(node, ast.ClassDef) for one in node.body}
    for node in nodes:
        if isinstance(node, ast.Attribute):
            if node.attr in (*GETTERS, "keys", "__dict__") or not _is_mapping(node.value, names):
                used.add(id(node.value))
        elif isinstance(node, ast.Subscript):
            used.add(id(node.value))
        elif isinstance(node, ast.Compare):
            used.update(id(one) for one in node.comparators)
        elif isinstance(node, ast.Call) and names.dotted(node.func) in ("getattr", *SCOPES, *INSPECTED):
            used.update(id(argument) for argument in node.args)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and id(node) not in members:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            used.update(*(_values(target, node.value) for target in targets if node.value))
        elif isinstance(node, ast.For | ast.comprehension) and isinstance(node.iter, ast.List | ast.Tuple):
            used.update(id(value) for value in node.iter.elts)
        if id(node) in used or isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            continue
        if isinstance(node, ast.expr) and _is_mapping(node, names):
            yield Mention("computed", ast.unparse(node)[:80], node.lineno)
        elif isinstance(node, ast.Name):
            full = names.aliases.get(node.id, node.id if node.id == "__builtins__" else "")
            if full in POWERFUL:
                yield Mention("handed", full, node.lineno)


def _values(target: ast.expr, value: ast.expr) -> set[int]:
    """What an assignment binds to plain names, which the names' table follows."""
    if isinstance(target, ast.Name):
        return {id(value)}
    if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        pairs = zip(target.elts, value.elts, strict=False)
        return {id(given) for one, given in pairs if isinstance(one, ast.Name)}
    return set()


def _outside(path: str) -> bool:
    """Whether a literal path leads out of the workspace."""
    if path.startswith("/"):
        return not any(path == allowed or path.startswith(f"{allowed}/") for allowed in OUTSIDE_ALLOWED)
    return path.startswith("~") or path.split("/")[0] == ".."
