"""What the names and expressions of a Python file stand for, however they are written."""

import ast
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
GETTERS = ("__getattribute__", "get", "pop", "setdefault", "__getitem__")


class Names:
    """The names of a file, wherever they are bound: one scope, since a scan must not miss any."""

    def __init__(self, nodes: list[ast.AST]) -> None:
        self.aliases: dict[str, str] = {}
        self.own: set[str] = set()
        self.stars: list[str] = []
        """Modules that all names are imported from."""
        for node in nodes:
            self._bind(node)
        for node in nodes:
            for target, value in _bindings(node):
                full = self.dotted(value)
                if full and (full in self.modules or "." in full or full in IMPORTERS):
                    self.aliases.setdefault(target, full)

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                self.aliases[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if alias.name == "*":
                    self.stars.append(node.module)
                else:
                    self.aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.own.add(node.name)

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
        return ".".join(parts)


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


def _folded_call(node: ast.Call) -> str:
    function, arguments = node.func, node.args
    if isinstance(function, ast.Name) and function.id in ("str", "chr") and len(arguments) == 1:
        return chr(ast.literal_eval(arguments[0])) if function.id == "chr" else text_of(arguments[0])
    if not isinstance(function, ast.Attribute):
        return ""
    held = text_of(function.value)
    if function.attr == "join" and len(arguments) == 1 and isinstance(arguments[0], ast.List | ast.Tuple):
        parts = [text_of(part) for part in arguments[0].elts]
        return held.join(parts) if all(parts) else ""
    if held and function.attr in ("lower", "upper", "strip", "decode", "casefold", "title", "swapcase"):
        return str(getattr(held, function.attr)()) if function.attr != "decode" else held
    if held and function.attr == "replace" and len(arguments) == 2:
        wanted, instead = (ast.literal_eval(argument) for argument in arguments)
        return held.replace(wanted, instead)[:FOLDED]
    return ""


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
