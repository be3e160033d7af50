"""On which lines of JavaScript and TypeScript something begins that can run, by the syntax tree. Pure."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

JAVASCRIPT = (".js", ".mjs", ".cjs", ".jsx")
TYPESCRIPT = (".ts", ".mts", ".cts", ".tsx")
SCRIPTS = (*JAVASCRIPT, *TYPESCRIPT)
_STATEMENTS = frozenset(
    {
        *("expression_statement", "return_statement", "throw_statement", "if_statement", "switch_statement"),
        *("for_statement", "for_in_statement", "while_statement", "do_statement", "break_statement"),
        *("continue_statement", "lexical_declaration", "variable_declaration"),
    }
)
_FIELDS = ("field_definition", "public_field_definition")
TYPES = frozenset(
    {
        *("interface_declaration", "type_alias_declaration", "ambient_declaration", "type_annotation"),
        *("type_arguments", "type_parameters", "function_signature", "abstract_method_signature", "method_signature"),
        *("literal_type", "type_predicate_annotation", "asserts_annotation", "implements_clause", "index_signature"),
        *("union_type", "intersection_type", "object_type", "tuple_type", "array_type", "generic_type", "lookup_type"),
        *("conditional_type", "template_literal_type", "function_type", "constructor_type", "parenthesized_type"),
    }
)
"""What only the type checker reads: nothing of it ever runs."""


def parsed(path: str, source: bytes) -> "Tree":
    """The syntax tree of a script, in the language that its name says.

    Args:
        path: of the file.
        source: the file.
    """
    from tree_sitter import Language, Parser

    if path.endswith(TYPESCRIPT):
        import tree_sitter_typescript as typescript

        grammar = typescript.language_tsx() if path.endswith(".tsx") else typescript.language_typescript()
    else:
        import tree_sitter_javascript

        grammar = tree_sitter_javascript.language()
    return Parser(Language(grammar)).parse(source)


def statement_lines(path: str, source: bytes) -> frozenset[int]:
    """The lines, from 1, on which a statement begins, a function's only expression, or one way of a choice.

    Args:
        path: of the file.
        source: the file.
    """
    found: set[int] = set()
    waiting = [parsed(path, source).root_node]
    while waiting:
        node = waiting.pop()
        if node.type in TYPES:
            continue
        for begun in _begun(node):
            found.add(begun.start_point[0] + 1)
        waiting += node.named_children
    return frozenset(found)


def _begun(node: "Node") -> "list[Node]":
    if node.type in _STATEMENTS:
        return [node]
    wanted: list[Node | None] = []
    if node.type in _FIELDS:
        wanted = [node] if node.child_by_field_name("value") is not None else []
    elif node.type == "arrow_function":
        body = node.child_by_field_name("body")
        wanted = [] if body is None or body.type == "statement_block" else [body]
    elif node.type == "ternary_expression":
        wanted = [node.child_by_field_name(name) for name in ("consequence", "alternative")]
    elif node.type == "binary_expression":
        operator = node.child_by_field_name("operator")
        if operator is not None and operator.type in ("&&", "||", "??"):
            wanted = [node.child_by_field_name("right")]
    return [one for one in wanted if one is not None]
