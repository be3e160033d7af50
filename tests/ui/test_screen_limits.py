"""What the app shows of limits: the forecast, a phase that goes in circles, a run that lacks tokens."""

from textual.widgets import Select, Static

from engine import events as e
from engine.gates.forecast import Forecast, Span
from engine.task import BlastRadius
from tests.ui import recorded_run
from tests.ui.app_fixtures import opened_app, shown_all, until
from tests.ui.recorded_run import RUN
from tests.ui.scripted_engine import ScriptedEngine
from tests.widget_fixtures import Host
from widgets.dialogs.amount_dialog import AmountDialog
from widgets.dialogs.new_task_dialog import NewTask, NewTaskDialog
from widgets.dialogs.plan_dialog import PlanDialog
from widgets.dialogs.stuck_dialog import StuckDialog
from widgets.plan_pane import PlanPane

FORETOLD = Forecast(5, True, Span(2, 3, 5), Span(0.12, 0.21, 0.4))
EVIL = "[/b] \x1b[31mred"
ASKED = e.ApprovalRequested(
    approval_id="a-stuck",
    topic="stuck",
    subject="p1 after iteration 9",
    title=f"p1 goes in circles {EVIL}",
    detail="Iterations 7, 8 and 9 failed alike.",
    phase_id="p1",
    number=9,
    blast_radius=BlastRadius(paths=("roman.py",), cost_usd=4.5),
)


def engine_with(events: list[e.Event]) -> ScriptedEngine:
    engine = ScriptedEngine()
    engine.tell(RUN, *events)
    return engine


def text_of(dialog: PlanDialog | NewTaskDialog | StuckDialog) -> str:
    return " ".join(str(line.render()) for line in dialog.query(Static))


async def test_the_plan_dialog_says_what_runs_like_this_took() -> None:
    engine = engine_with(recorded_run.until_plan())
    engine.foretold = FORETOLD
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, PlanDialog))
        assert isinstance(app.screen, PlanDialog)
        assert "5 runs like this in this folder: 2-5 iterations (median 3), $0.12-0.40" in text_of(app.screen)


async def test_the_form_asks_again_when_the_project_changes() -> None:
    asked: list[NewTask] = []

    async def foretell(filled: NewTask) -> str:
        asked.append(filled)
        return f"runs of {filled.project_type} {EVIL}"

    dialog = NewTaskDialog(NewTask(workspace="/here"), foretell)
    app = Host()
    async with app.run_test(size=(100, 60)) as pilot:
        await app.push_screen(dialog)
        await until(pilot, lambda: "runs of existing" in text_of(dialog))
        dialog.query_one("#project-type", Select).value = "library"
        await until(pilot, lambda: "runs of library [/b]" in text_of(dialog))
        assert "\x1b" not in text_of(dialog)
        assert asked[-1].workspace == "/here"


async def test_the_app_gives_the_form_its_forecast() -> None:
    engine = engine_with([])
    async with opened_app(engine) as (app, pilot):
        await pilot.press("escape", "n")
        await until(pilot, lambda: isinstance(app.screen, NewTaskDialog))
        assert isinstance(app.screen, NewTaskDialog)
        form = app.screen
        await until(pilot, lambda: "no runs like this yet" in text_of(form))


async def test_a_stuck_phase_is_gone_on_with_by_a_hint() -> None:
    engine = engine_with([*recorded_run.until_failure(), ASKED])
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, StuckDialog))
        assert isinstance(app.screen, StuckDialog)
        shown = text_of(app.screen)
        assert "Iterations 7, 8 and 9 failed alike." in shown
        assert "roman.py" in shown
        assert "\x1b" not in shown
        await pilot.press("h", *"use a table", "enter")
        await until(pilot, lambda: engine.called("answer") == [(RUN, "a-stuck", "once", "use a table", ())])


async def test_a_stuck_phase_may_go_on_as_it_is_or_end_the_run() -> None:
    for key, decision in (("g", "once"), ("x", "deny")):
        engine = engine_with([*recorded_run.until_failure(), ASKED])
        async with opened_app(engine, show=RUN) as (app, pilot):
            await until(pilot, lambda app=app: isinstance(app.screen, StuckDialog))  # type: ignore[misc]
            await pilot.press("h", "escape", key)
            await until(pilot, lambda engine=engine: bool(engine.called("answer")))  # type: ignore[misc]
            assert engine.called("answer") == [(RUN, "a-stuck", decision, "", ())]


async def test_a_run_that_lacks_tokens_is_offered_tokens() -> None:
    paused = e.RunPaused(reason="budget", detail="The next call could take 9 tokens.", needs_tokens=9)
    engine = engine_with([*recorded_run.until_failure(), paused])
    async with opened_app(engine, show=RUN) as (app, pilot):
        await pilot.press("escape", "space")
        await until(pilot, lambda: isinstance(app.screen, AmountDialog))
        await pilot.press("enter")
        await until(pilot, lambda: engine.called("resume") == [(RUN, 0.0, 0, 500_000)])


async def test_the_plan_pane_marks_a_phase_that_was_planned_again() -> None:
    before = recorded_run.until_failure()
    engine = engine_with(before)
    state = await engine.state(RUN)
    assert state.iteration is not None
    phase = next(phase for phase in state.phases if phase.id == state.iteration.phase_id)
    anew = phase.subtask.model_copy(update={"title": "Another way", "description": "With a table."})
    again: list[e.Event] = [
        e.Escalated(phase_id=phase.id, number=state.iteration.number, step="replan", reason="r"),
        e.PhaseReplanned(session_id="none", phase_id=phase.id, subtask=anew),
    ]
    engine.tell(RUN, *again)
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: shown_all(app.run_screen, engine))
        pane = app.run_screen.query_one(PlanPane)
        rows = "\n".join(pane.row(y).plain for y in range(pane.row_count()))
        assert "Another way" in rows
        assert "replanned" in rows
        assert "With a table." in rows
