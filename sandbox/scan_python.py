"""What a Python file mentions, by its syntax tree: imports, functions under any alias, paths outside."""

import ast
import builtins
from collections.abc import Iterator

from sandbox.scan_findings import Mention

BUILTINS = frozenset(dir(builtins)) | {"__import__"}
IMPORTERS = ("__import__", "importlib.import_module", "importlib.__import__")
OPENERS = ("open", "io.open", "os.open", "codecs.open", "pathlib.Path")
OUTSIDE_ALLOWED = ("/tmp", "/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/workspace", "/proc/self")
BUILTIN_MODULES = ("builtins", "__builtins__", "__builtin__")


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
    names = _Names(nodes)
    return sorted(
        (mention for node in nodes for mention in _mentions_of(node, names)), key=lambda mention: mention.line
    )


class _Names:
    """What the names of a file stand for, wherever they are bound: one scope, since a scan must not miss any."""

    def __init__(self, nodes: list[ast.AST]) -> None:
        self.aliases: dict[str, str] = {}
        self.own: set[str] = set()
        for node in nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.aliases[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    self.aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.own.add(node.name)
        for node in nodes:
            if isinstance(node, ast.Assign) and (value := self.dotted(node.value)) and value in self.aliases.values():
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self.aliases.setdefault(target.id, value)

    def dotted(self, node: ast.AST) -> str:
        """The full name of an expression, as `os.system`; empty when it has none."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        first = self.aliases.get(node.id, node.id)
        full = ".".join([first, *reversed(parts)])
        for module in BUILTIN_MODULES:
            full = full.removeprefix(f"{module}.")
        return full


def _mentions_of(node: ast.AST, names: _Names) -> Iterator[Mention]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Mention("import", alias.name, node.lineno)
    elif isinstance(node, ast.ImportFrom):
        if node.module and not node.level:
            yield Mention("import", node.module, node.lineno)
            for alias in node.names:
                yield Mention("import", f"{node.module}.{alias.name}", node.lineno)
                yield Mention("function", f"{node.module}.{alias.name}".removeprefix("builtins."), node.lineno)
    elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
        yield from _reference(node, names)
    elif isinstance(node, ast.Call):
        yield from _call(node, names)
    elif isinstance(node, ast.Subscript):
        yield from _subscript(node, names)


def _reference(node: ast.Name | ast.Attribute, names: _Names) -> Iterator[Mention]:
    """A function counts wherever it is named, since it can be called under another name later."""
    full = names.dotted(node)
    if not full:
        return
    builtin = "." not in full
    if not builtin or (full in BUILTINS and full not in names.own):
        yield Mention("function", full, node.lineno)


def _call(node: ast.Call, names: _Names) -> Iterator[Mention]:
    called = names.dotted(node.func)
    first = node.args[0] if node.args else None
    text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
    if called in IMPORTERS:
        yield Mention("import", text, node.lineno) if text else Mention("dynamic", called, node.lineno)
    elif called == "getattr" and len(node.args) >= 2:
        yield from _member(node.args[0], node.args[1], names, node.lineno)
    elif (called in OPENERS or called.endswith((".open", ".Path"))) and text and _outside(text):
        yield Mention("path", text, node.lineno)


def _subscript(node: ast.Subscript, names: _Names) -> Iterator[Mention]:
    """`__builtins__["eval"]`, `vars(os)["system"]`, `os.__dict__["system"]`."""
    holder: ast.AST = node.value
    if isinstance(holder, ast.Call) and names.dotted(holder.func) == "vars" and holder.args:
        holder = holder.args[0]
    elif isinstance(holder, ast.Attribute) and holder.attr == "__dict__":
        holder = holder.value
    if isinstance(holder, ast.Name) and (holder.id in names.aliases or holder.id in BUILTIN_MODULES):
        yield from _member(holder, node.slice, names, node.lineno)


def _member(holder: ast.AST, member: ast.AST, names: _Names, line: int) -> Iterator[Mention]:
    module = names.dotted(holder)
    if module not in names.aliases.values() and module not in BUILTIN_MODULES:
        return
    if isinstance(member, ast.Constant) and isinstance(member.value, str):
        yield Mention("function", member.value if module in BUILTIN_MODULES else f"{module}.{member.value}", line)
    elif module in BUILTIN_MODULES:
        yield Mention("dynamic", f"{module}[...]", line)


def _outside(path: str) -> bool:
    """Whether a literal path leads out of the workspace."""
    if path.startswith("/"):
        return not any(path == allowed or path.startswith(f"{allowed}/") for allowed in OUTSIDE_ALLOWED)
    return path.startswith("~") or path.split("/")[0] == ".."
