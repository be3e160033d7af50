"""The history screen."""

from textual.widgets import Input, Static

from memory.search import Hit
from miracle_tui.screens.history_screen import HistoryScreen
from tests.ui import recorded_run
from tests.ui.app_fixtures import opened_app, shown_all, until
from tests.ui.recorded_run import RUN, START
from tests.ui.scripted_engine import ScriptedEngine
from widgets.history_list import HistoryList


def hit(title: str, run_id: str = RUN, snippet: str = "") -> Hit:
    return Hit(kind="failure", id=title, run_id=run_id, title=title, snippet=snippet, at=START)


def engine_with(*hits: Hit) -> ScriptedEngine:
    engine = ScriptedEngine()
    engine.tell(RUN, *recorded_run.until_success())
    engine.hits = list(hits)
    return engine


async def test_search_as_you_type_and_enter_opens_the_run() -> None:
    engine = engine_with(hit("IndexError [/b] in roman"), hit("KeyError", "gone"))
    async with opened_app(engine) as (app, pilot):
        await pilot.press("escape", "h")
        await until(
            pilot, lambda: isinstance(app.screen, HistoryScreen) and bool(app.screen.query_one(HistoryList).hits)
        )
        assert len(app.screen.query_one(HistoryList).hits) == 2
        await pilot.press(*"index")
        await until(pilot, lambda: len(app.screen.query_one(HistoryList).hits) == 1)
        preview = app.screen.query_one("#history-text", Static)
        await until(pilot, lambda: "12 passed at dddddddddd" in str(preview.render()))
        assert "lacks the subtractive pairs" in str(preview.render())
        await pilot.press("enter", "enter")
        await until(pilot, lambda: shown_all(app.run_screen, engine))


async def test_an_answer_that_is_late_is_dropped() -> None:
    engine = engine_with(hit("alpha"), hit("beta"))
    engine.search_delays = {"alp": 0.5}
    async with opened_app(engine) as (app, pilot):
        await pilot.press("escape", "h")
        await until(
            pilot, lambda: isinstance(app.screen, HistoryScreen) and bool(app.screen.query_one(HistoryList).hits)
        )
        line = app.screen.query_one("#history-query", Input)
        line.value = "alp"
        await pilot.pause(0.25)
        line.value = "beta"
        await pilot.pause(0.6)
        assert [found.title for found in app.screen.query_one(HistoryList).hits] == ["beta"]


async def test_escape_leaves_the_shown_run_as_it_is() -> None:
    engine = engine_with(hit("alpha", "other"))
    async with opened_app(engine, show=RUN) as (app, pilot):
        await pilot.press("escape", "h")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.run_screen)
        assert shown_all(app.run_screen, engine)


async def test_what_has_no_run_any_more_is_said_in_the_preview() -> None:
    engine = engine_with(hit("beta", ""), hit("gamma"))
    async with opened_app(engine, size=(80, 24)) as (app, pilot):
        await pilot.press("escape", "h")
        await until(
            pilot, lambda: isinstance(app.screen, HistoryScreen) and bool(app.screen.query_one(HistoryList).hits)
        )
        await pilot.press("tab", "enter")
        await until(pilot, lambda: app.screen is app.run_screen)
        assert app.run_screen.desk is not None
        assert app.run_screen.desk.run_id == ""
