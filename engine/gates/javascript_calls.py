"""Which calls make a test or a group of tests, in the styles of node:test, vitest and jest, by the syntax tree."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

GROUPS = frozenset({"describe", "suite"})
FIXTURES = ("before", "after", "beforeEach", "afterEach", "beforeAll", "afterAll", "aroundEach", "aroundAll")
_TESTS = frozenset({"test", "it", *GROUPS})
_SHORT = {
    **{"xit": ("it", "skip"), "xtest": ("test", "skip"), "xdescribe": ("describe", "skip")},
    **{"fit": ("it", "only"), "fdescribe": ("describe", "only")},
}
_MARKS = ("skip", "only", "todo", "fails", "failing")
_ASKED = ("skipIf", "runIf")
_TABLES = ("each", "for")
_PLAIN = ("concurrent", "sequential", "shuffle")
_HOLE = re.compile(r"%[sdifjoOpc#$]|\$(?:[A-Za-z_][\w.]*|#)")


@dataclass(frozen=True)
class TestCall:
    """What a call makes."""

    __test__ = False

    group: bool
    marks: frozenset[str]
    """What keeps it from running or from counting."""
    table: bool = False
    """Whether its title is filled from a table."""
    cases: int | None = 1
    """Rows of the table; None when they are computed."""


def test_call(node: "Node") -> TestCall | None:
    """What a call expression makes; None where that is no test and no group.

    Args:
        node: the call.
    """
    function = node.child_by_field_name("function")
    chain = _chain(function)
    if chain is None:
        return None
    base, steps = chain
    base, *short = _SHORT.get(base, (base,))
    if base not in _TESTS:
        return None
    marks, table, cases = set(short), False, 1
    for name, arguments in steps:
        if name in _MARKS:
            marks.add(name)
        elif name in _ASKED and arguments is not None:
            marks.add(f"{name}{_text(arguments)}")
        elif name in _TABLES and arguments is not None:
            table, cases = True, _rows(arguments)  # type: ignore[assignment]
        elif name not in _PLAIN:
            return None
    return TestCall(base in GROUPS, frozenset(marks), table, cases)


test_call.__test__ = False  # type: ignore[attr-defined]


def filled(title: str) -> str:
    """A table's title, with its holes written as those of a template are."""
    return _HOLE.sub(lambda hole: f"${{{hole.group(0)}}}", title)


Step = tuple[str, "Node | None"]
"""A member's name, and what it is called with."""


def _chain(node: "Node | None") -> tuple[str, list[Step]] | None:
    """`test.skip.each(table)` as its first name and its members."""
    if node is None:
        return None
    if node.type == "identifier":
        return _text(node), []
    if node.type == "member_expression":
        found = _chain(node.child_by_field_name("object"))
        return found and (found[0], [*found[1], (_text(node.child_by_field_name("property")), None)])
    if node.type == "call_expression":
        found = _chain(node.child_by_field_name("function"))
        if found and found[1]:
            return found[0], [*found[1][:-1], (found[1][-1][0], node.child_by_field_name("arguments"))]
    return None


def _rows(arguments: "Node") -> int | None:
    """How many rows a literal table has."""
    if arguments.type == "template_string":
        holes = sum(one.type == "template_substitution" for one in arguments.named_children)
        columns = len(_text(arguments).strip("` \n").split("\n", 1)[0].split("|"))
        return holes // columns
    given = arguments.named_children
    if len(given) != 1 or given[0].type != "array":
        return None
    rows = [one for one in given[0].named_children if one.type != "comment"]
    return None if any(one.type == "spread_element" for one in rows) else len(rows)


def _text(node: "Node | None") -> str:
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""
