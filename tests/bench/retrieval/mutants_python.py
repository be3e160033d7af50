"""Mutants of Python programs, by the standard library's syntax tree."""

import ast
from collections.abc import Iterator

from tests.bench.retrieval.mutants import Edit, Mutant

_CLOSED: dict[type[ast.cmpop], str] = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
_EQUAL: dict[type[ast.cmpop], str] = {ast.Eq: "!=", ast.NotEq: "==", ast.Is: "is not", ast.IsNot: "is"}
_MEMBER: dict[type[ast.cmpop], str] = {ast.In: "not in", ast.NotIn: "in"}
_ADD: dict[type[ast.operator], str] = {ast.Add: "-", ast.Sub: "+"}
_MULTIPLY: dict[type[ast.operator], str] = {
    ast.Mult: "//", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "//", ast.Pow: "*",
}  # fmt: skip
_CONVERSIONS = {"int", "str", "float", "list", "set", "tuple", "dict", "sorted", "len", "abs"}


class PythonMutants:
    """All mutants of one program.

    Args:
        source: of the program.
    """

    def __init__(self, source: str) -> None:
        self._raw = source.encode()
        starts = [0]
        for line in self._raw.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        self._starts = starts
        self._tree = ast.parse(source)

    def all(self) -> Iterator[Mutant]:
        """Each that is still valid Python."""
        yield from self._below(self._tree, "")

    def _below(self, parent: ast.AST, function: str) -> Iterator[Mutant]:
        for node in ast.iter_child_nodes(parent):
            inside = function
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inside = f"{function}.{node.name}".lstrip(".")
            for edit in self._edits(node, parent):
                changed = edit.applied(self._raw)
                try:
                    ast.parse(changed)
                except SyntaxError:
                    continue
                yield Mutant(edit.operator, function, getattr(node, "lineno", 1), changed)
            yield from self._below(node, inside)

    def _edits(self, node: ast.AST, parent: ast.AST) -> Iterator[Edit]:
        match node:
            case ast.Compare(ops=[operator], left=left, comparators=[right]):
                for name, table in (("compare_closed", _CLOSED), ("eq_ne", _EQUAL), ("in_not_in", _MEMBER)):
                    if sign := table.get(type(operator)):
                        yield self._edit(name, node, f"({self._text(left)} {sign} {self._text(right)})")
            case ast.BoolOp(op=operator, values=values):
                sign = " or " if isinstance(operator, ast.And) else " and "
                yield self._edit("and_or", node, f"({sign.join(self._text(value) for value in values)})")
            case ast.BinOp(op=operator, left=left, right=right):
                for name, signs in (("add_sub", _ADD), ("mul_div", _MULTIPLY)):
                    if sign := signs.get(type(operator)):
                        yield self._edit(name, node, f"({self._text(left)} {sign} {self._text(right)})")
            case ast.If(test=test):
                yield self._edit("negate_if", test, f"not ({self._text(test)})")
                yield self._edit("always", test, "True")
            case ast.AugAssign(op=operator, target=target, value=value):
                yield self._edit("drop_assignment", node, "pass")
                if sign := _ADD.get(type(operator)):
                    yield self._edit("add_sub", node, f"{self._text(target)} {sign}= {self._text(value)}")
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
                yield self._edit("drop_assignment", node, "pass")
            case ast.Return(value=ast.expr() as value):
                yield self._edit("return_none", node, "return None")
                yield self._edit("as_text", value, f"str({self._text(value)})")
            case ast.Expr(value=ast.Call()):
                yield self._edit("drop_call", node, "pass")
            case ast.Constant(value=int() as value) if not isinstance(value, bool):
                in_bound = isinstance(parent, ast.Subscript | ast.Compare | ast.Slice)
                in_bound = in_bound or (isinstance(parent, ast.Call) and self._text(parent.func) == "range")
                yield self._edit("bound_shift" if in_bound else "number_up", node, str(value + 1))
                if not in_bound:
                    yield self._edit("number_down", node, f"({value - 1})")
            case _:
                yield from self._name_edits(node)

    def _name_edits(self, node: ast.AST) -> Iterator[Edit]:
        match node:
            case ast.Attribute(ctx=ast.Load(), attr=attribute) if len(attribute) > 2:
                yield self._edit("attribute_typo", node, f"{self._text(node.value)}.{attribute[:-2] + attribute[-1]}")
            case ast.Name(ctx=ast.Load(), id=name) if len(name) > 2 and name != "self":
                yield self._edit("name_typo", node, f"{name}_")
            case ast.Subscript(slice=ast.Constant(value=str(), end_col_offset=int()) as key):
                yield self._edit("key_typo", key, repr(str(key.value) + "s"))
            case ast.Call(func=function, args=args):
                if args and isinstance(function, ast.Name) and function.id in _CONVERSIONS:
                    yield self._edit("drop_conversion", node, self._text(args[0]))
                elif args:
                    yield self._edit("none_argument", args[0], "None")
                    rest = ", ".join(self._text(one) for one in (*args[:-1], *node.keywords))
                    yield self._edit("drop_argument", node, f"{self._text(function)}({rest})")
                if len(args) > 1:
                    swapped = ", ".join(self._text(one) for one in (args[1], args[0], *args[2:], *node.keywords))
                    yield self._edit("swap_arguments", node, f"{self._text(function)}({swapped})")
            case _:
                return

    def _edit(self, operator: str, node: ast.stmt | ast.expr, text: str) -> Edit:
        return Edit(operator, *self._span(node), text)

    def _span(self, node: ast.stmt | ast.expr | ast.keyword) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def _text(self, node: ast.AST) -> str:
        assert isinstance(node, ast.stmt | ast.expr | ast.keyword)
        start, end = self._span(node)
        return self._raw[start:end].decode()
