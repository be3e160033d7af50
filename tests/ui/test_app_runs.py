"""Several runs in one app: switching, ringing, phases side by side, and leaving."""

import pytest
from textual import events

from engine import events as e
from engine.bus import OutputText, TestsBegan
from engine.task import Plan, Subtask
from miracle_tui.ring import Ring
from tests.ui import recorded_run
from tests.ui.app_fixtures import opened_app, shown_all, until
from tests.ui.recorded_run import RUN
from tests.ui.scripted_engine import ScriptedEngine

WORKING = [*recorded_run.until_plan(), e.ApprovalAnswered(approval_id="a-plan", decision="once")]
OTHER = "other-run"


def two_runs() -> ScriptedEngine:
    engine = ScriptedEngine()
    engine.tell(RUN, *WORKING)
    engine.tell(OTHER, *WORKING)
    engine.driven |= {RUN, OTHER}
    return engine


async def test_brackets_go_from_run_to_run() -> None:
    engine = two_runs()
    async with opened_app(engine, show=RUN) as (app, pilot):
        await pilot.press("escape", "right_square_bracket")
        await until(pilot, lambda: shown_all(app.run_screen, engine, OTHER))
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: shown_all(app.run_screen, engine, RUN))


async def test_another_run_that_asks_rings_and_one_that_somebody_paused_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung: list[tuple[str, bool]] = []

    async def ring(self: Ring, title: str, words: str, *, away: bool) -> None:
        rung.append((words, away))

    monkeypatch.setattr(Ring, "ring", ring)
    engine = two_runs()
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: app.run_screen.desk is not None)
        await pilot.pause(0.7)
        question = e.ApprovalRequested(approval_id="q", topic="command", subject="x", title="May it?")
        engine.tell(OTHER, e.RunPaused(reason="person"))
        await pilot.pause(0.7)
        engine.tell(OTHER, e.RunResumed(), question)
        await until(pilot, lambda: rung == [("asks you something", False)])
        app.post_message(events.AppBlur())
        engine.tell(OTHER, e.ApprovalAnswered(approval_id="q", decision="once"))
        await pilot.pause(0.7)
        engine.tell(OTHER, e.RunPaused(reason="budget", detail="spent"))
        await until(pilot, lambda: rung[1:] == [("stopped and needs you", True)])


async def test_ctrl_c_pauses_and_once_more_leaves() -> None:
    engine = two_runs()
    async with opened_app(engine, show=RUN) as (app, pilot):
        await pilot.press("ctrl+c")
        await until(pilot, lambda: engine.called("pause") == [(RUN,)])
        assert app.is_running
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app._exit)
        assert engine.called("cancel") == []


async def test_a_message_is_said_to_be_read_when_a_call_carries_it() -> None:
    engine = ScriptedEngine()
    opened = e.SessionOpened(session_id="s", role="coder", phase_id="", messages=())
    engine.tell(RUN, *recorded_run.until_plan()[:2], opened, e.Steered(text="use tabs"))
    async with opened_app(engine, show=RUN) as (app, pilot):
        engine.tell(RUN, e.CallStarted(session_id="s", call_id="c", model="m", steers=1))
        await until(pilot, lambda: any("has your message now" in note.message for note in app._notifications))


def side_by_side() -> list[e.Event]:
    plan = Plan(subtasks=tuple(Subtask(id=name, title=f"The {name}", description="") for name in ("one", "two")))
    begun: list[e.Event] = [
        *recorded_run.until_plan()[:4],
        e.PlanSubmitted(session_id="p", plan=plan),
        e.ApprovalRequested(approval_id="a-two", topic="plan", subject="plan 1", title="Approve?"),
        e.ApprovalAnswered(approval_id="a-two", decision="once"),
    ]
    for number, name in enumerate(("one", "two"), 1):
        begun += [
            e.PhaseOpened(phase_id=name, worktree=f"w-{name}", branch="b", base_commit="0"),
            e.IterationStarted(phase_id=name, number=number),
        ]
    return begun


async def test_phases_side_by_side_are_shown_one_at_a_time() -> None:
    engine = ScriptedEngine()
    engine.tell(RUN, *side_by_side())
    engine.driven.add(RUN)
    async with opened_app(engine, show=RUN) as (app, pilot):
        furniture = app.run_screen.furniture
        await until(pilot, lambda: furniture.phase_id == "one")
        for name in ("one", "two"):
            engine.bus.publish(TestsBegan(RUN, "bubblewrap", "pytest", name))
            engine.bus.publish(OutputText(RUN, f"output of {name}\n", name))
        log = furniture.tests.output_log
        await until(pilot, lambda: log.row_count() > 1)
        assert [log.row_text(y) for y in range(log.row_count())] == ["$ pytest", "output of one"]
        await pilot.press("escape", "p")
        await until(pilot, lambda: furniture.phase_id == "two")
        assert furniture.reflection.state is not None
        assert [one.number for one in furniture.reflection.state.iterations] == [2]
