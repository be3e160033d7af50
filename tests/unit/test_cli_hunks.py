"""Hunks on the command line: how a person names what they take, and what is printed."""

from typing import Any

import pytest

from engine.workspace.hunks import Hunk
from engine.workspace.preview import Preview
from engine.workspace.threeway import ABSENT, Change
from engine.workspace.verdicts import FileDelivery
from miracle_tui.cli.hunks import MAX_LINES, chosen, hunk_lines, hunk_record
from miracle_tui.cli.problems import BadInput

WHY = "both changed the same lines"


def file(path: str, *hunks: Hunk, blocked: str = "") -> FileDelivery:
    change = Change(path, ("100644", "1" * 40), ("100644", "2" * 40))
    return FileDelivery(change, ABSENT, "modified", hunks, blocked=blocked)


def lines(number: int, conflict: str = "") -> Hunk:
    return Hunk(number, "lines", number * 10, (b"old\n",), (b"new \x1b[31m\n",), conflict)


CLEAN = file("src/a.py", lines(1), lines(2))
TORN = file("src/b.py", lines(1), lines(2, WHY), lines(3, WHY))
ODD = file("odd:1", Hunk(1, "file", 0, (), (b"x\n",)), Hunk(2, "mode"))
BOTH = {1: "theirs", 2: "theirs"}
STUCK = file("lib/x", blocked="a folder is there")


def preview(*files: FileDelivery) -> Preview:
    return Preview("run-1", "/project", "c" * 40, files, seen="abc")


@pytest.mark.parametrize(
    ("named", "sides"),
    [
        ({"only": ("src/a.py",)}, {"src/a.py": {1: "theirs", 2: "theirs"}}),
        ({"only": ("src/",)}, {"src/a.py": {1: "theirs", 2: "theirs"}, "src/b.py": {1: "theirs"}}),
        ({"take": ("src/a.py:2",)}, {"src/a.py": {2: "theirs"}}),
        ({"take": ("src/a.py:1, 2", "odd:1")}, {"src/a.py": BOTH, "odd:1": BOTH}),
        ({"take": ("odd:1:2",)}, {"odd:1": {2: "theirs"}}),
        ({"only": ("src/b.py",), "mine": ("src/b.py:3",)}, {"src/b.py": {1: "theirs", 3: "mine"}}),
        (
            {"take": ("src/a.py:1",), "theirs": ("src/b.py",)},
            {"src/a.py": {1: "theirs"}, "src/b.py": {2: "theirs", 3: "theirs"}},
        ),
    ],
)
def test_what_is_named_is_taken_and_no_more(named: dict[str, Any], sides: dict[str, dict[int, str]]) -> None:
    selection = chosen(preview(CLEAN, TORN, ODD, STUCK), **named)
    assert (selection.sides, selection.seen) == (sides, "abc")


def test_with_every_conflict_decided_all_is_taken() -> None:
    selection = chosen(preview(CLEAN, TORN), mine=("src/b.py:2",), theirs=("src/b.py:3",), seen="earlier")
    assert selection.sides == {
        "src/a.py": {1: "theirs", 2: "theirs"},
        "src/b.py": {1: "theirs", 2: "mine", 3: "theirs"},
    }
    assert selection.seen == "earlier"
    assert selection.left_out(preview(CLEAN, TORN)) == 0


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"mine": ("src/b.py:2",)}, "src/b.py: both changed the same lines"),
        ({"mine": ("src/b.py",)}, "lib/x: a folder is there"),
        ({"only": ("nowhere",)}, "would change nothing at 'nowhere'"),
        ({"take": ("src/a.py:9",)}, "src/a.py has no hunk 9"),
        ({"take": ("src/b.py:2",)}, "Hunk 2 of src/b.py is in conflict"),
        ({"take": ("src/b.py",)}, "is in conflict"),
    ],
)
def test_nothing_is_decided_in_silence(named: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words) as caught:
        chosen(preview(CLEAN, TORN, STUCK), **named)
    assert caught.value.hint


def test_the_list_is_harmless_and_says_what_is_where() -> None:
    long = file("long.txt", Hunk(1, "lines", 0, (b"x\n",) * (MAX_LINES + 5), ()))
    text = "\n".join(hunk_lines(preview(TORN, ODD, STUCK, long)))
    for words in (
        "4 files, 6 hunks, 3 conflicts",
        "▸ src/b.py (modified)",
        "2  ✗ line 21: both changed the same lines",
        "1  the whole file",
        "2  the file's executable bit changes",
        "nothing can be written here: a folder is there",
        "… 5 more lines",
    ):
        assert words in text
    assert "\x1b" not in text
    assert "Everything is there already" in "\n".join(hunk_lines(preview()))


def test_a_program_gets_all_of_it() -> None:
    record = hunk_record(preview(TORN, STUCK))
    assert [one["path"] for one in record["files"]] == ["src/b.py", "lib/x"]
    assert record["files"][0]["hunks"][1] == {
        "number": 2,
        "kind": "lines",
        "line": 21,
        "conflict": WHY,
        "mine": "old\n",
        "theirs": "new \x1b[31m\n",
    }
