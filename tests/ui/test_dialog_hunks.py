"""The hunk dialog: everything from the keyboard, nothing decided in silence, hostile texts inert."""

from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from engine.workspace.hunks import Hunk
from engine.workspace.preview import Preview, Selection
from tests.ui.recorded_preview import file, recorded_preview
from tests.ui.test_widget_dialogs import opened
from tests.widget_fixtures import HOSTILE, SIZES, Host, assert_inert, state, until
from widgets.dialogs.hunk_dialog import HunkDialog
from widgets.dialogs.hunk_draft import HunkDraft
from widgets.dialogs.promote_dialog import PromoteDialog

CLEAN = {"README.md": {1: "theirs"}, "roman.py": {1: "theirs"}, "run.sh": {1: "theirs", 2: "theirs"}}
# Rows: 0 README.md, 1 and 2 its hunks, 3 roman.py, 4 its hunk, 5 run.sh, 6 and 7 its hunks, 8 tests. It begins at 2.


KEYS: list[tuple[tuple[str, ...], dict[str, dict[int, str]]]] = [
    (("w",), CLEAN),
    (("up", "space", "w"), {**CLEAN, "README.md": {}}),
    (("k", "enter", "enter", "w"), CLEAN),
    (("t", "w"), {**CLEAN, "README.md": {1: "theirs", 2: "theirs"}}),
    (("m", "w"), {**CLEAN, "README.md": {1: "theirs", 2: "mine"}}),
    (("t", "space", "w"), CLEAN),
    (("x", "w"), {**CLEAN, "README.md": {}}),
    (("x", "a", "w"), CLEAN),
    (("home", "space", "w"), {**CLEAN, "README.md": {}}),
    (("home", "space", "space", "m", "w"), {**CLEAN, "README.md": {1: "theirs", 2: "mine"}}),
    (("X", "j", "j", "space", "w"), {"roman.py": {1: "theirs"}}),
    (("X", "A", "w"), CLEAN),
    (("end", "n", "t", "w"), {**CLEAN, "README.md": {1: "theirs", 2: "theirs"}}),
]
WORDS: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("space",), ("m keeps your lines, t takes the run's",)),
    (("up", "m"), ("There is no conflict here",)),
    (("X", "w"), ("Nothing is chosen",)),
    (("t", "n"), ("No conflict waits",)),
    ((), ("yours now", "the run's", "+ run 20", "line 19", "4 of 5 hunks are written into /home/ada/numerals")),
    ((), ("uncommitted. Open: 1 in conflict",)),
    (("home",), ("both changed the same lines",)),
    (("end",), ("a folder is there",)),
    (("end", "up"), ("becomes executable",)),
]


async def after(pilot: Pilot[None], preview: Preview, *keys: str) -> Any:
    """The selection after these keys; the text on the screen where the dialog still stood."""
    answer = await opened(pilot, HunkDialog(preview))
    await pilot.press(*keys)
    await pilot.pause()
    if answer.given():
        return answer.value
    assert isinstance(pilot.app, Host)
    text = " ".join(pilot.app.shown().split())
    await pilot.press("escape")
    await until(pilot, answer.given)
    assert answer.value is None
    return text


async def test_keys_choose() -> None:
    app = Host()
    async with app.run_test(size=(120, 40)) as pilot:
        for keys, sides in KEYS:
            taken = await after(pilot, recorded_preview(), *keys)
            assert isinstance(taken, Selection), keys
            assert taken.sides == {path: numbers for path, numbers in sides.items() if numbers}, keys
            assert taken.seen == "abc"


async def test_it_says_what_is_where_and_what_is_missing() -> None:
    app = Host()
    async with app.run_test(size=(120, 40)) as pilot:
        for keys, words in WORDS:
            text = await after(pilot, recorded_preview(), *keys)
            assert all(word in text for word in words), (keys, text)


async def test_odd_results() -> None:
    """All conflicts decided for the person's side can be written; and there may be nothing to take."""
    app = Host()
    conflict = Hunk(1, "lines", 0, (b"a\n",), (b"b\n",), "both changed the same lines")
    mine = replace(recorded_preview(), files=(file("a", conflict, lines=(b"a\n",)),))
    empty = replace(recorded_preview(), files=())
    async with app.run_test(size=(120, 40)) as pilot:
        assert (await after(pilot, mine, "m", "w")).sides == {"a": {1: "mine"}}
        assert "Nothing is chosen" in await after(pilot, mine, "w")
        assert "already" in await after(pilot, empty, "space", "a", "n", "m", "w")
        assert await after(pilot, mine, "t", "escape") is None


def test_the_summary_tells_of_a_merge_only_when_all_is_decided() -> None:
    preview = recorded_preview()
    draft = HunkDraft.of(replace(preview, files=preview.files[:3]))
    assert "uncommitted" in draft.summary
    draft.decide(draft.rows[2], "mine")
    assert "committed as a merge" in draft.summary
    assert draft.open == 0


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_texts_are_inert_at_any_size(size: tuple[int, int]) -> None:
    app = Host()
    async with app.run_test(size=size) as pilot:
        for text in ("\n".join(HOSTILE), HOSTILE[1], ""):
            body = text.encode("utf-8", "surrogatepass")
            hunks = (Hunk(1, "lines", 0, (body,), (body,), text), Hunk(2, "lines", 1, (), (body,)))
            preview = Preview(
                "r",
                text,
                "c",
                (file(text.replace("\ud800", "?") or "x", *hunks, lines=(body,)), file("y", blocked=text)),
            )
            for dialog in (HunkDialog(preview), PromoteDialog(state(), preview, text)):
                answer = await opened(pilot, dialog)
                await pilot.press("down", "down")
                assert_inert(app.shown())
                await pilot.press("escape")
                await until(pilot, answer.given)


async def test_the_result_dialog_lists_files_and_conflicts() -> None:
    app = Host()
    async with app.run_test(size=(110, 44)) as pilot:
        answer = await opened(pilot, PromoteDialog(state(), recorded_preview()))
        for words in ("4 files, 5 hunks", "roman.py", "added, 1 to choose", "2 places where you changed the same"):
            assert words in app.shown()
        await pilot.press("h")
        await until(pilot, answer.given)
        assert answer.value == "hunks"
