"""Two runs side by side."""

from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from miracle_tui.app import MiracleApp
from miracle_tui.screens.compare_screen import CompareScreen
from miracle_tui.screens.timeline_screen import TimelineScreen
from tests.ui.app_fixtures import opened_app, until
from tests.ui.recorded_run import FIXED, RUN
from tests.ui.test_screen_timeline import opened_timeline
from tests.ui.travel_fixtures import FORK, engine_with_story
from widgets.compare_view import CompareView
from widgets.dialogs.compare_dialog import CompareDialog
from widgets.diff_pane import DiffPane


def text_of(view: CompareView) -> str:
    return "\n".join(view.row_text(y) for y in range(view.row_count()))


async def opened_comparison(app: MiracleApp, pilot: Pilot[None]) -> CompareScreen:
    await opened_timeline(app, pilot)
    await pilot.press("c")
    await until(pilot, lambda: isinstance(app.screen, CompareDialog))
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen.comparison is not None)
    screen = app.screen
    assert isinstance(screen, CompareScreen)
    return screen


async def test_a_fork_stands_beside_its_source() -> None:
    engine = engine_with_story(fork=True)
    async with opened_app(engine, show=FORK) as (app, pilot):
        screen = await opened_comparison(app, pilot)
        assert engine.called("compare") == [(RUN, FORK)]
        text = text_of(screen.query_one(CompareView))
        assert "B was forked from the other at event" in " ".join(text.split())
        assert "B tries  Peel from the right." in text
        assert "GREEN ONLY IN A  6" in text
        assert "GREEN IN NEITHER  1" in text
        assert screen.query_one(DiffPane).diff == FIXED
        await pilot.press("x")
        await until(pilot, lambda: engine.called("compare")[-1] == (FORK, RUN))
        await until(pilot, lambda: "GREEN ONLY IN B" in text_of(screen.query_one(CompareView)))
        await pilot.press("m")
        assert screen.has_class("-maximised")
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, TimelineScreen))


async def test_what_cannot_be_compared_is_said_in_the_place_of_the_diff() -> None:
    engine = engine_with_story(fork=True)
    engine.code_diff, engine.code_note = "", "The worktrees [/b] of both runs are gone."
    async with opened_app(engine, size=(80, 24), show=RUN) as (app, pilot):
        screen = await opened_comparison(app, pilot)
        await until(pilot, lambda: screen.query_one("#compare-diff").has_class("-noted"))
        assert "[/b] of both runs are gone" in str(screen.query_one("#compare-note", Static).render())
        engine.code_note = ""
        await pilot.press("f5")
        await until(
            pilot, lambda: "code of both is the same" in str(screen.query_one("#compare-note", Static).render())
        )


async def test_the_list_begins_at_the_source_and_a_lonely_run_has_nobody_to_stand_beside() -> None:
    engine = engine_with_story(fork=True)
    engine.tell("newer", *[one.event for one in engine.log_of(RUN)])
    async with opened_app(engine, show=FORK) as (app, pilot):
        await opened_timeline(app, pilot)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CompareDialog))
        dialog = app.screen
        assert isinstance(dialog, CompareDialog)
        assert [run.run_id for run in dialog.runs] == ["newer", RUN]
        await until(pilot, lambda: dialog.query_one(OptionList).highlighted == 1)
    async with opened_app(engine_with_story(), show=RUN) as (app, pilot):
        timeline = await opened_timeline(app, pilot)
        await pilot.press("c")
        await pilot.pause(0.2)
        assert app.screen is timeline
