"""Time travel in the app: scrubbing, searching, growing, forking."""

from textual.pilot import Pilot
from textual.widgets import Input, Static

from engine import events as e
from miracle_tui.app import MiracleApp
from miracle_tui.screens.history_screen import HistoryScreen
from miracle_tui.screens.timeline_screen import TimelineScreen
from tests.ui import recorded_run
from tests.ui.app_fixtures import opened_app, shown_all, until
from tests.ui.recorded_run import DIFF, FIXED, RUN
from tests.ui.test_screen_history import hit
from tests.ui.travel_fixtures import engine_with_story, place_of, story
from widgets.dialogs.error_dialog import ErrorDialog
from widgets.dialogs.fork_dialog import ForkDialog, ForkPlanDialog
from widgets.history_list import HistoryList
from widgets.paste_area import PasteArea


async def opened_timeline(app: MiracleApp, pilot: Pilot[None]) -> TimelineScreen:
    """Press t and wait for the log."""
    await pilot.press("escape", "t")
    return await shown_timeline(app, pilot)


async def shown_timeline(app: MiracleApp, pilot: Pilot[None]) -> TimelineScreen:
    await until(pilot, lambda: isinstance(app.screen, TimelineScreen) and bool(app.screen.bar.moments))
    screen = app.screen
    assert isinstance(screen, TimelineScreen)
    await settled(screen, pilot)
    return screen


async def settled(screen: TimelineScreen, pilot: Pilot[None]) -> None:
    """Wait until the panes show what the line says."""
    await until(pilot, lambda: screen._shown == (screen.bar.index, screen.seq))


def titles(screen: TimelineScreen) -> str:
    return screen.bar.moments[screen.bar.index].title


async def test_every_pane_shows_what_was_so_at_the_moment() -> None:
    async with opened_app(engine_with_story(), show=RUN) as (app, pilot):
        screen = await opened_timeline(app, pilot)
        assert screen.bar.index == len(screen.bar.moments) - 1
        assert screen.past.tests.counts.passed == 12
        await pilot.press("slash", *"cause", "enter")
        await settled(screen, pilot)
        assert titles(screen).startswith("Cause:")
        assert screen.past.diff.diff == DIFF
        assert (screen.past.tests.counts.passed, screen.past.tests.counts.failed) == (5, 3)
        state = screen.past.status.state
        assert state is not None
        assert [phase.state for phase in state.phases] == ["active", "pending", "pending"]
        assert round(state.spend.usd, 3) == 0.085
        assert screen.past.status.now == state.updated_at
        assert "reflector asks scripted" in str(screen.query_one("#call-line", Static).render())
        await pilot.press(*["left"] * 30)
        await settled(screen, pilot)
        assert screen.past.diff.diff == ""
        assert screen.past.tests.counts.collected == 0


async def test_keys_go_by_moment_by_iteration_to_the_ends_and_to_a_number() -> None:
    async with opened_app(engine_with_story(), show=RUN) as (app, pilot):
        screen = await opened_timeline(app, pilot)
        last = screen.bar.index
        await pilot.press("left", "left", "right")
        assert screen.bar.index == last - 1
        await pilot.press("home")
        assert screen.bar.index == 0
        await pilot.press("left")
        assert screen.bar.index == 0
        for number in (1, 2, 3, 4):
            await pilot.press("down" if number % 2 else "shift+right")
            assert titles(screen).startswith(f"Iteration {number}")
        await pilot.press("up", "shift+left")
        assert titles(screen).startswith("Iteration 2")
        await pilot.press("1", "7", "enter")
        assert screen.bar.index == 16
        await pilot.press("slash", *"i3", "enter")
        assert titles(screen) == "Iteration 3"
        await pilot.press("9", "9", "9", "enter")
        assert titles(screen) == "Iteration 3"
        await pilot.press("end")
        assert screen.bar.index == last


async def test_a_search_goes_on_and_escape_ends_what_is_typed() -> None:
    async with opened_app(engine_with_story(), show=RUN) as (app, pilot):
        screen = await opened_timeline(app, pilot)
        await pilot.press("home", "slash", *"checkpoint", "enter")
        first = screen.bar.index
        assert titles(screen).startswith("Checkpoint bbbb")
        await pilot.press("n")
        assert titles(screen).startswith("Checkpoint cccc")
        await pilot.press("N")
        assert screen.bar.index == first
        await pilot.press("slash", "left", "x", "escape")
        assert screen.bar.index == first
        assert not screen.query_one("#jump", Input).has_focus
        await pilot.press("slash", *"no such thing", "enter")
        assert screen.bar.index == first


async def test_a_running_run_grows_at_the_right_end() -> None:
    engine = engine_with_story()
    engine.tell("other", *recorded_run.until_failure())
    async with opened_app(engine, show="other") as (app, pilot):
        screen = await opened_timeline(app, pilot)
        count = len(screen.bar.moments)
        assert screen.bar.live
        assert screen.bar.following
        engine.tell("other", e.IterationStarted(phase_id="encode", number=2, hypothesis="Subtractive pairs."))
        await until(pilot, lambda: len(screen.bar.moments) == count + 1)
        assert screen.bar.index == count
        await pilot.press("left", "left")
        await settled(screen, pilot)
        engine.tell("other", e.Steered(text="hurry"))
        await until(pilot, lambda: len(screen.bar.moments) == count + 2)
        assert screen.bar.index == count - 2
        await pilot.press("end")
        await settled(screen, pilot)
        assert titles(screen).endswith("hurry")


async def test_the_panes_take_the_focus_and_give_it_back() -> None:
    for size, panes in (((120, 36), 4), ((80, 24), 4)):
        async with opened_app(engine_with_story(), size=size, show=RUN) as (app, pilot):
            screen = await opened_timeline(app, pilot)
            seen = []
            for _ in range(panes):
                await pilot.press("tab")
                await pilot.pause(0.05)
                seen.append(screen.past.grid.focused_pane)
            assert seen == ["plan", "diff", "reflection", "tests"]
            before = screen.bar.index
            await pilot.press("left")
            assert screen.bar.index == before - 1
            await pilot.press("m")
            assert screen.past.grid.maximised
            await pilot.press("tab")
            assert screen.bar.has_focus
            await pilot.press("escape", "escape")
            await until(pilot, lambda app=app: app.screen is app.run_screen)  # type: ignore[misc]


async def test_a_fork_with_another_hypothesis_and_budget_is_made_and_shown() -> None:
    engine = engine_with_story()
    async with opened_app(engine, show=RUN) as (app, pilot):
        screen = await opened_timeline(app, pilot)
        await pilot.press("slash", *"cause", "enter", "f")
        await until(pilot, lambda: isinstance(app.screen, ForkDialog))
        hypothesis = app.screen.query_one("#hypothesis", PasteArea)
        assert hypothesis.full_text.startswith("With CM, CD")
        told = str(app.screen.query_one("#fork-from", Static).render())
        assert "Checkpoint bbbbbbbbbb, iteration 1 of encode" in told
        hypothesis.set_full_text("Peel from the right.")
        app.screen.query_one("#budget", Input).value = "2.50"
        app.screen.query_one("#model-coder", Input).value = "big, small"
        await pilot.pause(0.05)
        assert "the next iteration tries the new hypothesis" in str(app.screen.query_one("#fork-from", Static).render())
        assert "up to $2.50" in str(app.screen.query_one("#fork-reach", Static).render())
        await pilot.press("f2")
        await until(pilot, lambda: bool(engine.called("fork")))
        run_id, seq, changes = engine.called("fork")[0]
        assert (run_id, seq) == (RUN, place_of(e.ReflectionSubmitted, story()))
        assert changes == {
            "hypothesis": "Peel from the right.",
            "plan": None,
            "models": {"coder": ("big", "small")},
            "budget_usd": 2.5,
            "max_iterations": None,
        }
        await until(pilot, lambda: app.screen is app.run_screen and shown_all(app.run_screen, engine, "fork1"))
        assert "fork1" in app.driven
        assert engine.called("drive") == [("fork1",)]
        assert screen.is_attached is False


async def test_a_fork_that_is_refused_keeps_what_was_entered() -> None:
    engine = engine_with_story()
    async with opened_app(engine, show=RUN) as (app, pilot):
        await pilot.press("escape", "f")
        await until(pilot, lambda: isinstance(app.screen, ForkDialog))
        app.screen.query_one("#budget", Input).value = "nothing"
        await pilot.press("f2")
        assert "number of US dollars" in str(app.screen.query_one(".problem", Static).render())
        app.screen.query_one("#budget", Input).value = "3"
        engine.refuse = "The disk is full"
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ForkDialog))
        assert app.screen.query_one("#budget", Input).value == "3"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, TimelineScreen))
        assert engine.called("fork") == []


async def test_a_fork_may_have_another_plan() -> None:
    engine = engine_with_story()
    async with opened_app(engine, size=(80, 24), show=RUN) as (app, pilot):
        await opened_timeline(app, pilot)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, ForkDialog))
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(app.screen, ForkPlanDialog))
        await pilot.press("d", "end", "x", "a")
        await until(pilot, lambda: isinstance(app.screen, ForkDialog))
        await pilot.press("f2")
        await until(pilot, lambda: bool(engine.called("fork")))
        plan = engine.called("fork")[0][2]["plan"]
        assert [subtask.id for subtask in plan.subtasks] == ["encode", "decode"]


async def test_the_history_opens_the_timeline_at_an_iteration() -> None:
    engine = engine_with_story()
    found = hit("iteration")
    engine.hits = [type(found)(kind="iteration", id=f"{RUN}#2", run_id=RUN, title="it", snippet="", at=found.at)]
    async with opened_app(engine) as (app, pilot):
        await pilot.press("escape", "h")
        await until(
            pilot, lambda: isinstance(app.screen, HistoryScreen) and bool(app.screen.query_one(HistoryList).hits)
        )
        await pilot.press("ctrl+t")
        screen = await shown_timeline(app, pilot)
        await until(pilot, lambda: titles(screen).startswith("Iteration 2"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))


async def test_without_a_run_there_is_nothing_to_travel_through() -> None:
    async with opened_app() as (app, pilot):
        await pilot.press("escape", "t", "w", "f")
        await pilot.pause(0.1)
        assert app.screen is app.run_screen


async def test_the_last_diff_stays_in_sight_and_says_whose_it_is() -> None:
    async with opened_app(engine_with_story(), show=RUN) as (app, pilot):
        screen = await opened_timeline(app, pilot)
        await pilot.press("slash", *"i3", "enter")
        await settled(screen, pilot)
        assert screen.past.diff.diff == FIXED
        assert "of iteration 2" in str(screen.past.grid.frame("diff").border_subtitle)
        assert "of iteration 2" in str(screen.past.grid.frame("tests").border_subtitle)
