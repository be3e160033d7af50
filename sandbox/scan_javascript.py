"""What a JavaScript file mentions, by its syntax tree: modules, dangerous functions, paths outside."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sandbox.scan_findings import Mention

if TYPE_CHECKING:
    from tree_sitter import Node

GLOBALS = ("globalThis.", "global.", "window.", "self.")
FILE_MODULES = ("fs.", "fsp.", "promises.")


def javascript_mentions(source: bytes) -> list[Mention]:
    """All that a file mentions; a syntax error is a mention too."""
    import tree_sitter_javascript
    from tree_sitter import Language, Parser

    root = Parser(Language(tree_sitter_javascript.language())).parse(source).root_node
    found: list[Mention] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        found += _mentions_of(node)
        waiting += node.children
    if root.has_error:
        found.append(Mention("syntax", "not JavaScript as Node.js reads it", 1))
    return sorted(found, key=lambda mention: mention.line)


def _mentions_of(node: "Node") -> Iterator[Mention]:
    line = node.start_point[0] + 1
    if node.type in ("import_statement", "export_statement"):
        if (source := node.child_by_field_name("source")) is not None:
            yield _module(_string(source) or "", line)
    elif node.type == "call_expression":
        yield from _call(node, line)
    elif node.type == "member_expression" or (node.type == "identifier" and not _is_declared(node)):
        name = _name(node)
        yield Mention("function", name, line)
        if name == "require" and not _is_called(node):
            yield Mention("dynamic", "require under another name", line)
    elif node.type == "subscript_expression":
        holder, index = node.child_by_field_name("object"), node.child_by_field_name("index")
        text = _string(index) if index is not None else None
        if holder is not None and text:
            yield Mention("function", _bare(f"{_name(holder)}.{text}"), line)


def _call(node: "Node", line: int) -> Iterator[Mention]:
    function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if function is None or arguments is None:
        return
    first = arguments.named_children[0] if arguments.named_children else None
    text = _string(first) if first is not None else None
    name = _name(function)
    if function.type == "import" or name in ("require", "module.require", "createRequire"):
        yield _module(text, line) if text else Mention("dynamic", f"{name or 'import'}(...)", line)
    elif name.startswith(FILE_MODULES) and text and (text.startswith(("/", "../")) and not text.startswith("/tmp")):
        yield Mention("path", text, line)


def _module(name: str, line: int) -> Mention:
    return Mention("import", name.removeprefix("node:"), line)


def _string(node: "Node") -> str | None:
    """The value of a string literal, or of a template without substitutions; None when it is computed."""
    if node.type not in ("string", "template_string") or any(c.type == "template_substitution" for c in node.children):
        return None
    return _text(node)[1:-1]


def _name(node: "Node") -> str:
    """The dotted name of an expression without the global object's; empty when it has none."""
    return _bare(_text(node)) if node.type in ("identifier", "member_expression") else ""


def _bare(name: str) -> str:
    for prefix in GLOBALS:
        name = name.removeprefix(prefix)
    return name


def _text(node: "Node") -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _is_called(node: "Node") -> bool:
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "member_expression":
        return True
    return parent.type == "call_expression" and parent.child_by_field_name("function") == node


def _is_declared(node: "Node") -> bool:
    """Whether an identifier only names something new, as a parameter or a variable does."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "member_expression":
        return True
    declares = ("variable_declarator", "function_declaration", "class_declaration", "method_definition")
    return parent.type in declares and parent.child_by_field_name("name") == node
