"""The log takes any amount of any text, follows its end, finds and copies."""

import pytest
from textual.geometry import Offset
from textual.selection import Selection

from tests.widget_fixtures import HOSTILE, SIZES, Host, assert_inert, until
from widgets.line_log import KEPT_CHARACTERS, LineLog


async def test_pieces_become_lines_wherever_they_are_cut() -> None:
    log = LineLog()
    app = Host(log)
    async with app.run_test(size=(40, 10)) as pilot:
        for piece in ("one\ntw", "o\nthr", "ee", "\n", "\nfour"):
            log.write(piece)
            log.flush()
            await pilot.pause()
        assert [log.row_text(y) for y in range(log.line_count)] == ["one", "two", "three", "", "four"]
        log.write_lines(["five", "six"])
        log.flush()
        assert log.row_text(log.line_count - 2) == "five"
        assert log.row_text(4) == "four"


async def test_a_hundred_thousand_lines_are_all_there() -> None:
    log = LineLog()
    app = Host(log)
    async with app.run_test(size=(60, 12)) as pilot:
        for start in range(0, 100_000, 1000):
            log.write("".join(f"\x1b[32mline {n}\x1b[0m\n" for n in range(start, start + 1000)))
        while log._pending:
            await until(pilot, lambda: log.line_count == 100_000)
        assert log.row_text(0) == "line 0"
        assert log.row_text(77_777) == "line 77777"
        await until(pilot, lambda: "line 99999" in app.shown())
        log.focus()
        await pilot.press("home")
        await until(pilot, lambda: "line 0 " in app.shown())
        log.action_bottom()
        await until(pilot, lambda: log.following)


async def test_it_follows_until_a_person_scrolls_up_and_again_at_the_end() -> None:
    log = LineLog()
    app = Host(log)
    async with app.run_test(size=(40, 10)) as pilot:
        log.write("".join(f"a{n}\n" for n in range(50)))
        await until(pilot, lambda: log.following)
        await until(pilot, lambda: "a49" in app.shown())
        log.focus()
        await pilot.press("pageup")
        await until(pilot, lambda: not log.following)
        place = log.scroll_offset.y
        log.write("".join(f"b{n}\n" for n in range(50)))
        await until(pilot, lambda: log.scroll_offset.y == place)
        await pilot.press("end")
        log.write("last\n")
        await until(pilot, lambda: "last" in app.shown())


async def test_a_pane_that_was_hidden_shows_the_end() -> None:
    log = LineLog()
    log.display = False
    app = Host(log)
    async with app.run_test(size=(40, 10)) as pilot:
        log.write("".join(f"a{n}\n" for n in range(50)))
        log.display = True
        await until(pilot, lambda: "a49" in app.shown())


async def test_the_oldest_lines_go_with_a_note() -> None:
    log = LineLog(max_lines=100)
    app = Host(log)
    async with app.run_test(size=(40, 10)):
        log.write("".join(f"n{n}\n" for n in range(150)))
        log.flush()
        assert log.line_count <= 100
        assert "earlier lines are not kept" in log.row_text(0)
        assert log.row_text(log.line_count - 1) == "n149"


async def test_a_very_long_line_is_cut() -> None:
    log = LineLog()
    app = Host(log)
    async with app.run_test(size=(40, 10)) as pilot:
        log.write("x" * 3_000_000)
        log.write("\nafter\n")
        log.flush()
        await until(pilot, lambda: len(log.row_text(0)) <= KEPT_CHARACTERS)
        assert log.row_text(1) == "after"
        assert "after" in app.shown()


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_output_is_inert_at_any_size(size: tuple[int, int]) -> None:
    log = LineLog()
    app = Host(log)
    async with app.run_test(size=size) as pilot:
        log.write("\n".join(HOSTILE) + "\nprogress 10%\rprogress 99%\r\n")
        await pilot.pause(0.1)
        assert_inert(app.shown())
        log.focus()
        await pilot.press("slash", "x", "enter", "full_stop", "comma", "escape")
        assert_inert("".join(log.row_text(y) for y in range(log.line_count)))
        assert log.row_text(log.line_count - 1) == "progress 99%"


async def test_search_finds_goes_on_and_ends() -> None:
    log = LineLog()
    app = Host(log)
    async with app.run_test(size=(50, 10)) as pilot:
        log.write("".join(f"row {n}{' Needle' if n % 100 == 7 else ''}\n" for n in range(40_000)))
        log.flush()
        await pilot.pause(0.1)
        log.focus()
        await pilot.press("slash", *"needle", "enter")
        await until(pilot, lambda: "row 39907 Needle" in app.shown())
        assert "line 39,908" in app.shown()
        await pilot.press("full_stop")
        await until(pilot, lambda: "row 7 Needle" in app.shown())
        await pilot.press("comma")
        await until(pilot, lambda: "row 39907 Needle" in app.shown())
        await pilot.press("escape", "slash", *"absent")
        await until(pilot, lambda: "nothing found" in app.shown())
        await pilot.press("escape")
        await until(pilot, lambda: "absent" not in app.shown())


async def test_a_selection_copies_what_is_shown() -> None:
    log = LineLog()
    app = Host(log)
    async with app.run_test(size=(40, 10)) as pilot:
        log.write("\x1b[31mfirst\x1b[0m line\nsecond line\nthird\n")
        log.flush()
        await pilot.pause()
        got = log.get_selection(Selection(Offset(2, 0), Offset(6, 1)))
        assert got == ("rst line\nsecond", "\n")
        assert log.get_selection(Selection(None, None)) == ("first line\nsecond line\nthird", "\n")
        app.screen.selections = {log: Selection(Offset(0, 0), Offset(5, 0))}
        await until(pilot, lambda: app.screen.get_selected_text() == "first")


async def test_clear_forgets_everything() -> None:
    log = LineLog()
    app = Host(log)
    async with app.run_test(size=(40, 10)) as pilot:
        log.write("old text\n")
        log.flush()
        log.write("waiting")
        log.clear()
        await until(pilot, lambda: log.line_count == 0)
        assert "old" not in app.shown()
        log.write("new\n")
        await until(pilot, lambda: log.line_count == 1 and log.row_text(0) == "new")
