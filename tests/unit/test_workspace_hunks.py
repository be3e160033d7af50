"""Hunks: laying two diffs over each other, and a person's choice put into effect."""

from difflib import SequenceMatcher

from hypothesis import given
from hypothesis import strategies as st

from engine.workspace.hunks import Edit, Hunk, combine, is_binary, lines_of, merged

TEXT = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"d\n"]), max_size=12).map(tuple)


def diff(old: tuple[bytes, ...], new: tuple[bytes, ...]) -> list[Edit]:
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [Edit(*span) for tag, *span in codes if tag != "equal"]


def hunks(base: bytes, mine: bytes, theirs: bytes) -> tuple[Hunk, ...]:
    three = [lines_of(text) for text in (base, mine, theirs)]
    return combine(three[1], three[2], diff(three[0], three[1]), diff(three[0], three[2]))


@given(TEXT, TEXT)
def test_where_the_person_changed_nothing_all_or_nothing_is_one_side(
    base: tuple[bytes, ...], theirs: tuple[bytes, ...]
) -> None:
    found = combine(base, theirs, [], diff(base, theirs))
    assert not any(hunk.conflict for hunk in found)
    assert merged(base, found, lambda hunk: True) == b"".join(theirs)
    assert merged(base, found, lambda hunk: False) == b"".join(base)


@given(TEXT, TEXT)
def test_where_the_run_changed_nothing_there_is_no_hunk(base: tuple[bytes, ...], mine: tuple[bytes, ...]) -> None:
    assert combine(mine, base, diff(base, mine), []) == ()
    assert combine(mine, mine, diff(base, mine), diff(base, mine)) == ()


@given(TEXT, TEXT, TEXT)
def test_hunks_lie_in_order_in_the_persons_file(
    base: tuple[bytes, ...], mine: tuple[bytes, ...], theirs: tuple[bytes, ...]
) -> None:
    found = combine(mine, theirs, diff(base, mine), diff(base, theirs))
    end = -1
    for number, hunk in enumerate(found, 1):
        assert hunk.number == number
        assert hunk.start >= max(end, 0)
        assert mine[hunk.start : hunk.start + len(hunk.mine)] == hunk.mine != hunk.theirs
        end = hunk.start + len(hunk.mine)
    assert merged(mine, found, lambda hunk: False) == b"".join(mine)


@given(TEXT, TEXT, TEXT)
def test_both_ways_round_see_the_same_conflicts(
    base: tuple[bytes, ...], mine: tuple[bytes, ...], theirs: tuple[bytes, ...]
) -> None:
    one = combine(mine, theirs, diff(base, mine), diff(base, theirs))
    other = combine(theirs, mine, diff(base, theirs), diff(base, mine))
    conflicts = [(hunk.mine, hunk.theirs) for hunk in one if hunk.conflict]
    assert conflicts == [(hunk.theirs, hunk.mine) for hunk in other if hunk.conflict]
    if not conflicts:
        assert merged(mine, one, lambda hunk: True) == merged(theirs, other, lambda hunk: True)


def test_apart_is_merged_and_the_same_place_is_a_conflict() -> None:
    base = b"1\n2\n3\n4\n5\n"
    clean = hunks(base, b"one\n2\n3\n4\n5\n", b"1\n2\n3\n4\nfive\n")
    assert clean == (Hunk(1, "lines", 4, (b"5\n",), (b"five\n",)),)
    conflict = hunks(base, b"1\n2\nX\n4\n5\n", b"1\n2\nY\n4\n5\n")
    assert conflict == (Hunk(1, "lines", 2, (b"X\n",), (b"Y\n",), "both changed the same lines"),)
    assert hunks(base, b"0\n" + base, b"zero\n" + base)[0].conflict


def test_one_of_several_hunks_is_taken() -> None:
    found = hunks(b"1\n2\n3\n4\n5\n", b"1\n2\n3\n4\n5\n", b"one\n2\n3\n4\nfive\nsix")
    assert len(found) == 2
    assert merged(lines_of(b"1\n2\n3\n4\n5\n"), found, lambda hunk: hunk.number == 2) == b"1\n2\n3\n4\nfive\nsix"


def test_only_a_line_feed_ends_a_line() -> None:
    assert lines_of(b"a\rb\r\nc\x0cd") == (b"a\rb\r\n", b"c\x0cd")
    assert lines_of(b"") == ()
    assert is_binary(b"a\0b")
    assert not is_binary("ä\r\n".encode())
