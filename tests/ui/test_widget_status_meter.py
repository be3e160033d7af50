"""The status line tells how full the windows of the models at work are."""

from engine.state import Session
from tests.widget_fixtures import NOW, Host, state, until
from widgets.status_bar import StatusBar


def session(phase_id: str, prompt: int, window: int) -> Session:
    """A conversation whose newest request took so many tokens."""
    return Session(
        id=phase_id,
        role="coder",
        phase_id=phase_id,
        iteration=3,
        visit=1,
        messages=(),
        prompt_tokens=prompt,
        window_tokens=window,
    )


def styles(bar: StatusBar, text: str) -> set[str]:
    """The styles that the line gives this text."""
    line = bar.render()
    at = line.plain.index(text)
    return {str(span.style) for span in line.spans if span.start <= at < span.end}


async def test_the_meter_shows_tokens_against_the_window_and_warns_at_four_fifths() -> None:
    bar = StatusBar()
    app = Host(bar)
    async with app.run_test(size=(160, 4)) as pilot:
        bar.now = NOW
        bar.state = state(sessions=(session("s2", 23_000, 128_000),))
        await until(pilot, lambda: "41k tok · ctx 23k/128k · 02:31" in app.shown())
        assert "$text-warning" not in styles(bar, "23k/128k")
        bar.state = state(sessions=(session("s2", 102_400, 128_000),))
        await until(pilot, lambda: "ctx 102k/128k" in app.shown())
        assert "$text-warning" in styles(bar, "102k/128k")


async def test_every_phase_at_work_has_its_meter_and_a_narrow_line_shows_the_fullest() -> None:
    bar = StatusBar()
    app = Host(bar)
    sessions = (session("s2", 1_000, 128_000), session("s3", 90_000, 100_000), session("s4", 0, 0))
    async with app.run_test(size=(160, 4)) as pilot:
        bar.now = NOW
        bar.state = state(sessions=sessions)
        await until(pilot, lambda: "ctx 1.0k/128k 90k/100k ·" in app.shown())
        assert "$text-warning" in styles(bar, "90k/100k")
        assert "$text-warning" not in styles(bar, "1.0k/128k")
        await pilot.resize_terminal(96, 4)
        await until(pilot, lambda: "ctx 90k/100k" in app.shown())
        assert "1.0k/128k" not in app.shown()


async def test_without_a_request_or_after_the_end_there_is_no_meter() -> None:
    bar = StatusBar()
    app = Host(bar)
    async with app.run_test(size=(160, 4)) as pilot:
        bar.now = NOW
        bar.state = state(sessions=(session("s2", 0, 0),))
        await until(pilot, lambda: "CODING" in app.shown())
        assert "ctx" not in app.shown()
        bar.state = state(sessions=(session("s2", 23_000, 128_000),), outcome="success")
        await until(pilot, lambda: "SUCCESS" in app.shown())
        assert "ctx" not in app.shown()
