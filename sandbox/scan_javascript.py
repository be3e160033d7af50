"""What a JavaScript or TypeScript file mentions, by its syntax tree: modules, dangerous functions, paths outside."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from sandbox.scan_findings import Mention
from sandbox.scan_javascript_names import BOUND, Names, literal, plain, text

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

Dialect = Literal["javascript", "typescript", "tsx"]
DIALECTS: dict[str, Dialect] = {
    ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript",
    ".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "tsx",
}  # fmt: skip
FILE_MODULES = ("fs.", "fs/promises.", "fsp.", "promises.")
LOADERS = ("import", "createRequire", "process.getBuiltinModule", "_load")
NAMESPACES = frozenset({"globalThis", "global", "process", "module", "require", "window", "self"})
"""What a computed member of may be anything."""
EXPOSING = ("Object.entries", "Object.values", "Object.assign", "Object.create", "Object.getOwnPropertyDescriptors",
            "Object.getOwnPropertyNames", "Reflect.ownKeys")  # fmt: skip
"""Functions that give what an object holds, under no name."""
FUNCTIONS = ("arrow_function", "function_expression", "function", "generator_function", "class",
             "parenthesized_expression")  # fmt: skip
"""Expressions that are functions, whose constructor makes functions of texts."""
ADDRESSES = ("data:", "http:", "https:", "blob:", "file:")
"""Modules that are code from elsewhere, or in the import itself."""


def javascript_mentions(source: bytes, dialect: Dialect = "javascript") -> list[Mention]:
    """All that a file mentions; a syntax error is a mention too.

    Args:
        source: the file, in UTF-8.
        dialect: which grammar it is read by.
    """
    root = _parse(source, dialect).root_node
    nodes: list[Node] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        nodes.append(node)
        waiting += reversed(node.children)
    names = Names(nodes)
    found = [mention for node in nodes for mention in _mentions_of(node, names)]
    if root.has_error:
        found.append(Mention("syntax", f"not {dialect} as this version reads it", 1))
    return sorted(found, key=lambda mention: mention.line)


def _parse(source: bytes, dialect: Dialect) -> "Tree":
    from tree_sitter import Language, Parser

    if dialect == "javascript":
        import tree_sitter_javascript

        grammar = tree_sitter_javascript.language()
    else:
        import tree_sitter_typescript

        typescript = dialect == "typescript"
        grammar = tree_sitter_typescript.language_typescript() if typescript else tree_sitter_typescript.language_tsx()
    return Parser(Language(grammar)).parse(source)


def _mentions_of(node: "Node", names: Names) -> Iterator[Mention]:
    line = node.start_point[0] + 1
    match node.type:
        case "import_statement" | "export_statement" | "import_require_clause":
            yield from _imported(node, line)
        case "call_expression" | "new_expression":
            yield from _call(node, names, line)
        case "member_expression" | "subscript_expression":
            yield from _member(node, names, line)
        case "identifier" | "shorthand_property_identifier" if not _is_declared(node):
            yield from _identifier(node, names, line)
        case "with_statement":
            yield Mention("computed", "with", line)
        case "shorthand_property_identifier_pattern" | "pair_pattern" if _takes_constructor(node):
            yield Mention("function", "Function", line)
        case "shorthand_property_identifier_pattern" | "pair_pattern" | "import_specifier":
            if (full := names.bound.get(node.start_byte)) is not None:
                yield Mention("function", full, line)


def _imported(node: "Node", line: int) -> Iterator[Mention]:
    source = node.child_by_field_name("source")
    if source is None and node.type == "import_require_clause":
        source = next((child for child in node.named_children if child.type == "string"), None)
    # Types are gone before anything runs.
    if source is None or (len(node.children) > 1 and node.children[1].type == "type"):
        return
    yield _module(literal(source), "import", line)


def _identifier(node: "Node", names: Names, line: int) -> Iterator[Mention]:
    full = names.dotted(node)
    yield Mention("function", full, line)
    if text(node) in names.ambiguous:
        yield Mention("computed", f"{text(node)}, which stands for several things", line)
    if full in ("require", "module.require") and not _is_reached(node):
        yield Mention("dynamic", "require under another name", line)
    elif plain(text(node)) in ("globalThis", "global") and not _is_reached(node) and not _is_kept(node):
        yield Mention("handed", text(node), line)


def _member(node: "Node", names: Names, line: int) -> Iterator[Mention]:
    full = names.dotted(node)
    if full:
        yield Mention("function", full, line)
    key = node.child_by_field_name("property") or node.child_by_field_name("index")
    word = (text(key) if node.type == "member_expression" else literal(key)) if key is not None else ""
    if word:
        yield Mention("attribute", word, line)
    holder = node.child_by_field_name("object")
    if node.type == "subscript_expression" and holder is not None and not word:
        held = names.dotted(holder)
        if holder.type in FUNCTIONS or held in NAMESPACES or plain(text(holder)) in NAMESPACES or held in names.modules:
            yield Mention("computed", text(node)[:80], line)
    if word == "constructor" and holder is not None and names.last_word(holder) == "constructor":
        yield Mention("function", "Function", line)


def _call(node: "Node", names: Names, line: int) -> Iterator[Mention]:
    function = node.child_by_field_name("function") or node.child_by_field_name("constructor")
    arguments = node.child_by_field_name("arguments")
    if function is None:
        return
    name = "import" if function.type == "import" else names.dotted(function)
    # A tag is called with its template: require`net`.
    tagged = arguments is not None and arguments.type == "template_string"
    given = [] if arguments is None or tagged else [one for one in arguments.named_children if one.type != "comment"]
    first = arguments if tagged else (given[0] if given else None)
    said = literal(first) if first is not None else ""
    if _loads(name):
        if said:
            yield _module(said, name, line)
        elif name != "createRequire" and not name.endswith(".createRequire"):
            yield Mention("dynamic", f"{name}(...)", line)
    elif name.startswith(FILE_MODULES) and said and said.startswith(("/", "../")) and not said.startswith("/tmp"):
        yield Mention("path", said, line)
    elif (names.last_word(function) == "constructor" or name.endswith(".constructor")) and said:
        yield Mention("computed", text(node)[:80], line)
    if name.endswith(BOUND) and _loads(name[: name.rindex(".")]):
        yield Mention("dynamic", name, line)
    elif name in ("Reflect.get", "Reflect.getOwnPropertyDescriptor") and len(given) > 1:
        key = literal(given[1])
        yield Mention("function", "Function", line) if key == "constructor" else Mention("attribute", key, line)
    elif name in EXPOSING and given and _is_namespace(given[0], names):
        yield Mention("handed", text(given[0])[:80], line)
    if full := names.dotted(node):
        yield Mention("function", full, line)


def _is_namespace(node: "Node", names: Names) -> bool:
    return names.dotted(node) in NAMESPACES or plain(text(node)) in NAMESPACES


def _loads(name: str) -> bool:
    return name in ("require", *LOADERS) or name.endswith((".require", "._load", ".createRequire"))


def _takes_constructor(node: "Node") -> bool:
    """Whether the constructor is taken out of a function, which makes functions of texts."""
    key = node.child_by_field_name("key") or node
    word = literal(key.named_children[0]) if key.type == "computed_property_name" else text(key).strip("'\"")
    holder = node.parent.parent if node.parent is not None else None
    value = holder.child_by_field_name("value") if holder is not None else None
    return word == "constructor" and value is not None and value.type in FUNCTIONS


def _module(name: str, how: str, line: int) -> Mention:
    if name.startswith(ADDRESSES):
        return Mention("dynamic", f"{how} of {name[:40]}", line)
    if name.endswith((".node", ".wasm")):
        return Mention("function", "process.dlopen", line)
    return Mention("import", name.removeprefix("node:"), line)


def _is_reached(node: "Node") -> bool:
    """Whether a name is called, or only a member of it is used."""
    parent = _unwrapped(node)
    if parent is None:
        return False
    if parent.type in ("member_expression", "subscript_expression"):
        return True
    return parent.type == "call_expression" and (function := parent.child_by_field_name("function")) is not None and (
        function.start_byte <= node.start_byte < function.end_byte
    )  # fmt: skip


def _is_kept(node: "Node") -> bool:
    """Whether a name is only given another name, which is followed, or asked for its type."""
    parent = _unwrapped(node)
    return parent is not None and parent.type in ("variable_declarator", "unary_expression")


def _unwrapped(node: "Node") -> "Node | None":
    parent = node.parent
    while parent is not None and parent.type in ("parenthesized_expression", "as_expression", "non_null_expression"):
        parent = parent.parent
    return parent


def _is_declared(node: "Node") -> bool:
    """Whether an identifier only names something new, as a parameter or a variable does."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type in ("import_specifier", "import_clause", "namespace_import", "required_parameter"):
        return parent.child_by_field_name("value") != node
    declares = ("variable_declarator", "function_declaration", "class_declaration", "method_definition")
    return parent.type in declares and parent.child_by_field_name("name") == node
