"""Diffs are read to the letter, shown by file and hunk, and never stall."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.widget_fixtures import DIFF, HOSTILE, SIZES, Host, assert_inert, until
from widgets.diff_model import FileDiff, parse_diff
from widgets.diff_pane import DiffPane, colour_file
from widgets.diff_view import DiffView


def test_files_counts_and_numbers() -> None:
    parse, tests, logo = parse_diff(DIFF)
    assert (parse.path, parse.status, parse.added, parse.removed, len(parse.hunks)) == (
        "roman/parse.py",
        "modified",
        4,
        3,
        2,
    )
    assert [(line.kind, line.old, line.new) for line in parse.lines[:5]] == [
        ("@", 1, 1),
        (" ", 1, 1),
        ("-", 2, 0),
        ("-", 3, 0),
        ("+", 0, 2),
    ]
    assert (tests.status, tests.added) == ("added", 2)
    assert logo.binary
    assert logo.status == "added"


def test_lines_that_look_like_heads_stay_lines() -> None:
    (file,) = parse_diff("--- a/x.sql\n+++ b/x.sql\n@@ -1,2 +1,2 @@\n--- old comment\n+++ new thing\n same\n")
    assert [(line.kind, line.text) for line in file.lines[1:]] == [
        ("-", "-- old comment"),
        ("+", "++ new thing"),
        (" ", "same"),
    ]


def test_what_git_writes_is_understood(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@x", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    git("init", "-q")
    (tmp_path / "gone.txt").write_text("a\nb\n")
    (tmp_path / "moved.py").write_text("".join(f"line {n}\n" for n in range(20)))
    (tmp_path / "ä b.txt").write_text("x")
    git("add", "-A")
    git("commit", "-qm", "one")
    (tmp_path / "gone.txt").unlink()
    (tmp_path / "moved.py").rename(tmp_path / "new.py")
    (tmp_path / "ä b.txt").write_text("y")
    (tmp_path / "bin").write_bytes(b"\0\1\2")
    git("add", "-A")
    files = {file.path: file for file in parse_diff(git("diff", "--cached", "-M"))}
    assert set(files) == {"gone.txt", "new.py", "ä b.txt", "bin"}
    assert files["gone.txt"].status == "deleted"
    assert (files["new.py"].status, files["new.py"].old_path) == ("renamed", "moved.py")
    assert files["bin"].binary
    assert [line.kind for line in files["ä b.txt"].lines] == ["@", "-", "~", "+", "~"]


@given(
    st.lists(
        st.sampled_from([*DIFF.split("\n"), "", "@@ -1 +1 @@", "--- a", "+++ b", "\\ No newline", "@@", "+x", "-y"])
    )
)
def test_any_order_of_lines_is_read(lines: list[str]) -> None:
    for file in parse_diff("\n".join(lines)):
        pairs = file.pairs()
        for kind, side in (("-", 0), ("+", 1)):
            shown = [pair[side] for pair in pairs if pair[side] >= 0 and file.lines[pair[side]].kind == kind]
            assert shown == [place for place, line in enumerate(file.lines) if line.kind == kind]


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    parse_diff(text)


def test_code_is_coloured_by_the_side_it_is_on() -> None:
    colours = colour_file(parse_diff(DIFF)[0], "python")
    assert any(style == "$text-accent" for _, _, style in colours[1])
    assert set(colours) == {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12}


async def test_files_and_hunks_by_key() -> None:
    pane = DiffPane()
    app = Host(pane)
    async with app.run_test(size=(100, 12)) as pilot:
        await until(pilot, lambda: "No changes yet" in app.shown())
        pane.diff = DIFF
        await until(pilot, lambda: "roman/parse.py +4 −3" in app.shown())
        assert "total = previous" in app.shown()
        pane.query_one(DiffView).focus()
        await pilot.press("right_square_bracket")
        assert "test_four" in app.shown()
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "a binary file" in app.shown())
        await pilot.press("left_square_bracket", "left_square_bracket")
        await until(pilot, lambda: pane.current == 0)


async def test_hunks_then_the_next_file() -> None:
    pane = DiffPane()
    app = Host(pane)
    async with app.run_test(size=(80, 6)) as pilot:
        pane.diff = DIFF
        await pilot.pause()
        view = pane.query_one(DiffView)
        view.focus()
        await pilot.press("full_stop")
        await until(pilot, lambda: view.line_in_sight() == 8)
        await pilot.press("comma")
        await until(pilot, lambda: view.line_in_sight() == 0)
        await pilot.press("full_stop", "full_stop")
        await until(pilot, lambda: pane.current == 1)


async def test_split_shows_old_beside_new() -> None:
    pane = DiffPane()
    app = Host(pane)
    async with app.run_test(size=(100, 14)) as pilot:
        pane.diff = DIFF
        await pilot.pause()
        pane.query_one(DiffView).focus()
        await pilot.press("s")
        await pilot.pause()
        row = next(line for line in app.shown().split("\n") if "total = 0" in line)
        assert "total = previous = 0" in row
        await pilot.press("s")
        await until(pilot, lambda: "total = 0 " in app.shown() and row not in app.shown())


async def test_the_same_file_grown_keeps_its_place() -> None:
    body = "".join(f"+line {n}\n" for n in range(100))
    pane = DiffPane()
    app = Host(pane)
    async with app.run_test(size=(60, 12)) as pilot:
        pane.diff = f"--- a/z.txt\n+++ b/z.txt\n@@ -0,0 +1,100 @@\n{body}"
        await pilot.pause()
        view = pane.query_one(DiffView)
        view.go_to(40)
        await pilot.pause()
        pane.diff = (
            f"--- a/a.txt\n+++ b/a.txt\n@@ -0,0 +1 @@\n+new\n--- a/z.txt\n+++ b/z.txt\n@@ -0,0 +1,100 @@\n{body}"
        )
        await until(pilot, lambda: (pane.current, view.line_in_sight()) == (1, 40))


async def test_fifty_thousand_lines_do_not_stall() -> None:
    lines = "".join(f"+    value_{n} = compute({n}, 'text')\n" for n in range(50_000))
    pane = DiffPane()
    app = Host(pane)
    async with app.run_test(size=(100, 30)) as pilot:
        pane.diff = f"--- /dev/null\n+++ b/big.py\n@@ -0,0 +1,50000 @@\n{lines}"
        for _ in range(200):
            await pilot.pause(0.02)
            if pane.files:
                break
        assert pane.files[0].added == 50_000
        view = pane.query_one(DiffView)
        await asyncio.sleep(0)
        view.go_to(40_000)
        await until(pilot, lambda: "value_3999" in app.shown())
        assert "huge change" in view.row_text(0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("split", [False, True])
async def test_hostile_diffs_and_voices_are_inert(size: tuple[int, int], split: bool) -> None:
    evil = "".join(f"+{text}\n" for text in HOSTILE)
    name = HOSTILE[1] + HOSTILE[0]
    pane = DiffPane()
    app = Host(pane)
    async with app.run_test(size=size) as pilot:
        pane.diff = f"--- a/{name}.py\n+++ b/{name}.py\n@@ -0,0 +1,{len(HOSTILE)} @@{HOSTILE[3]}\n{evil}"
        pane.live = HOSTILE[3]
        for text in HOSTILE:
            pane.stream(text + "\n")
        pane.query_one(DiffView).split = split
        await pilot.pause(0.3)
        assert_inert(app.shown())
        assert len(pane.files) == 1


async def test_the_voice_shows_its_last_lines_and_goes() -> None:
    pane = DiffPane()
    app = Host(pane)
    async with app.run_test(size=(60, 20)) as pilot:
        pane.live = "coder"
        pane.stream("".join(f"thought {n}\n" for n in range(30)) + "and then [/foo]")
        await until(pilot, lambda: "and then [/foo]" in app.shown())
        assert "coder" in app.shown()
        assert "thought 3\n" not in app.shown()
        pane.end_stream()
        await until(pilot, lambda: "thought" not in app.shown())


def test_a_rename_without_change_has_no_lines() -> None:
    (file,) = parse_diff("diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n")
    assert file == FileDiff(path="y", old_path="x", status="renamed")
