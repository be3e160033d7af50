"""The run screen: goals, keys, panes, sizes."""

from pathlib import Path

import pytest
from textual import events

from engine import events as e
from engine.bus import Delta, Notice, OutputText, StreamVoid, TestsBegan, TestSeen
from engine.task import MAX_GOAL_CHARACTERS
from miracle_tui.screens.pane_grid import PaneFrame
from sandbox.protocol import TestEvent
from sandbox.report import CaseResult
from tests.ui import recorded_run
from tests.ui.app_fixtures import ReadyServices, opened_app, shown_all, until
from tests.ui.recorded_run import RUN
from tests.ui.scripted_engine import ScriptedEngine
from widgets.dialogs.confirm_dialog import ConfirmDialog
from widgets.dialogs.error_dialog import ErrorDialog
from widgets.dialogs.new_task_dialog import NewTaskDialog
from widgets.dialogs.runs_dialog import RunsDialog
from widgets.stream_view import StreamView

WORKING = [*recorded_run.until_plan(), e.ApprovalAnswered(approval_id="a-plan", decision="once")]


def engine_with(events: list[e.Event]) -> ScriptedEngine:
    engine = ScriptedEngine()
    engine.tell(RUN, *events)
    return engine


async def test_a_goal_that_is_typed_starts_a_run() -> None:
    engine = ScriptedEngine()
    async with opened_app(engine) as (app, pilot):
        await pilot.press(*"tell me", "enter")
        await until(pilot, lambda: bool(engine.called("start")))
        task = engine.called("start")[0][0]
        assert task.goal == "tell me"
        assert task.workspace == "/home/ada/numerals"
        assert task.budget_usd == engine.config.settings.cost_control.max_budget_per_task
        await until(pilot, lambda: shown_all(app.run_screen, engine, "run1"))
        assert app.driven == {"run1"}


async def test_a_goal_that_is_too_long_is_refused_and_kept() -> None:
    engine = ScriptedEngine()
    text = "g" * (MAX_GOAL_CHARACTERS + 1)
    async with opened_app(engine) as (app, pilot):
        app.run_screen.furniture.goal.set_full_text(text)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        assert engine.called("start") == []
        assert app.run_screen.furniture.goal.full_text == text


async def test_a_goal_can_be_a_file(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    (tmp_path / "goal.txt").write_text("From a file.\n")
    async with opened_app(engine) as (app, pilot):
        app.run_screen.furniture.goal.set_full_text(f"@{tmp_path / 'goal.txt'}")
        await pilot.press("enter")
        await until(pilot, lambda: bool(engine.called("start")))
        assert engine.called("start")[0][0].goal == "From a file."
    async with opened_app(engine) as (app, pilot):
        app.run_screen.furniture.goal.set_full_text(f"@{tmp_path / 'missing.txt'}")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        assert len(engine.called("start")) == 1


async def test_what_is_typed_while_a_run_works_is_a_message_to_it() -> None:
    engine = engine_with(WORKING)
    async with opened_app(engine, show=RUN) as (app, pilot):
        assert app.run_screen.furniture.goal.running
        await pilot.press(*"use ints", "enter")
        await until(pilot, lambda: engine.called("steer") == [(RUN, "use ints")])
        assert engine.called("start") == []


async def test_a_message_that_cannot_be_taken_is_put_back() -> None:
    engine = engine_with(WORKING)
    async with opened_app(engine, show=RUN) as (app, pilot):
        engine.refuse = "It is over"
        await pilot.press(*"hello", "enter")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        assert app.run_screen.furniture.goal.full_text == "hello"


async def test_space_is_a_letter_in_the_line_and_pauses_elsewhere() -> None:
    engine = engine_with(WORKING)
    engine.driven.add(RUN)
    async with opened_app(engine, show=RUN) as (app, pilot):
        app.driven.add(RUN)
        await pilot.press("a", "space", "b")
        assert app.run_screen.furniture.goal.full_text == "a b"
        await pilot.press("escape", "space")
        await until(
            pilot, lambda: app.run_screen.furniture.state is not None and bool(app.run_screen.furniture.state.paused)
        )
        await pilot.press("space")
        await until(pilot, lambda: engine.called("resume") == [(RUN, 0.0, 0)])
        await pilot.press("f5")
        await until(pilot, lambda: len(engine.called("pause")) == 2)


async def test_keys_that_come_in_a_burst_keep_their_order() -> None:
    """Over a slow line many keys arrive at once: no key may overtake the letters before it."""
    engine = engine_with(WORKING)
    engine.driven.add(RUN)
    async with opened_app(engine, show=RUN) as (app, pilot):
        app.driven.add(RUN)
        app.run_screen.furniture.goal.focus()
        await pilot.pause()
        for letter in "use type hints":
            app.post_message(events.Key("space" if letter == " " else letter, letter))
        app.post_message(events.Key("enter", "\r"))
        await until(pilot, lambda: engine.called("steer") == [(RUN, "use type hints")])
        assert engine.called("pause") == []
        app.post_message(events.Key("space", " "))
        await until(pilot, lambda: len(engine.called("pause")) == 1)


async def test_an_interrupted_run_goes_on_only_when_a_person_wants_it() -> None:
    engine = engine_with(WORKING)
    async with opened_app(engine, show=RUN) as (_, pilot):
        assert engine.called("drive") == []
        await pilot.press("escape", "space")
        await until(pilot, lambda: engine.called("drive") == [(RUN,)])
        assert engine.called("pause") == []


async def test_cancel_asks_first() -> None:
    engine = engine_with(WORKING)
    async with opened_app(engine, show=RUN) as (app, pilot):
        await pilot.press("escape", "c")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("n", "c")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        assert engine.called("cancel") == []
        await pilot.press("y")
        await until(pilot, lambda: engine.called("cancel") == [(RUN,)])


async def test_tab_goes_round_the_panes_and_numbers_jump() -> None:
    async with opened_app(engine_with(recorded_run.until_success()), show=RUN) as (app, pilot):
        grid = app.run_screen.furniture.grid
        seen = []
        for key in ("tab", "tab", "tab", "tab", "shift+tab", "3"):
            await pilot.press(key)
            await pilot.pause()
            seen.append(grid.focused_pane)
        assert seen == ["plan", "diff", "reflection", "tests", "reflection", "reflection"]


async def test_any_pane_can_have_the_whole_room() -> None:
    async with opened_app(engine_with(recorded_run.until_success()), show=RUN) as (app, pilot):
        await pilot.press("escape")
        for number, name in enumerate(("plan", "diff", "reflection", "tests"), 1):
            await pilot.press(str(number), "m" if number % 2 else "f11")
            await pilot.pause()
            shown = [frame.name for frame in app.screen.query(PaneFrame) if frame.display]
            assert shown == [name]
            assert app.run_screen.furniture.grid.frame(name).size.width > 100
            await pilot.press("escape")
            await pilot.pause()
            assert len([frame for frame in app.screen.query(PaneFrame) if frame.display]) == 4


@pytest.mark.parametrize("size", [(99, 30), (80, 24), (60, 20)])
async def test_where_room_is_short_one_pane_is_shown_at_a_time(size: tuple[int, int]) -> None:
    async with opened_app(engine_with(recorded_run.until_success()), size=size, show=RUN) as (app, pilot):
        await pilot.press("escape")
        for number, name in enumerate(("plan", "diff", "reflection", "tests"), 1):
            await pilot.press(str(number))
            await pilot.pause()
            shown = [frame for frame in app.screen.query(PaneFrame) if frame.display]
            assert [frame.name for frame in shown] == [name]
            assert shown[0].size.width >= size[0] - 4
            assert shown[0].size.height >= size[1] - 12
        assert app.run_screen.furniture.goal.region.bottom <= size[1]


async def test_where_room_is_short_the_pane_at_work_is_shown_to_who_is_in_none() -> None:
    engine = engine_with(WORKING)
    engine.driven.add(RUN)
    more = recorded_run.until_failure()[len(WORKING) :]
    async with opened_app(engine, size=(80, 24), show=RUN) as (app, pilot):
        grid = app.run_screen.furniture.grid
        await until(pilot, lambda: grid.working == "diff" == grid.current)
        tests_begin = next(place for place, event in enumerate(more) if event.kind == "tests_submitted")
        engine.tell(RUN, *more[:tests_begin])
        await until(pilot, lambda: grid.working == "tests" == grid.current)
        await pilot.press("escape", "1")
        engine.tell(RUN, *more[tests_begin:-1])
        await until(pilot, lambda: grid.working == "reflection")
        assert grid.current == "plan"


async def test_a_tiny_terminal_gets_a_sentence_and_a_larger_one_the_app() -> None:
    async with opened_app(engine_with(recorded_run.until_success()), size=(20, 5), show=RUN) as (app, pilot):
        assert app.screen.query_one("#too-small").display
        await pilot.press("tab", "1", "space", "f11")
        await pilot.resize_terminal(120, 36)
        await pilot.pause()
        assert not app.screen.query_one("#too-small").display
        assert app.run_screen.furniture.grid.display


async def test_an_iteration_is_looked_at_and_left() -> None:
    async with opened_app(engine_with(recorded_run.until_success()), show=RUN) as (app, pilot):
        furniture = app.run_screen.furniture
        furniture.plan.post_message(furniture.plan.IterationChosen(furniture.plan, 1))
        await until(pilot, lambda: furniture.chosen == 1)
        assert furniture.diff.diff == recorded_run.DIFF
        assert furniture.tests.counts.failed == 3
        assert furniture.reflection.number == 1
        await pilot.press("escape", "0")
        await pilot.pause()
        assert furniture.chosen == 0
        assert furniture.diff.diff == recorded_run.FIXED
        assert furniture.tests.counts.failed == 0


async def test_the_tests_of_a_proof_that_holds_come_to_their_end() -> None:
    *before, proof, finished = recorded_run.until_success()
    engine = engine_with(before)
    async with opened_app(engine, show=RUN) as (app, pilot):
        counts = app.run_screen.furniture.tests.counts
        engine.bus.publish(TestsBegan(RUN, "bubblewrap", "pytest"))
        await until(pilot, lambda: counts.reason == "running")
        engine.tell(RUN, proof, finished)
        await until(pilot, lambda: shown_all(app.run_screen, engine))
        assert (counts.reason, counts.passed) == ("ok", 12)


async def test_live_items_reach_their_panes() -> None:
    engine = engine_with(WORKING)
    async with opened_app(engine, show=RUN) as (app, pilot):
        furniture = app.run_screen.furniture
        engine.bus.publish(Delta(RUN, "s9", "coder", "I write [/nonsense] \x1b]52;c;x\x07 now"))
        await until(pilot, lambda: furniture.diff.query_one(StreamView).has_class("-live"))
        engine.bus.publish(Delta(RUN, "s10", "tester", "Now tests"))
        await until(pilot, lambda: furniture.voices["tests"].has_class("-live"))
        assert not furniture.diff.query_one(StreamView).has_class("-live")
        engine.bus.publish(TestsBegan(RUN, "bubblewrap", "pytest"))
        engine.bus.publish(OutputText(RUN, "a line\n"))
        case = CaseResult(id="t.py::test_a", outcome="passed")
        engine.bus.publish(TestSeen(RUN, TestEvent("case", case=case)))
        await until(pilot, lambda: furniture.tests.counts.passed == 1)
        engine.bus.publish(Notice(RUN, "the model asks to wait [/x]"))
        await until(pilot, lambda: "asks to wait [/x]" in furniture.activity.render().plain)


async def test_an_answer_that_breaks_off_takes_its_words_back() -> None:
    engine = engine_with(WORKING)
    async with opened_app(engine, show=RUN) as (app, pilot):
        view = app.run_screen.furniture.diff.query_one(StreamView)
        app.driven.add(RUN)
        app.run_screen.furniture.activity.held = True
        engine.bus.publish(Delta(RUN, "s9", "coder", "half an ans"))
        await until(pilot, lambda: "half an ans" in view.render().plain)
        engine.bus.publish(StreamVoid(RUN, "another"))
        engine.bus.publish(Notice(RUN, "the connection broke"))
        await until(pilot, lambda: "connection broke" in app.run_screen.furniture.activity.render().plain)
        assert view.has_class("-live")
        engine.bus.publish(StreamVoid(RUN, "s9"))
        await until(pilot, lambda: not view.has_class("-live"))
        engine.bus.publish(Delta(RUN, "s9", "coder", "a whole answer"))
        await until(pilot, lambda: view.render().plain.startswith("a whole answer"))


async def test_a_run_that_another_process_drives_is_watched_and_paused_from_here() -> None:
    engine = engine_with(WORKING)
    engine.driven.add(RUN)
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: app.run_screen.furniture.activity.held)
        await pilot.press("space")
        await until(pilot, lambda: engine.called("pause") == [(RUN,)])
        await until(pilot, lambda: bool(app.run_screen.desk and app.run_screen.desk.state.paused))
        await pilot.press("space")
        await until(pilot, lambda: engine.called("resume") == [(RUN, 0.0, 0)])
        assert engine.called("drive") == []
        assert not app._notifications


async def test_a_run_whose_worker_is_gone_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miracle_tui.screens.run_screen.LOOK_S", 0.05)
    engine = engine_with(WORKING)
    engine.driven.add(RUN)
    async with opened_app(engine, show=RUN) as (app, pilot):
        activity = app.run_screen.furniture.activity
        await until(pilot, lambda: "thinks" in activity.render().plain or "beginning" in activity.render().plain)
        engine.driven.clear()
        await until(pilot, lambda: "interrupted" in activity.render().plain)
        await pilot.press("space")
        await until(pilot, lambda: engine.called("drive") == [(RUN,)])
        assert engine.called("pause") == []


async def test_a_run_goes_on_only_with_the_model_it_began_with() -> None:
    task = recorded_run.TASK.model_copy(update={"scripted": False, "model_label": "gpt"})
    engine = engine_with([e.RunStarted(task_id="t", task=task)])
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: not app.run_screen.furniture.activity.held)
        await pilot.press("escape", "space")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        assert isinstance(app.screen, ErrorDialog)
        assert f"miracle resume {RUN}" in app.screen._hint
        assert engine.called("drive") == []


@pytest.mark.parametrize("focus", ["i", "escape"])
async def test_ctrl_c_ends_nothing_at_first_and_says_what_does(focus: str) -> None:
    engine = engine_with(WORKING)
    async with opened_app(engine, show=RUN) as (app, pilot):
        await pilot.press(focus, "ctrl+c")
        await until(pilot, lambda: any("ctrl+c once more leaves" in notice.message for notice in app._notifications))
        assert app.is_running


async def test_another_run_is_chosen_from_the_list() -> None:
    engine = engine_with(recorded_run.until_success())
    engine.tell("second", *WORKING)
    async with opened_app(engine, show="second") as (app, pilot):
        await pilot.press("escape", "r")
        await until(pilot, lambda: isinstance(app.screen, RunsDialog))
        await pilot.press("down", "enter")
        await until(pilot, lambda: shown_all(app.run_screen, engine, RUN))


async def test_the_form_starts_a_run_and_keeps_what_was_typed_when_it_cannot(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    services = ReadyServices(engine)
    services.launch.workspace = tmp_path
    async with opened_app(engine, services=services) as (app, pilot):
        await pilot.press("escape", "n")
        await until(pilot, lambda: isinstance(app.screen, NewTaskDialog))
        engine.refuse = "The folder has an unfinished merge"
        await pilot.press(*"hi", "f2")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, NewTaskDialog))
        await pilot.press("f2")
        await until(pilot, lambda: bool(engine.called("start")))
        assert engine.called("start")[0][0].goal == "hi"


async def test_the_demos_model_is_not_asked_for_anything_else() -> None:
    engine = ScriptedEngine()
    services = ReadyServices(engine, demo_task=recorded_run.TASK)
    async with opened_app(engine, services=services) as (app, pilot):
        await until(pilot, lambda: len(engine.called("start")) == 1)
        engine.tell("run1", e.RunFinished(outcome="failed", reason="for the test"))
        await until(pilot, lambda: shown_all(app.run_screen, engine, "run1"))
        await pilot.press(*"other", "enter")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        assert len(engine.called("start")) == 1
        assert app.run_screen.furniture.goal.full_text == "other"
