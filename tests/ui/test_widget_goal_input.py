"""The prompt line: typing, history, and pastes of any size."""

import time

import pytest
from textual import events, on

from tests.widget_fixtures import HOSTILE, SIZES, Host, assert_inert, until
from widgets.goal_input import GOAL, MESSAGE, GoalInput


class GoalHost(Host):
    """Keeps what was submitted."""

    def __init__(self, line: GoalInput) -> None:
        super().__init__(line)
        self.texts: list[str] = []

    @on(GoalInput.Submitted)
    def _submitted(self, event: GoalInput.Submitted) -> None:
        assert event.control is event.goal_input
        self.texts.append(event.text)


async def test_enter_submits_and_empties_the_line() -> None:
    line = GoalInput()
    app = GoalHost(line)
    async with app.run_test(size=(60, 10)) as pilot:
        await until(pilot, lambda: GOAL in app.shown())
        line.running = True
        await until(pilot, lambda: MESSAGE in app.shown())
        line.focus()
        await pilot.press("enter")
        await pilot.press(*"hello", "shift+enter", *"you", "enter")
        await until(pilot, lambda: app.texts == ["hello\nyou"])
        assert line.text == ""


async def test_up_and_down_walk_through_the_past_and_back_to_the_draft() -> None:
    line = GoalInput()
    app = GoalHost(line)
    async with app.run_test(size=(60, 10)) as pilot:
        line.focus()
        await pilot.press(*"one", "enter", *"two", "enter", *"draft")
        await pilot.press("up")
        assert line.text == "two"
        await pilot.press("up")
        assert line.text == "one"
        await pilot.press("up")
        assert line.text == "one"
        await pilot.press("down", "down")
        assert line.text == "draft"
        await pilot.press("up", "enter")
        await until(pilot, lambda: app.texts == ["one", "two", "two"])
        assert line.past == ["one", "two"]


async def test_a_short_paste_is_typed_and_a_long_one_is_kept_aside() -> None:
    line = GoalInput()
    app = GoalHost(line)
    long = "word [/foo] \n" * 20_000
    async with app.run_test(size=(60, 10)) as pilot:
        line.focus()
        line.post_message(events.Paste("two\nlines"))
        await until(pilot, lambda: line.text == "two\nlines")
        begin = time.process_time()
        line.post_message(events.Paste(long))
        await until(pilot, lambda: "paste 1" in line.text)
        assert time.process_time() - begin < 1.0
        assert len(line.text) < 100
        assert "240,001" not in line.text
        assert line.full_text == "two\nlines" + long
        await pilot.press("enter")
        await until(pilot, lambda: app.texts == [("two\nlines" + long).strip()])


async def test_a_text_that_is_put_back_is_whole() -> None:
    line = GoalInput()
    app = GoalHost(line)
    async with app.run_test(size=(60, 10)):
        line.set_full_text("x" * 200_000)
        assert len(line.text) < 100
        assert line.full_text == "x" * 200_000
        line.set_full_text("⟦paste 9: typed by hand⟧")
        assert line.full_text == "⟦paste 9: typed by hand⟧"


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_pastes_are_inert_at_any_size(size: tuple[int, int]) -> None:
    line = GoalInput()
    app = GoalHost(line)
    async with app.run_test(size=size) as pilot:
        line.focus()
        for text in HOSTILE:
            line.post_message(events.Paste(text))
        await pilot.pause(0.1)
        assert_inert(app.shown())
