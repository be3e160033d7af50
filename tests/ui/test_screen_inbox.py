"""The inbox: questions of all runs, rules, and what a rule would have allowed before it is made."""

from dataclasses import replace

from textual.widgets import OptionList, Static

from engine import events as e
from engine.gates.rehearsal import PastAction
from engine.gates.rules import propose_for_command
from miracle_tui.app import MiracleApp
from miracle_tui.screens.inbox_screen import InboxScreen
from tests.ui import recorded_run
from tests.ui.app_fixtures import opened_app, shown_all, until
from tests.ui.recorded_run import RUN, START
from tests.ui.scripted_engine import ScriptedEngine
from widgets.dialogs.approval_dialog import ApprovalDialog
from widgets.dialogs.confirm_dialog import ConfirmDialog
from widgets.dialogs.plan_dialog import PlanDialog
from widgets.dialogs.rule_dialog import RuleDialog
from widgets.inbox_list import InboxList

HERE = recorded_run.TASK.workspace


def past(command: str, decision: str, project: str = HERE) -> PastAction:
    return PastAction("an-earlier-run", START, project, command, asked=True, decision=decision, by="ada@laptop")


def engine_with(**runs: list[e.Event]) -> ScriptedEngine:
    engine = ScriptedEngine()
    for run_id, log in runs.items():
        engine.tell(run_id, *log)
    return engine


def preview(app: MiracleApp) -> str:
    return str(app.screen.query_one("#inbox-text", Static).render())


async def test_a_question_of_another_run_is_answered_from_the_inbox() -> None:
    engine = engine_with(other=recorded_run.until_command(), r7k2m4=recorded_run.until_success())
    async with opened_app(engine, show=RUN) as (app, pilot):
        await pilot.press("escape", "a")
        await until(pilot, lambda: isinstance(app.screen, InboxScreen) and "Roman numerals" in preview(app))
        assert "build/" in preview(app)
        assert "parked" in preview(app)
        assert "Numbers to numerals" in preview(app), "the phase that waits"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ApprovalDialog))
        await pilot.press("r")
        await until(pilot, lambda: engine.called("answer") == [("other", "a-command", "run", "", ())])
        inbox = app.screen
        assert isinstance(inbox, InboxScreen)
        await until(pilot, lambda: inbox.query_one(InboxList).current is None)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.run_screen)
        assert shown_all(app.run_screen, engine)


async def test_several_questions_of_the_shown_run_open_the_inbox_and_one_opens_directly() -> None:
    second = recorded_run.until_command()[-1]
    assert isinstance(second, e.ApprovalRequested)
    log = [
        *recorded_run.until_command(),
        second.model_copy(update={"approval_id": "a-second", "subject": "rm -r dist"}),
    ]
    engine = engine_with(r7k2m4=log)
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, ApprovalDialog))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ApprovalDialog) or app.screen is app.run_screen)
        if isinstance(app.screen, ApprovalDialog):
            await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.run_screen)
        await pilot.press("escape", "a")
        await until(pilot, lambda: isinstance(app.screen, InboxScreen) and bool(app.screen.query_one(InboxList).items))
        assert len([item for item in app.screen.query_one(InboxList).items if item is not None]) == 2
        await pilot.press("escape")
        engine.tell(RUN, e.ApprovalAnswered(approval_id="a-second", decision="deny"))
        await until(pilot, lambda: shown_all(app.run_screen, engine))
        await pilot.press("escape", "a")
        await until(pilot, lambda: isinstance(app.screen, ApprovalDialog))


async def test_always_shows_the_rehearsal_and_makes_the_chosen_rule() -> None:
    engine = engine_with(r7k2m4=recorded_run.until_command())
    engine.past = [
        past("rm -r build", "once"),
        past("rm -r build/tmp", "deny"),
        past("rm -r build", "run", "/elsewhere"),
    ]
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, ApprovalDialog))
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, RuleDialog))
        dialog = app.screen
        assert isinstance(dialog, RuleDialog)
        text = dialog.query_one("#rule-past", Static)
        assert "1 action" in str(text.render())
        assert dialog.query_one(OptionList).option_count == 4
        await pilot.press("down", "down")
        await until(pilot, lambda: "a person had denied once" in str(text.render()))
        await pilot.press("s")
        await until(pilot, lambda: "3 actions" in str(text.render()))
        assert "all projects" in str(dialog.query_one("#rule-scope", Static).render())
        await pilot.press("enter")
        await until(pilot, lambda: engine.called("answer") == [(RUN, "a-command", "always", "", ())])
        (rule,) = engine.made_rules
        assert (rule.describe(), rule.project) == ("rm -r on build/**", "")


async def test_stepping_back_from_the_rule_leaves_the_question_open() -> None:
    engine = engine_with(r7k2m4=recorded_run.until_command())
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, ApprovalDialog))
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, RuleDialog))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ApprovalDialog))
        await pilot.press("o")
        await until(pilot, lambda: engine.called("answer") == [(RUN, "a-command", "once", "", ())])
        assert engine.made_rules == []


async def test_a_command_that_no_rule_fits_says_why() -> None:
    *before, asked = recorded_run.until_command()
    assert isinstance(asked, e.ApprovalRequested)
    engine = engine_with(r7k2m4=[*before, asked.model_copy(update={"subject": "rm -r $HOME"})])
    async with opened_app(engine, show=RUN) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, ApprovalDialog))
        await pilot.press("a")
        await until(pilot, lambda: any("it uses a variable" in str(notice.message) for notice in app._notifications))
        await until(pilot, lambda: isinstance(app.screen, ApprovalDialog))
        assert engine.called("answer") == []


async def test_a_dialog_over_the_inbox_closes_when_another_terminal_answers_and_says_who() -> None:
    engine = engine_with(other=recorded_run.until_command())
    async with opened_app(engine) as (app, pilot):
        await pilot.press("escape", "a")
        await until(pilot, lambda: isinstance(app.screen, InboxScreen) and "Roman numerals" in preview(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ApprovalDialog))
        engine.tell("other", e.ApprovalAnswered(approval_id="a-command", decision="deny", by="bo@desk"))
        await until(pilot, lambda: isinstance(app.screen, InboxScreen))
        assert any("bo@desk denied it" in str(notice.message) for notice in app._notifications)
        assert engine.called("answer") == []


async def test_rules_are_listed_with_their_past_and_taken_back_after_a_question() -> None:
    rule = propose_for_command("pip install flask")[0].model_copy(update={"uses": 3, "created_by": "ada@laptop"})
    engine = engine_with(r7k2m4=recorded_run.until_success())
    engine.made_rules = [rule]
    engine.past = [past("pip install flask", "once")]
    async with opened_app(engine, size=(80, 24), show=RUN) as (app, pilot):
        await pilot.press("escape", "a")
        await until(pilot, lambda: isinstance(app.screen, InboxScreen) and "allowed once" in preview(app))
        assert "3 times" in preview(app)
        assert "ada@laptop" in preview(app)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("y")
        await until(pilot, lambda: engine.called("remove_rule") == [(rule.rule_id,)])
        inbox = app.screen_stack[-1]
        await until(pilot, lambda: inbox.query_one(InboxList).current is None)


async def test_the_run_that_asks_is_shown_by_key_and_the_plan_says_its_reach() -> None:
    *before, asked = recorded_run.until_plan()
    assert isinstance(asked, e.ApprovalRequested)
    reach = asked.blast_radius.model_copy(update={"paths": ("roman.py",), "cost_usd": 4.5})
    engine = engine_with(other=[*before, asked.model_copy(update={"blast_radius": reach})])
    async with opened_app(engine) as (app, pilot):
        await pilot.press("escape", "a")
        await until(pilot, lambda: isinstance(app.screen, InboxScreen) and "$4.50 at most" in preview(app))
        await pilot.press("g")
        await until(pilot, lambda: isinstance(app.screen, PlanDialog))
        assert "touches roman.py · no network · $4.50 at most" in str(
            app.screen.query_one("#plan-reach", Static).render()
        )


async def test_hostile_texts_stay_inert_in_the_inbox_and_the_rehearsal() -> None:
    *before, asked = recorded_run.until_command()
    assert isinstance(asked, e.ApprovalRequested)
    weapon = "[@click=app.quit]q[/] \x1b[2J\x1b]52;c;ZXZpbA==\x07"
    evil = asked.model_copy(update={"title": weapon, "detail": weapon})
    engine = engine_with(other=[*before, evil])
    engine.past = [replace(past("rm -r build", "once"), run_id=weapon, by=weapon)]
    async with opened_app(engine) as (app, pilot):
        await pilot.press("escape", "a")
        await until(pilot, lambda: isinstance(app.screen, InboxScreen) and "parked" in preview(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ApprovalDialog))
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, RuleDialog))
        shown = str(app.screen.query_one("#rule-past", Static).render())
        assert "app.quit" in shown
        assert "\x1b" not in shown
        assert "\x07" not in shown
