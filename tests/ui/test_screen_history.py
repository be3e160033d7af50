"""The history screen."""

from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input, Static

from memory.hits import Entry, Hit, Kind
from miracle_tui.app import MiracleApp
from miracle_tui.screens.history_screen import HistoryScreen
from miracle_tui.screens.iteration_screen import TABS, IterationScreen
from miracle_tui.screens.timeline_screen import TimelineScreen
from tests.ui import recorded_run
from tests.ui.app_fixtures import opened_app, shown_all, until
from tests.ui.recorded_run import RUN, START
from tests.ui.scripted_engine import ScriptedEngine
from widgets.diff_pane import DiffPane
from widgets.history_chips import HistoryChips
from widgets.history_preview import HistoryPreview

FAILURE = {
    "message": "IndexError: list", "ctx_text": "Traceback (most recent call last):\nIndexError: list index",
    "cause": "it lacks the subtractive pairs", "solution": "add them", "hypothesis": "", "fix": "", "code_context": "",
}  # fmt: skip


def hit(title: str, run_id: str = RUN, kind: Kind = "failure", id: str = "", **more: Any) -> Hit:
    return Hit(kind=kind, id=id or title, run_id=run_id, title=title, snippet="", at=START, **more)


def engine_with(*hits: Hit) -> ScriptedEngine:
    engine = ScriptedEngine()
    engine.tell(RUN, *recorded_run.until_success())
    engine.hits = list(hits)
    engine.entries = {one.id: Entry(one, FAILURE, 4, 2, 1) for one in hits if one.kind == "failure"}
    return engine


async def opened(app: MiracleApp, pilot: Pilot[None], count: int = 0) -> HistoryScreen:
    await pilot.press("escape", "h")
    await until(pilot, lambda: isinstance(app.screen, HistoryScreen) and len(app.screen.rows.hits) >= count)
    assert isinstance(app.screen, HistoryScreen)
    return app.screen


def footer(screen: HistoryScreen) -> set[tuple[str, str]]:
    """The keys that are offered."""
    shown = [one.binding for one in screen.active_bindings.values() if one.enabled and one.binding.show]
    return {(screen.app.get_key_display(one), one.description) for one in shown}


def text_of(screen: HistoryScreen) -> str:
    preview = screen.query_one(HistoryPreview)
    return "\n".join(preview.row_text(y) for y in range(preview.row_count()))


async def test_search_as_you_type_shows_what_is_known_and_o_opens_the_run() -> None:
    engine = engine_with(hit("IndexError [/b] in roman"), hit("KeyError", "gone"))
    async with opened_app(engine) as (app, pilot):
        screen = await opened(app, pilot, 2)
        await pilot.press(*"index")
        await until(pilot, lambda: len(screen.rows.hits) == 1)
        await until(pilot, lambda: "recalled 4 times, used 2 times, helped once" in text_of(screen))
        assert "lacks the subtractive pairs" in text_of(screen)
        await pilot.press("enter", "o")
        await until(pilot, lambda: shown_all(app.run_screen, engine))


async def test_an_answer_that_is_late_is_dropped() -> None:
    engine = engine_with(hit("alpha"), hit("beta"))
    engine.search_delays = {"alp": 60}
    async with opened_app(engine) as (app, pilot):
        screen = await opened(app, pilot, 2)
        line = screen.query_one("#history-query", Input)
        line.value = "alp"
        await pilot.pause(0.1)
        line.value = "bet"
        line.value = "beta"
        await pilot.pause(0.6)
        assert [found.title for found in screen.rows.hits] == ["beta"]
        assert [call[0] for call in engine.called("search")] == ["", "beta"], "the slow one was given up"


async def test_letters_go_into_the_query_and_act_in_the_results() -> None:
    engine = engine_with(hit("pending"), hit("other"))
    async with opened_app(engine) as (app, pilot):
        screen = await opened(app, pilot, 2)
        await pilot.press(*"pend")
        await until(pilot, lambda: len(screen.rows.hits) == 1)
        assert engine.called("mark_memory") == []
        assert ("↓", "Results") in footer(screen)
        await pilot.press("down", "p")
        await until(pilot, lambda: screen.rows.hits[0].pinned)
        assert {("⏎", "Look"), ("p", "Pin"), ("d", "Forget"), ("o", "Run")} <= footer(screen)
        await pilot.press("d", "y")
        await until(pilot, lambda: not screen.rows.hits)
        assert engine.called("mark_memory") == [("pending", True, None), ("pending", None, True)]
        await pilot.press("slash", "x")
        assert screen.query_one("#history-query", Input).value == "pendx"


async def test_kinds_and_filters_narrow_the_results() -> None:
    engine = engine_with(hit("bad"), hit("good", kind="pattern", run_id=""), hit("hidden", forgotten=True))
    async with opened_app(engine) as (app, pilot):
        screen = await opened(app, pilot, 2)
        await pilot.press("down", "5")
        await until(pilot, lambda: [one.title for one in screen.rows.hits] == ["good"])
        assert screen.query_one(HistoryChips).kinds == ("pattern",)
        await pilot.press("0", "f3")
        await until(pilot, lambda: bool(app.screen.query("#forgotten")))
        app.screen.query_one("#since", Input).value = "yesterday-ish"
        await pilot.press("f2")
        assert "A moment is a date" in str(app.screen.query_one(".problem").render())
        app.screen.query_one("#since", Input).value = "7d"
        app.screen.query_one("#forgotten").toggle()  # type: ignore[attr-defined]
        await pilot.press("f2")
        await until(pilot, lambda: len(screen.rows.hits) == 3)
        assert screen.filters.since is not None
        assert screen.filters.forgotten


async def test_more_like_it_and_back() -> None:
    engine = engine_with(hit("alpha"), hit("beta"))
    engine.alike = [hit("gamma", similarity=0.8)]
    async with opened_app(engine) as (app, pilot):
        screen = await opened(app, pilot, 2)
        await pilot.press("down", "m")
        await until(pilot, lambda: [one.title for one in screen.rows.hits] == ["gamma"])
        await pilot.press("escape")
        await until(pilot, lambda: len(screen.rows.hits) == 2)
        await pilot.press("slash", *"a b c")
        await until(pilot, lambda: [one.title for one in screen.rows.hits] == ["gamma"])


async def test_more_rows_come_as_one_goes_down() -> None:
    engine = engine_with(*(hit(f"row {n}") for n in range(120)))
    async with opened_app(engine) as (app, pilot):
        screen = await opened(app, pilot, 50)
        assert len(screen.rows.hits) == 50
        await pilot.press("down", "end")
        await until(pilot, lambda: len(screen.rows.hits) == 100)
        await pilot.press("end")
        await until(pilot, lambda: len(screen.rows.hits) == 120)
        assert "120 found" in str(screen.rows.border_subtitle)


async def test_an_iteration_is_looked_at_in_parts() -> None:
    engine = engine_with(hit("first", kind="iteration", id=f"{RUN}#1"))
    async with opened_app(engine) as (app, pilot):
        await opened(app, pilot, 1)
        await pilot.press("enter", "enter")
        await until(
            pilot, lambda: isinstance(app.screen, IterationScreen) and bool(app.screen.query_one(DiffPane).diff)
        )
        screen = app.screen
        assert isinstance(screen, IterationScreen)
        for place, name in enumerate(TABS, 1):
            await pilot.press(str(place))
            assert screen.current == name
        assert "AGENT" in screen.query_one("#cost").row_text(0)  # type: ignore[attr-defined]
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, TimelineScreen))
        await pilot.press("escape", "escape", "escape", "escape")
        await until(pilot, lambda: app.screen is app.run_screen)


async def test_an_export_is_never_written_over_something(tmp_path: Path) -> None:
    engine = engine_with(hit("alpha"))
    there = tmp_path / "there.md"
    there.write_text("kept", encoding="utf-8")
    async with opened_app(engine) as (app, pilot):
        await opened(app, pilot, 1)
        await pilot.press("down", "e")
        await until(pilot, lambda: bool(app.screen.query("#path")))
        app.screen.query_one("#path", Input).value = str(there)
        await pilot.press("enter")
        assert "never written over" in str(app.screen.query_one(".problem").render())
        for odd in ("~nobody-of-this-name/x.md", f"{tmp_path}/{'n' * 300}.md", str(tmp_path / "no" / "x.md"), "/"):
            app.screen.query_one(".problem", Static).update("")
            app.screen.query_one("#path", Input).value = odd
            await pilot.press("enter")
            assert "." in str(app.screen.query_one(".problem").render()), odd
        app.screen.query_one("#path", Input).value = str(tmp_path / "new.md")
        await pilot.press("enter")
        await until(pilot, lambda: (tmp_path / "new.md").exists() and bool((tmp_path / "new.md").read_text()))
    page = (tmp_path / "new.md").read_text(encoding="utf-8")
    assert page.startswith("# Failure: alpha")
    assert "```pytb\nTraceback" in page
    assert there.read_text(encoding="utf-8") == "kept"


async def test_a_task_begins_from_a_solution() -> None:
    solution = hit("library: roman", run_id="", kind="pattern", id="p7")
    engine = engine_with(solution)
    problem = {"problem_type": "library", "language": "node", "description": "Roman numerals", "plan": ""}
    engine.entries["p7"] = Entry(solution, {**problem, "code_template": "", "test_template": ""})
    async with opened_app(engine, size=(80, 24)) as (app, pilot):
        screen = await opened(app, pilot, 1)
        await pilot.press("down", "enter")
        await until(pilot, lambda: not screen.rows.display and screen.query_one(HistoryPreview).size.height > 12)
        await pilot.press("escape")
        await until(pilot, lambda: screen.rows.display and screen.rows.has_focus)
        await pilot.press("n")
        await until(pilot, lambda: bool(app.screen.query("#begun-from")))
        app.screen.query_one("#workspace", Input).value = "/tmp"
        await pilot.press("f2")
        await until(pilot, lambda: bool(engine.called("start")))
    ((task,),) = engine.called("start")
    assert (task.goal, task.project_type, task.language, task.patterns) == (
        "Roman numerals",
        "library",
        "node",
        ("p7",),
    )


async def test_a_search_that_fails_says_so_in_place() -> None:
    engine = engine_with(hit("alpha"))
    async with opened_app(engine, size=(80, 24)) as (app, pilot):
        screen = await opened(app, pilot, 1)
        engine.refuse = "The database is away"
        await pilot.press("a")
        await until(pilot, lambda: not screen.rows.hits)
        assert "The database is away" in str(screen.rows.get_option_at_index(0).prompt)
        await pilot.press("l")
        await until(pilot, lambda: len(screen.rows.hits) == 1)
        assert "any more" not in text_of(screen)


async def test_escape_leaves_the_shown_run_as_it_is() -> None:
    engine = engine_with(hit("alpha", "other"))
    async with opened_app(engine, show=RUN) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.run_screen)
        assert shown_all(app.run_screen, engine)
