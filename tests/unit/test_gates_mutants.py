"""Mutants: small faults, only in changed lines, that leave a file which still parses."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.gates import mutants
from engine.gates.mutants import changed_lines, mutants_of, spread

SOURCE = b'''"""A module."""
LIMIT: int = 3


def total(prices, vat=0.19):
    """What it costs."""
    if not prices or len(prices) > LIMIT:
        return None
    name = f"{prices[0]} of {len(prices)}"
    \xc3\xa4 = sum(prices) * (1 + vat)  # \xc3\xa4
    \xc3\xa4 += 2
    return (name, \xc3\xa4 == 1 and True)
'''


def test_each_kind_of_fault_is_made_where_it_stands() -> None:
    made = {(edit.mutant.line, edit.mutant.before, edit.mutant.after) for edit in mutants_of("a.py", SOURCE, range(99))}
    assert {
        (2, "3", "4"),
        (5, "0.19", "1.19"),
        (7, "or", "and"),
        (7, ">", ">="),
        (7, "not", "not not"),
        (10, "*", "//"),
        (10, "+", "-"),
        (11, "+=", "-="),
        (12, "and", "or"),
        (12, "==", "!="),
        (12, "True", "False"),
    } <= made
    assert not any("module" in before or "costs" in before for _, before, _ in made), "docstrings are no code"
    for edit in mutants_of("a.py", SOURCE, range(99)):
        ast.parse(edit.applied(SOURCE))


def test_only_changed_lines_are_mutated_and_nothing_is_made_of_what_does_not_parse() -> None:
    before = SOURCE.replace(b"+= 2", b"+= 3")
    lines = changed_lines(before, SOURCE)
    assert lines == {11}
    assert {edit.mutant.line for edit in mutants_of("a.py", SOURCE, lines)} == {11}
    assert mutants_of("a.py", b"def (", range(99)) == []
    assert mutants_of("a.txt", b"1 < 2", range(99)) == []


@pytest.mark.parametrize("path", sorted(Path(mutants.__file__).parent.glob("*.py")), ids=lambda path: path.name)
def test_every_mutant_of_real_code_still_parses(path: Path) -> None:
    source = path.read_bytes()
    edits = mutants_of("x.py", source, range(10_000))
    for edit in spread(edits, 25):
        ast.parse(edit.applied(source))


def test_javascript_gets_a_smaller_set() -> None:
    source = b"function f(a) {\n  if (a === 1 && a < 3) { return a + 1; }\n  return false;\n}\n"
    made = {(edit.mutant.before, edit.mutant.after) for edit in mutants_of("a.js", source, range(99))}
    assert {("===", "!=="), ("&&", "||"), ("<", "<="), ("+", "-"), ("a + 1", "undefined"), ("1", "(1 + 1)")} <= made


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_lines_of_any_two_texts_are_lines_of_the_newer(before: bytes, now: bytes) -> None:
    assert changed_lines(before, now) <= set(range(1, len(now.splitlines()) + 1))


def test_the_chosen_ones_are_the_same_each_time_and_in_order() -> None:
    edits = mutants_of("a.py", SOURCE, range(99))
    assert spread(edits, 5) == spread(edits, 5)
    assert len(spread(edits, 5)) == 5
    assert spread(edits, 999) == edits
