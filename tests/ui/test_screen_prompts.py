"""What the model was told: reading, searching, going from call to call."""

from textual.pilot import Pilot

from engine import events as e
from miracle_tui.app import MiracleApp
from miracle_tui.screens.prompt_screen import PromptScreen
from miracle_tui.screens.timeline_screen import TimelineScreen
from tests.ui.app_fixtures import opened_app, until
from tests.ui.recorded_run import RUN
from tests.ui.test_screen_timeline import opened_timeline
from tests.ui.travel_fixtures import engine_with_story
from tests.widget_fixtures import assert_inert
from widgets.call_list import CallList
from widgets.prompt_view import PromptView


def text_of(view: PromptView) -> str:
    return "\n".join(view.row_text(y) for y in range(view.row_count()))


async def opened_prompts(app: MiracleApp, pilot: Pilot[None], calls: int = 9) -> PromptView:
    await pilot.press("escape", "w")
    await until(pilot, lambda: isinstance(app.screen, PromptScreen))
    await until(pilot, lambda: app.screen.query_one(CallList).row_count() == calls)
    view = app.screen.query_one(PromptView)
    await until(pilot, lambda: f"CALL {calls} of {calls}" in str(view.border_title))
    return view


async def test_every_call_can_be_read_with_its_tool_results_and_its_answer() -> None:
    async with opened_app(engine_with_story(), show=RUN) as (app, pilot):
        view = await opened_prompts(app, pilot)
        await pilot.press("left", "p")
        await until(pilot, lambda: "CALL 7 of 9" in str(view.border_title) and "1 place changed" in text_of(view))
        text = text_of(view)
        for part in ("SYSTEM", "PROMPT", "SAID", "TOOL RESULT", "ANSWER", "## Spec", "→ edit_file", "path: roman.py"):
            assert part in text
        assert "1,320 tokens in of 90,000 allowed · 30 out · $0.0147" in text
        assert "files 900 (cut)" in text
        assert_inert(text)
        assert app.screen.query_one(CallList).cursor == 6
        await pilot.press("n", "right")
        await until(pilot, lambda: "CALL 9 of 9" in str(view.border_title))
        await pilot.press("right")
        assert "CALL 9 of 9" in str(view.border_title)


async def test_a_search_takes_every_key_until_it_ends() -> None:
    async with opened_app(engine_with_story(), size=(80, 24), show=RUN) as (app, pilot):
        view = await opened_prompts(app, pilot)
        await pilot.press("left", "left", "left")
        await until(pilot, lambda: "ANSWER" in text_of(view) and "CALL 6 of 9" in str(view.border_title))
        await pilot.press("slash", *"pt", "backspace", "backspace", *"table needs", "enter")
        await until(pilot, lambda: view._match >= 0)
        assert "The table needs" in view.row_text(view._match)
        assert "CALL 6 of 9" in str(view.border_title)
        await pilot.press("escape")
        assert isinstance(app.screen, PromptScreen)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.run_screen)


async def test_the_list_moves_the_view_and_a_brace_goes_to_the_next_message() -> None:
    async with opened_app(engine_with_story(), size=(80, 24), show=RUN) as (app, pilot):
        view = await opened_prompts(app, pilot)
        await pilot.press("shift+tab")
        await until(pilot, lambda: app.screen.query_one(CallList).has_focus)
        await pilot.press("up", "up", "enter")
        await until(pilot, lambda: view.has_focus and "TOOL RESULT" in text_of(view))
        await pilot.press("right_curly_bracket", "right_curly_bracket")
        assert "PROMPT" in view.row_text(int(view.scroll_offset.y))
        await pilot.press("left_curly_bracket")
        assert "SYSTEM" in view.row_text(int(view.scroll_offset.y))


async def test_from_a_moment_to_its_prompt_and_from_a_prompt_to_its_moment() -> None:
    async with opened_app(engine_with_story(), show=RUN) as (app, pilot):
        timeline = await opened_timeline(app, pilot)
        await pilot.press("slash", *"cause", "enter", "w")
        await until(pilot, lambda: isinstance(app.screen, PromptScreen))
        view = app.screen.query_one(PromptView)
        await until(pilot, lambda: "CALL 5 of 9" in str(view.border_title))
        await pilot.press("left", "t")
        await until(pilot, lambda: app.screen is timeline)
        assert timeline.bar.moments[timeline.bar.index].title.startswith("tester asks")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.run_screen)
        view = await opened_prompts(app, pilot)
        await pilot.press("left", "left", "t")
        await until(
            pilot,
            lambda: (
                isinstance(app.screen, TimelineScreen)
                and bool(app.screen.bar.moments)
                and app.screen.bar.moments[app.screen.bar.index].iteration == 2
            ),
        )


async def test_a_call_that_ends_while_it_is_read_gets_its_answer() -> None:
    engine = engine_with_story()
    opened = e.SessionOpened(session_id="s", role="coder", messages=())
    engine.tell("other", opened, e.CallStarted(session_id="s", call_id="c", model="m"))
    async with opened_app(engine, show="other") as (app, pilot):
        view = await opened_prompts(app, pilot, calls=1)
        await until(pilot, lambda: "There is no answer yet" in text_of(view))
        engine.tell("other", e.CallFailed(session_id="s", call_id="c", model="m", error="x", detail="the line broke"))
        await until(pilot, lambda: "the line broke" in text_of(view))
        engine.tell("other", e.CallStarted(session_id="s", call_id="d", model="m"))
        await until(pilot, lambda: app.screen.query_one(CallList).row_count() == 2)
        assert "the line broke" in text_of(view)


async def test_a_run_without_a_call_says_so() -> None:
    engine = engine_with_story()
    engine.tell("other", e.Steered(text="x"))
    async with opened_app(engine, show="other") as (app, pilot):
        await pilot.press("escape", "w")
        await until(pilot, lambda: isinstance(app.screen, PromptScreen))
        await until(pilot, lambda: "No model was called yet" in text_of(app.screen.query_one(PromptView)))
        await pilot.press("left", "t")
        await until(pilot, lambda: app.screen is app.run_screen)
