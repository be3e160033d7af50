"""What the names and expressions of a Python file stand for, however they are written."""

import ast
import builtins
import sys
from collections.abc import Iterator

BUILTIN_MODULES = ("builtins", "__builtins__", "__builtin__")
IMPORTERS = ("__import__", "importlib.import_module", "importlib.__import__")
SCOPES = ("globals", "locals", "vars")
FOLDED = 100_000
"""Characters above which a computed text is not worked out."""
REEXPORTED = frozenset(
    {"os", "posix", "subprocess", "socket", "ctypes", "pickle", "builtins", "importlib", "pty", "runpy"}
)
"""Modules that others of the standard library hold as members: `logging.os`, `random._os`."""
BUILTINS = frozenset(dir(builtins)) | {"__import__"}
_KNOWN = frozenset((*sys.stdlib_module_names, *BUILTIN_MODULES, *BUILTINS))
_PLAIN_CODECS = ("utf-8", "utf8", "ascii", "latin-1", "latin1", "strict")
GETTERS = ("__getattribute__", "get", "pop", "setdefault", "__getitem__")


class Names:
    """The names of a file, wherever they are bound: one scope, since a scan must not miss any.

    A name that is bound to several things stands for one of them in each reading; `readings` says how many there are.
    """

    def __init__(self, nodes: list[ast.AST], reading: int = 0) -> None:
        """
        Args:
            nodes: the whole tree of a file, the module first.
            reading: which of its bindings a name stands for that has several.
        """
        self.aliases: dict[str, str] = {}
        self._bound: dict[str, list[str]] = {}
        self._reading = reading
        self._own = _own_names(nodes)
        self.stars: list[str] = []
        """Modules that all names are imported from."""
        for node in nodes:
            self._bind(node)
        if any(module.split(".")[0] in _KNOWN for module in self.stars):
            self._own.clear()
        for node in nodes:
            for target, value in _bindings(node):
                full = self.dotted(value)
                if full and (full in self.modules or "." in full or full in IMPORTERS or full in BUILTINS):
                    self._bind_name(target, full)

    @property
    def readings(self) -> int:
        """How often the file has to be read so that each name has stood for all that it is bound to."""
        return max((len(found) for found in self._bound.values()), default=1)

    def is_own(self, name: ast.AST) -> bool:
        """Whether a name is certainly what the file itself defines, and no longer the builtin of that name."""
        since = self._own.get(name.id) if isinstance(name, ast.Name) else None
        return since is not None and isinstance(name, ast.Name) and (name.lineno, name.col_offset) >= since

    def _bind_name(self, name: str, full: str) -> None:
        """Names of the standard library are what the rules are about; of others the first binding will do."""
        found = self._bound.setdefault(name, [])
        if full in found or (found and full.split(".")[0] not in _KNOWN and found[0].split(".")[0] not in _KNOWN):
            return
        found.append(full)
        self.aliases[name] = found[min(self._reading, len(found) - 1)]

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                self._bind_name(alias.asname or first, alias.name if alias.asname else first)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if alias.name == "*":
                    self.stars.append(node.module)
                else:
                    self._bind_name(alias.asname or alias.name, f"{node.module}.{alias.name}")

    @property
    def modules(self) -> frozenset[str]:
        """What is imported, under its full name."""
        return frozenset((*self.aliases.values(), *BUILTIN_MODULES))

    def dotted(self, node: ast.AST) -> str:
        """The full name of an expression, as `os.system`; empty when it has none."""
        parts: list[str] = []
        while True:
            if isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
            elif isinstance(node, ast.NamedExpr):
                node = node.value
            elif isinstance(node, ast.Subscript) and (key := text_of(node.slice)):
                parts.append(key)
                node = node.value
            elif isinstance(node, ast.Call):
                step = self._through_call(node)
                if step is None:
                    return ""
                node, more = step
                parts += more
            else:
                break
        if not isinstance(node, ast.Name):
            return ""
        return self._plain(self.aliases.get(node.id, node.id), [part for part in reversed(parts) if part])

    def _through_call(self, call: ast.Call) -> tuple[ast.AST, list[str]] | None:
        """The expression that a call reaches into, and the parts that it adds; None when it computes anything else."""
        name = self.dotted(call.func)
        first = call.args[0] if call.args else None
        key = text_of(call.args[1]) if len(call.args) > 1 else ""
        if name == "getattr" and first is not None and key:
            return first, [key]
        if name in SCOPES:
            # Of a scope come the names of the file itself.
            return (first, []) if first is not None else (ast.Name("builtins", ast.Load()), [])
        if name in IMPORTERS and first is not None and (module := text_of(first)):
            top = module if name == "importlib.import_module" else module.split(".")[0]
            return ast.Name(top, ast.Load()), []
        if isinstance(call.func, ast.Attribute) and call.func.attr in GETTERS and first is not None:
            holder, wanted = call.func.value, text_of(first)
            if wanted and (call.func.attr == "__getattribute__" or self._is_scope(holder)):
                return holder, [wanted]
        getter = call.func
        if isinstance(getter, ast.Call) and self.dotted(getter.func) == "operator.attrgetter" and first is not None:
            return (first, [text_of(getter.args[0])]) if getter.args else None
        return None

    def _is_scope(self, node: ast.AST) -> bool:
        """Whether an expression is a mapping of names: a module's, a file's, or that of all modules."""
        if isinstance(node, ast.Call):
            return self.dotted(node.func) in SCOPES
        if isinstance(node, ast.Attribute) and node.attr == "__dict__":
            return True
        return self.dotted(node) in ("sys.modules", *BUILTIN_MODULES)

    def _plain(self, first: str, rest: list[str]) -> str:
        parts = [*first.split("."), *(part for part in rest if part not in ("__dict__",))]
        if parts[:2] == ["sys", "modules"] and len(parts) > 2:
            parts = [*parts[2].split("."), *parts[3:]]
        while len(parts) > 1 and parts[0] in BUILTIN_MODULES:
            parts = parts[1:]
        if len(parts) > 1 and parts[0] in self.aliases and parts[0] != first:
            parts = [*self.aliases[parts[0]].split("."), *parts[1:]]
        if parts[0] in sys.stdlib_module_names:
            last = next((at for at in range(len(parts) - 1, 0, -1) if parts[at].lstrip("_") in REEXPORTED), 0)
            if last and parts[last - 1 : last + 1] != ["asyncio", "subprocess"]:
                parts = [parts[last].lstrip("_"), *parts[last + 1 :]]
        while len(parts) > 1 and parts[0] in BUILTIN_MODULES:
            parts = parts[1:]
        return ".".join(parts)


def _own_names(nodes: list[ast.AST]) -> dict[str, tuple[int, int]]:
    """Functions and classes that a file defines for certain, each with the place from which on its name is that."""
    own: dict[str, tuple[int, int]] = {}
    for node in nodes[0].body if nodes and isinstance(nodes[0], ast.Module) else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            own.setdefault(node.name, (node.body[0].lineno, node.body[0].col_offset))
        elif isinstance(node, ast.ClassDef):
            own.setdefault(node.name, (node.end_lineno or node.lineno, node.end_col_offset or 0))
    for other in nodes:
        if isinstance(other, ast.Name) and isinstance(other.ctx, ast.Del):
            own.pop(other.id, None)
    return own


def text_of(node: ast.AST) -> str:
    """The text that an expression is, also where it is put together from pieces; empty when it cannot be said."""
    try:
        return _folded(node)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError):
        return ""


def _folded(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        return node.value if isinstance(node.value, str) else node.value.decode("utf-8", "replace")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = text_of(node.left), text_of(node.right)
        return left + right if left and right and len(left) + len(right) < FOLDED else ""
    if isinstance(node, ast.JoinedStr):
        if any(isinstance(part, ast.FormattedValue) and not _is_as_it_is(part) for part in node.values):
            return ""
        parts = [text_of(part.value if isinstance(part, ast.FormattedValue) else part) for part in node.values]
        return "".join(parts) if all(parts) else ""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        start, stop, step = (
            ast.literal_eval(part) if part else None for part in (node.slice.lower, node.slice.upper, node.slice.step)
        )
        return text_of(node.value)[start:stop:step]
    if isinstance(node, ast.Call):
        return _folded_call(node)
    return ""


def _is_as_it_is(part: ast.FormattedValue) -> bool:
    """Whether a text is put into another unchanged."""
    return part.conversion == -1 and part.format_spec is None and not _has_bytes(part.value)


def _has_bytes(node: ast.AST) -> bool:
    return any(isinstance(one, ast.Constant) and isinstance(one.value, bytes) for one in ast.walk(node))


def _folded_call(node: ast.Call) -> str:
    function, arguments = node.func, node.args
    if isinstance(function, ast.Name) and function.id in ("str", "chr") and len(arguments) == 1:
        if _has_bytes(arguments[0]):
            return ""
        return chr(ast.literal_eval(arguments[0])) if function.id == "chr" else text_of(arguments[0])
    if not isinstance(function, ast.Attribute):
        return ""
    held = text_of(function.value)
    if function.attr == "join" and len(arguments) == 1 and isinstance(arguments[0], ast.List | ast.Tuple):
        parts = [text_of(part) for part in arguments[0].elts]
        return held.join(parts) if all(parts) and sum(map(len, parts)) < FOLDED else ""
    if held and function.attr == "decode":
        return held if held.isascii() and all(_codec(one) in _PLAIN_CODECS for one in arguments) else ""
    if held and not arguments and function.attr in ("lower", "upper", "strip", "casefold", "title", "swapcase"):
        return str(getattr(held, function.attr)())
    if held and function.attr == "replace" and len(arguments) == 2:
        wanted, instead = (ast.literal_eval(argument) for argument in arguments)
        # What is cut short would be another text.
        return held.replace(wanted, instead) if held.count(wanted) * len(instead) + len(held) < FOLDED else ""
    return ""


def _codec(node: ast.AST) -> str:
    return text_of(node).lower().replace("_", "-")


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The plain names that a node binds, each with what it is bound to."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, node.value
            elif isinstance(target, ast.Tuple | ast.List) and isinstance(node.value, ast.Tuple | ast.List):
                pairs = zip(target.elts, node.value.elts, strict=False)
                yield from ((one.id, value) for one, value in pairs if isinstance(one, ast.Name))
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and isinstance(node.target, ast.Name) and node.value:
        yield node.target.id, node.value
    elif (
        isinstance(node, ast.For | ast.comprehension)
        and isinstance(node.target, ast.Name)
        and isinstance(node.iter, ast.List | ast.Tuple | ast.Set)
    ):
        yield from ((node.target.id, value) for value in node.iter.elts)
