"""What the names and expressions of a JavaScript or TypeScript file stand for, however they are written."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

GLOBALS = ("globalThis.", "global.", "window.", "self.")
WRAPPERS = ("parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression",
            "await_expression", "type_assertion", "decorator")  # fmt: skip
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([0-7]{1,3})|(\r\n|.))", re.DOTALL)
_SHORT = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "\n": "", "\r": "", "\r\n": ""}
POWERFUL = frozenset({"process", "module", "require", "Bun", "Deno", "WebAssembly"})
"""Objects whose functions the rules name."""
BOUND = (".call", ".apply", ".bind")
"""How a function is called by another way than its name."""
DEPTH = 60
"""Wrappings of one expression that are followed."""


class Names:
    """The names of a file, wherever they are bound: one scope, since a scan must not miss any."""

    def __init__(self, nodes: "list[Node]") -> None:
        self.aliases: dict[str, str] = {}
        self.bound: dict[int, str] = {}
        """Where a name is taken out of an object or a module -> its full name there."""
        self.modules: set[str] = set()
        self.ambiguous: set[str] = set()
        for node in nodes:
            if node.type == "import_statement":
                self._import(node)
        for node in nodes:
            if node.type == "variable_declarator":
                self._declare(node.child_by_field_name("name"), node.child_by_field_name("value"))
            elif node.type == "assignment_expression":
                self._declare(node.child_by_field_name("left"), node.child_by_field_name("right"))

    def _import(self, node: "Node") -> None:
        source = node.child_by_field_name("source")
        clause = next((child for child in node.named_children if child.type.startswith("import_")), None)
        if clause is None:
            return
        if clause.type == "import_require_clause":
            names = clause.named_children
            if len(names) == 2:
                self._alias(names[0], literal(names[1]).removeprefix("node:"))
            return
        module = literal(source).removeprefix("node:") if source is not None else ""
        waiting = list(clause.named_children)
        while waiting:
            part = waiting.pop()
            if part.type == "identifier":
                self._alias(part, module)
            elif part.type == "import_specifier":
                name, alias = part.child_by_field_name("name"), part.child_by_field_name("alias")
                if name is not None:
                    full = f"{module}.{text(name)}"
                    self.aliases[text(alias or name)] = full
                    self.bound[part.start_byte] = full
            else:
                waiting += part.named_children

    def _alias(self, node: "Node", module: str) -> None:
        self.aliases[text(node)] = module
        self.modules.add(module)

    def _declare(self, name: "Node | None", value: "Node | None") -> None:
        if name is None or value is None:
            return
        full = self.dotted(value)
        if name.type == "identifier":
            if full and full != text(name):
                self._rebind(text(name), full)
        elif name.type == "object_pattern" and (full or plain(text(value)) in ("globalThis", "global")):
            for part in name.named_children:
                key, bound = part, part
                if part.type == "pair_pattern":
                    key, bound = part.child_by_field_name("key") or part, part.child_by_field_name("value") or part
                word = text(key) if key.type != "computed_property_name" else literal(key.named_children[0])
                member = _bare(f"{full}.{word.strip(chr(34) + chr(39))}")
                self.aliases.setdefault(text(bound), member)
                self.bound[part.start_byte] = member

    def _rebind(self, name: str, full: str) -> None:
        """A name that is bound several times stands for what the rules speak of; for two such, nobody can say."""
        before = self.aliases.setdefault(name, full)
        if before != full and (full in POWERFUL or full in self.modules):
            self.aliases[name] = full
            if before in POWERFUL or before in self.modules:
                self.ambiguous.add(name)

    def dotted(self, node: "Node", depth: int = 0) -> str:
        """The full name of an expression without the global object's; empty when it has none."""
        if depth > DEPTH:
            return ""
        if node.type in WRAPPERS and node.named_children:
            return self.dotted(node.named_children[-1 if node.type == "type_assertion" else 0], depth + 1)
        match node.type:
            case "identifier" | "shorthand_property_identifier" | "this":
                name = text(node)
                return _bare(self.aliases.get(name, name))
            case "sequence_expression" | "assignment_expression":
                return self.dotted(node.named_children[-1], depth + 1)
            case "member_expression" | "subscript_expression":
                return self._member(node, depth)
            case "call_expression":
                return self._called(node, depth)
        return ""

    def _member(self, node: "Node", depth: int) -> str:
        holder, key = node.child_by_field_name("object"), node.child_by_field_name("property")
        word = text(key) if key is not None else literal(node.child_by_field_name("index"))
        held = self.dotted(holder, depth + 1) if holder is not None else ""
        return _bare(f"{held}.{word}") if held and word else ""

    def _called(self, node: "Node", depth: int) -> str:
        """What a call reaches: a module that it loads, a function that loads modules, a member that it gets."""
        function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or arguments is None:
            return ""
        name = "import" if function.type == "import" else self.dotted(function, depth + 1)
        given = arguments.named_children
        if name == "Reflect.get" and len(given) > 1 and (key := literal(given[1])):
            return _bare(f"{self.dotted(given[0], depth + 1)}.{key}")
        if name == "createRequire" or name.endswith(".createRequire"):
            return "require"
        if name.endswith(BOUND) and _loads_modules(name.removesuffix(name[name.rindex(".") :])):
            return "require" if name.endswith(".bind") else ""
        if name in ("require", "import", "process.getBuiltinModule") or name.endswith((".require", "._load")):
            module = literal(given[0] if given else None).removeprefix("node:")
            if module:
                self.modules.add(module)
            return module
        return ""

    def last_word(self, node: "Node") -> str:
        """The last member of an expression, whatever it is a member of."""
        while node.type in WRAPPERS and node.named_children:
            node = node.named_children[0]
        key = node.child_by_field_name("property")
        return text(key) if key is not None else literal(node.child_by_field_name("index"))


def _loads_modules(name: str) -> bool:
    return name in ("require", "import", "process.getBuiltinModule") or name.endswith((".require", "._load"))


def literal(node: "Node | None", depth: int = 0) -> str:
    """The text that an expression is, also where it is put together from pieces; empty when it cannot be said."""
    if node is None or depth > DEPTH:
        return ""
    if node.type == "parenthesized_expression" and node.named_children:
        return literal(node.named_children[0], depth + 1)
    if node.type in ("string", "template_string"):
        if any(child.type == "template_substitution" for child in node.children):
            return ""
        return unescaped((node.text or b"").decode("utf-8", "replace")[1:-1])
    if node.type == "binary_expression" and len(node.children) == 3 and node.children[1].type == "+":
        left, right = literal(node.children[0], depth + 1), literal(node.children[2], depth + 1)
        return left + right if left and right else ""
    return ""


def text(node: "Node") -> str:
    """The source of a node, with the escapes of its names resolved."""
    return unescaped((node.text or b"").decode("utf-8", "replace"))


def unescaped(written: str) -> str:
    """A literal's or a name's text as JavaScript reads it."""
    return _ESCAPE.sub(_resolved, written) if "\\" in written else written


def _resolved(found: "re.Match[str]") -> str:
    braced, four, two, octal, other = found.groups()
    if octal:
        return chr(int(octal, 8))
    if code := braced or four or two:
        return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else ""
    return _SHORT.get(other, other)


def plain(name: str) -> str:
    """A name without the brackets around it."""
    return name.strip("() ")


def _bare(name: str) -> str:
    while name.startswith(GLOBALS):
        name = name.split(".", 1)[1]
    return name.removeprefix(".")
