"""The line of moments and the lines of a prompt, by themselves."""

from datetime import timedelta

import pytest

from engine.calls import Call
from engine.llm.protocol import Answer, Message, ToolCall
from engine.moments import Moment, moments
from tests.ui.recorded_run import START, recorded
from tests.ui.travel_fixtures import story
from tests.widget_fixtures import HOSTILE, SIZES, Host, assert_inert
from widgets.prompt_lines import prompt_lines, wrapped
from widgets.timeline import TimelineBar, newest_at


@pytest.mark.parametrize("size", SIZES)
async def test_the_line_fits_any_size_and_shows_the_marks(size: tuple[int, int]) -> None:
    bar = TimelineBar()
    app = Host(bar)
    async with app.run_test(size=size) as pilot:
        bar.moments = moments(recorded(story()))
        bar.index = 30
        await pilot.pause()
        shown = app.shown()
        assert max(len(line) for line in shown.splitlines()) <= size[0]
        if size[0] >= 80:
            for glyph in ("◆", "✗", "✓", "■", "●", "31/60"):
                assert glyph in shown


async def test_ten_thousand_moments_have_room() -> None:
    bar = TimelineBar()
    app = Host(bar)
    async with app.run_test(size=(80, 10)) as pilot:
        many = tuple(
            Moment(
                n, START + timedelta(seconds=n), "tests" if n % 50 == 0 else "tool", "p", n // 100, f"t{n}", n % 3 == 0
            )
            for n in range(1, 10_001)
        )
        bar.moments = many
        bar.index = 9_999
        await pilot.pause()
        assert "10000/10000" in app.shown()
        bar.index = 0
        await pilot.pause()
        assert "t1" in app.shown()
        await pilot.click(TimelineBar, offset=(40, 1))
        assert newest_at(many, 5_000) == 4_999
        assert newest_at(many, 0) == 0


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_titles_and_prompts_stay_inert(text: str) -> None:
    bar = TimelineBar()
    app = Host(bar)
    async with app.run_test(size=(80, 6)) as pilot:
        bar.moments = (Moment(1, START, "steer", text, 1, text),)
        await pilot.pause()
        assert_inert(app.shown())
    calls = (
        ToolCall(id="1", name=text, arguments=text),
        ToolCall(id="2", name="f", arguments='{"' + "a" * 90 + '": 1}'),
    )
    messages = (Message(role="system", content=text), Message(role="assistant", content=text, tool_calls=calls))
    answer = Answer(model=text, text=text, refusal=text, tool_calls=calls, finish_reason=text)
    call = Call(1, START, "c", "s", text, text, answer=answer)
    assert_inert("\n".join(line.text for line in prompt_lines(call, messages, 60)))


def test_lines_are_cut_at_spaces_and_by_cells() -> None:
    assert wrapped("short", 10) == ["short"]
    assert wrapped("one two three", 8) == ["one two", "three"]
    assert wrapped("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]
    assert wrapped("漢字漢字漢", 4) == ["漢字", "漢字", "漢"]
    assert wrapped("", 10) == [""]


def test_a_place_is_named_by_number_or_iteration() -> None:
    bar = TimelineBar()
    bar.set_reactive(TimelineBar.moments, moments(recorded(story())))
    bar.watch_moments((), bar.moments)
    assert bar.place_of("1") == 0
    assert bar.place_of("0") is None
    assert bar.place_of("61") is None
    assert bar.place_of("9" * 5000) is None
    third = bar.place_of("i3")
    assert third is not None
    assert bar.moments[third].title == "Iteration 3"
    assert bar.place_of("iteration:3") == bar.place_of("iteration 3") == third
    assert bar.place_of("i") is None
    assert bar.place_of("i9") is None
    assert bar.place_of("²") is None
    assert bar.find("no such", 0) is None
    assert bar.find("tests", 0) is not None
