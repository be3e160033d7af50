"""Questions of a run, and what is said when it stops or ends."""

from engine import events as e
from engine.task import Plan
from miracle_tui.app import MiracleApp
from miracle_tui.screens.inbox_screen import InboxScreen
from tests.ui import recorded_run
from tests.ui.app_fixtures import opened_app, shown_all, until
from tests.ui.recorded_run import RUN
from tests.ui.scripted_engine import ScriptedEngine
from widgets.dialogs.amount_dialog import AmountDialog
from widgets.dialogs.approval_dialog import ApprovalDialog
from widgets.dialogs.plan_dialog import PlanChoice, PlanDialog
from widgets.dialogs.promote_dialog import PromoteDialog
from widgets.dialogs.questions_dialog import QuestionsDialog
from widgets.inbox_list import InboxList


def engine_with(events: list[e.Event]) -> ScriptedEngine:
    engine = ScriptedEngine()
    engine.tell(RUN, *events)
    return engine


def notices(app: MiracleApp) -> str:
    return " ".join(f"{notice.title} {notice.message}" for notice in app._notifications)


async def test_the_plan_opens_by_itself_once_and_again_by_key() -> None:
    engine = engine_with(recorded_run.until_plan())
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, PlanDialog))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.run_screen)
        engine.tell(RUN, e.Warned(topic="budget", text="something else happened"))
        await until(pilot, lambda: shown_all(app.run_screen, engine))
        await pilot.pause(0.1)
        assert app.screen is app.run_screen
        await pilot.press("escape", "a")
        await until(pilot, lambda: isinstance(app.screen, PlanDialog))
        await pilot.press("a")
        await until(pilot, lambda: engine.called("answer") == [(RUN, "a-plan", "once", "", ())])
        assert engine.called("edit_plan") == []


async def test_a_question_that_is_answered_elsewhere_closes() -> None:
    engine = engine_with(recorded_run.until_plan())
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, PlanDialog))
        engine.tell(RUN, e.ApprovalAnswered(approval_id="a-plan", decision="once", by="another"))
        await until(pilot, lambda: app.screen is app.run_screen)
        assert "answered elsewhere. another allowed it" in notices(app)
        assert engine.called("answer") == []
        engine.tell(RUN, *recorded_run.until_command()[len(recorded_run.until_plan()) + 1 :])
        await until(pilot, lambda: isinstance(app.screen, ApprovalDialog))


async def test_a_plan_that_was_changed_is_stored_before_it_is_approved() -> None:
    engine = engine_with(recorded_run.until_plan())
    shorter = Plan(summary="", subtasks=recorded_run.PLAN.subtasks[:1])
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, PlanDialog))
        assert isinstance(app.screen, PlanDialog)
        app.screen.dismiss(PlanChoice("approve", shorter))
        await until(pilot, lambda: bool(engine.called("answer")))
        assert [call[0] for call in engine.calls if call[0] != "search"] == ["edit_plan", "answer"]
        assert engine.called("edit_plan") == [(RUN, shorter)]


async def test_a_plan_that_is_sent_back_says_why() -> None:
    engine = engine_with(recorded_run.until_plan())
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, PlanDialog))
        await pilot.press("d")
        await pilot.press(*"no", "enter")
        await until(pilot, lambda: engine.called("answer") == [(RUN, "a-plan", "deny", "no", ())])


async def test_a_command_is_allowed_once_and_the_run_goes_on_here() -> None:
    engine = engine_with(recorded_run.until_command())
    async with opened_app(engine, show=RUN) as (app, pilot):
        app.driven.add(RUN)
        await until(pilot, lambda: isinstance(app.screen, ApprovalDialog))
        await pilot.press("o")
        await until(pilot, lambda: engine.called("drive") == [(RUN,)])
        assert engine.called("answer") == [(RUN, "a-command", "once", "", ())]


async def test_answers_to_questions_reach_the_run() -> None:
    ask = e.ApprovalRequested(
        approval_id="q", topic="questions", subject="q", title="Two questions", questions=("Which [/x]?", "How many?")
    )
    engine = engine_with([*recorded_run.until_plan()[:2], ask])
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, QuestionsDialog))
        await pilot.press("x", "enter", "7", "enter")
        await until(pilot, lambda: engine.called("answer") == [(RUN, "q", "once", "", ("x", "7"))])


async def test_an_answer_that_comes_too_late_is_said() -> None:
    engine = engine_with(recorded_run.until_command())
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, ApprovalDialog))
        engine.refuse = "It was answered elsewhere"
        await pilot.press("o")
        await until(pilot, lambda: type(app.screen).__name__ == "ErrorDialog")


async def test_questions_of_other_runs_wait_on_the_border_and_are_reached_by_key() -> None:
    engine = engine_with(recorded_run.until_failure())
    async with opened_app(engine, show=RUN) as (app, pilot):
        engine.tell("other", *recorded_run.until_plan())
        frame = app.run_screen.furniture.grid.frame("plan")
        await until(pilot, lambda: "1 waiting elsewhere" in str(frame.border_title))
        assert app.screen is app.run_screen
        await pilot.press("escape", "a")
        await until(pilot, lambda: isinstance(app.screen, InboxScreen) and bool(app.screen.query_one(InboxList).items))
        await pilot.press("g")
        await until(pilot, lambda: isinstance(app.screen, PlanDialog))
        assert app.run_screen.desk is not None
        assert app.run_screen.desk.run_id == "other"
        await until(pilot, lambda: "waiting" not in str(frame.border_title))


async def test_success_offers_the_result_and_an_old_success_does_not() -> None:
    engine = engine_with(recorded_run.until_success())
    async with opened_app(engine, show=RUN) as (app, pilot):
        assert app.screen is app.run_screen
        await pilot.press("escape", "P")
        await until(pilot, lambda: isinstance(app.screen, PromoteDialog))
        await pilot.press("escape")
        engine.tell("own", *recorded_run.until_success()[:-1])
        app.driven.add("own")
        app.run_screen.show_run("own")
        await until(pilot, lambda: shown_all(app.run_screen, engine, "own"))
        engine.tell("own", recorded_run.until_success()[-1])
        await until(pilot, lambda: isinstance(app.screen, PromoteDialog))
        await pilot.press("m")
        await until(pilot, lambda: engine.called("promote") == [("own", "merge")])
        await until(pilot, lambda: "Taken: merge" in notices(app))


async def test_a_failed_run_says_why_and_what_next() -> None:
    engine = engine_with(recorded_run.until_failure())
    async with opened_app(engine, show=RUN) as (app, pilot):
        app.driven.add(RUN)
        engine.tell(RUN, e.RunFinished(outcome="failed", reason="15 iterations [/b] were not enough"))
        await until(pilot, lambda: "were not enough" in notices(app))


async def test_a_pause_says_why_and_the_budget_asks_for_more() -> None:
    engine = engine_with(recorded_run.until_failure())
    async with opened_app(engine, show=RUN) as (app, pilot):
        engine.tell(RUN, e.RunPaused(reason="budget", detail="The budget is used up.", hint="Resume with more."))
        await until(pilot, lambda: "The budget is used up." in notices(app))
        assert "Resume with more." in notices(app)
        await pilot.press("escape", "space")
        await until(pilot, lambda: isinstance(app.screen, AmountDialog))
        await pilot.press("0", "enter")
        assert isinstance(app.screen, AmountDialog), "nothing is no amount"
        await pilot.press("backspace", *"2.5", "enter")
        await until(pilot, lambda: engine.called("resume") == [(RUN, 2.5, 0)])
        assert engine.called("drive") == [(RUN,)]


async def test_iterations_that_are_used_up_ask_for_more() -> None:
    engine = engine_with([*recorded_run.until_failure(), e.RunPaused(reason="iterations", detail="15 are used.")])
    async with opened_app(engine, show=RUN) as (app, pilot):
        await pilot.press("escape", "space")
        await until(pilot, lambda: isinstance(app.screen, AmountDialog))
        await pilot.press("enter")
        await until(pilot, lambda: engine.called("resume") == [(RUN, 0.0, 5)])
