"""Mutants: small faults for the changed lines of a source file, one at a time. Pure; nothing is ever run here.

Python is mutated by `ast`: comparisons, arithmetic, boolean operators, constants, returned values. JavaScript
and TypeScript by tree-sitter: a smaller set of the same, and nothing in types. The source is changed in place, so that
all else stays byte for byte.
"""

import ast
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from engine.gates.statements import SCRIPTS, TYPES, parsed
from engine.integrity_events import Mutant

if TYPE_CHECKING:
    from tree_sitter import Node

_COMPARISONS = {
    **{ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "=="},
    **{ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in"},
}
_ARITHMETIC = {
    **{ast.Add: "-", ast.Sub: "+", ast.Mult: "//", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "*", ast.Pow: "*"},
    **{ast.BitAnd: "|", ast.BitOr: "&", ast.LShift: ">>", ast.RShift: "<<"},
}
_JAVASCRIPT = {
    **{"<": "<=", "<=": "<", ">": ">=", ">=": ">", "===": "!==", "!==": "===", "==": "!=", "!=": "=="},
    **{"+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "&&": "||", "||": "&&", "??": "&&"},
}
_SHOWN = 60


@dataclass(frozen=True)
class Edit:
    """A mutant as a change of bytes."""

    path: str
    start: int
    end: int
    text: bytes
    mutant: Mutant

    def applied(self, source: bytes) -> bytes:
        """The file with the fault in it."""
        return source[: self.start] + self.text + source[self.end :]


def changed_lines(before: bytes, now: bytes) -> frozenset[int]:
    """The numbers, from 1, of the lines that the newer text has and the older has not."""
    old, new = before.splitlines(), now.splitlines()
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return frozenset(line + 1 for kind, _, _, first, last in blocks if kind != "equal" for line in range(first, last))


def mutants_of(path: str, source: bytes, lines: Collection[int]) -> list[Edit]:
    """Every small fault that these lines can have, in their order.

    Args:
        path: of the file.
        source: the file.
        lines: the lines that may be changed.
    """
    made = _python(source) if path.endswith(".py") else _javascript(path, source)
    edits = []
    for start, end, text in sorted(made):
        line = source.count(b"\n", 0, start) + 1
        if line in lines and source[start:end] != text:
            mutant = Mutant(path=path, line=line, before=_line(source[start:end]), after=_line(text))
            edits.append(Edit(path, start, end, text, mutant))
    return edits


def spread(edits: Sequence[Edit], most: int) -> list[Edit]:
    """At most so many of them, always the same ones for the same edits."""
    if len(edits) <= most:
        return list(edits)
    chosen = random.Random(len(edits)).sample(range(len(edits)), most)
    return [edits[place] for place in sorted(chosen)]


def _line(text: bytes) -> str:
    shown = " ".join(text.decode("utf-8", "replace").split())
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"


Change = tuple[int, int, bytes]
"""First byte, last byte, what is put there."""


def _python(source: bytes) -> list[Change]:
    try:
        module = ast.parse(source)
        return list(_Python(source).changes(module))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


class _Python:
    def __init__(self, source: bytes) -> None:
        self._source = source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def changes(self, module: ast.Module) -> Iterator[Change]:
        """Every change, in no order; nothing within annotations, docstrings and f-strings."""
        waiting: list[ast.AST] = [module]
        while waiting:
            node = waiting.pop()
            yield from self._of(node)
            if isinstance(node, ast.JoinedStr):
                continue
            for name, value in ast.iter_fields(node):
                if name in ("annotation", "returns", "decorator_list", "type_params", "bases"):
                    continue
                children = value if isinstance(value, list) else [value]
                waiting += [child for child in children if isinstance(child, ast.AST) and not _is_text(child)]

    def _of(self, node: ast.AST) -> Iterator[Change]:
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for place, operator in enumerate(node.ops):
                yield from self._between(sides[place], sides[place + 1], _COMPARISONS.get(type(operator)))
        elif isinstance(node, ast.BinOp):
            yield from self._between(node.left, node.right, _ARITHMETIC.get(type(node.op)))
        elif isinstance(node, ast.BoolOp):
            word = "or" if isinstance(node.op, ast.And) else "and"
            yield from self._between(node.values[0], node.values[1], word)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            start = self._span(node)[0]
            yield start, start + len("not"), b"not not"
        elif isinstance(node, ast.AugAssign) and type(node.op) in _ARITHMETIC:
            yield from self._between(node.target, node.value, f"{_ARITHMETIC[type(node.op)]}=")
        elif isinstance(node, ast.Constant):
            yield from self._constant(node)
        elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
            yield *self._span(node.value), b"None"

    def _constant(self, node: ast.Constant) -> Iterator[Change]:
        value = node.value
        if isinstance(value, bool):
            yield *self._span(node), str(not value).encode()
        elif isinstance(value, int | float):
            yield *self._span(node), repr(value + 1).encode()
        elif isinstance(value, str) and " " not in value:
            # What has spaces is said to people, and seldom worth a test.
            yield *self._span(node), b'""' if value else b'"?"'

    def _between(self, left: ast.expr, right: ast.expr, word: str | None) -> Iterator[Change]:
        """The operator between two operands, which may stand in parentheses."""
        start, end = self._span(left)[1], self._span(right)[0]
        text = self._source[start:end]
        operator = text.strip(b" \t\r\n()\\")
        if word and operator and b"#" not in text and b"(" not in operator and b")" not in operator:
            at = start + text.index(operator)
            yield at, at + len(operator), word.encode()

    def _span(self, node: ast.expr) -> tuple[int, int]:
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or node.col_offset)


def _is_text(node: ast.AST) -> bool:
    """Whether a statement is a docstring, or any other constant that nobody uses."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _javascript(path: str, source: bytes) -> list[Change]:
    if not path.endswith(SCRIPTS):
        return []
    found: list[Change] = []
    waiting = [parsed(path, source).root_node]
    while waiting:
        node = waiting.pop()
        if node.type in TYPES:
            continue
        found += _javascript_changes(node)
        waiting += node.children
    return found


def _javascript_changes(node: "Node") -> Iterator[Change]:
    if node.type == "binary_expression" and (operator := node.child_by_field_name("operator")) is not None:
        if (word := _JAVASCRIPT.get((operator.text or b"").decode())) is not None:
            yield operator.start_byte, operator.end_byte, word.encode()
    elif node.type in ("true", "false"):
        yield node.start_byte, node.end_byte, b"false" if node.type == "true" else b"true"
    elif node.type == "number":
        yield node.start_byte, node.end_byte, b"(" + (node.text or b"0") + b" + 1)"
    elif node.type == "return_statement" and node.named_children:
        value = node.named_children[0]
        yield value.start_byte, value.end_byte, b"undefined"
