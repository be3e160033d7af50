"""Mutants of JavaScript programs, by tree-sitter."""

from collections.abc import Iterator

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser

from tests.bench.retrieval.mutants import Edit, Mutant

_SIGNS = {
    "compare_closed": {"<": "<=", "<=": "<", ">": ">=", ">=": ">"},
    "eq_ne": {"===": "!==", "!==": "==="},
    "and_or": {"&&": "||", "||": "&&", "??": "&&"},
    "add_sub": {"+": "-", "-": "+"},
    "mul_div": {"*": "/", "/": "*", "%": "/"},
}
_FUNCTIONS = {"function_declaration", "method_definition", "class_declaration", "generator_function_declaration"}
_CONVERSIONS = {"Number", "String", "parseFloat", "Math.floor", "Math.round", "Math.min"}


class JavaScriptMutants:
    """All mutants of one program.

    Args:
        source: of the program.
    """

    def __init__(self, source: str) -> None:
        self._raw = source.encode()
        self._parser = Parser(Language(tree_sitter_javascript.language()))

    def all(self) -> Iterator[Mutant]:
        """Each that is still valid JavaScript."""
        yield from self._below(self._parser.parse(self._raw).root_node, "")

    def _below(self, node: Node, function: str) -> Iterator[Mutant]:
        for edit in self._edits(node):
            changed = edit.applied(self._raw)
            if not self._parser.parse(changed.encode()).root_node.has_error:
                yield Mutant(edit.operator, function, node.start_point.row + 1, changed)
        named = node.child_by_field_name("name") if node.type in _FUNCTIONS else None
        inside = f"{function}.{self._text(named)}".lstrip(".") if named else function
        for child in node.named_children:
            yield from self._below(child, inside)

    def _edits(self, node: Node) -> Iterator[Edit]:
        match node.type:
            case "binary_expression":
                sign = node.child_by_field_name("operator")
                for name, table in _SIGNS.items():
                    if sign and (other := table.get(self._text(sign))):
                        yield self._edit(name, sign, other)
            case "if_statement":
                if test := node.child_by_field_name("condition"):
                    yield self._edit("negate_if", test, f"(!{self._text(test)})")
                    yield self._edit("always", test, "(true)")
            case "augmented_assignment_expression":
                yield self._edit("drop_assignment", node, "null")
            case "return_statement" if node.named_children:
                yield self._edit("return_none", node, "return null;")
                yield self._edit("as_text", node.named_children[0], f"String({self._text(node.named_children[0])})")
            case "expression_statement" if node.named_children[0].type == "call_expression":
                yield self._edit("drop_call", node, "null;")
            case "number":
                yield from self._number(node)
            case "member_expression":
                asked = node.child_by_field_name("property")
                if asked and asked.type == "property_identifier" and len(self._text(asked)) > 2:
                    text = self._text(asked)
                    yield self._edit("attribute_typo", asked, text[:-2] + text[-1])
            case "identifier" if node.parent and node.parent.type in (
                "arguments",
                "binary_expression",
                "return_statement",
            ):
                yield self._edit("name_typo", node, f"{self._text(node)}_")
            case "call_expression":
                yield from self._call(node)

    def _number(self, node: Node) -> Iterator[Edit]:
        text, parent = self._text(node), node.parent
        if text.isdigit():
            in_bound = parent is not None and parent.type == "subscript_expression"
            yield self._edit("bound_shift" if in_bound else "number_up", node, str(int(text) + 1))
            if not in_bound:
                yield self._edit("number_down", node, f"({int(text) - 1})")

    def _call(self, node: Node) -> Iterator[Edit]:
        function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or arguments is None or not (given := arguments.named_children):
            return
        called, texts = self._text(function), [self._text(one) for one in given]
        if called in _CONVERSIONS:
            yield self._edit("drop_conversion", node, texts[0])
        else:
            yield self._edit("none_argument", given[0], "null")
            yield self._edit("drop_argument", node, f"{called}({', '.join(texts[:-1])})")
        if len(texts) > 1:
            yield self._edit("swap_arguments", node, f"{called}({', '.join([texts[1], texts[0], *texts[2:]])})")

    def _edit(self, operator: str, node: Node, text: str) -> Edit:
        return Edit(operator, node.start_byte, node.end_byte, text)

    def _text(self, node: Node) -> str:
        return self._raw[node.start_byte : node.end_byte].decode()
