"""Opens the dialog of a question, of whatever run, and passes the answer on."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from engine.errors import EngineError
from engine.state import Approval, State
from miracle_tui.screens.desk import Desk

if TYPE_CHECKING:
    from textual.screen import Screen

    from engine.gates.rules import Rule
    from widgets.dialogs.answer_dialog import ApprovalChoice

Answer = TypeVar("Answer")


class Asking:
    """One question at a time; the first answer wins, from wherever it comes."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.busy = False
        self._dialog: Screen[Any] | None = None
        """The dialog of the question that is open."""
        self._about = ""
        """Id of that question."""

    async def ask(self, state: State, approval: Approval) -> None:
        """Open the dialog; one that is closed without an answer leaves the question open.

        Args:
            state: of the run that asks.
            approval: the question.
        """
        if self.busy:
            return
        self.busy = True
        try:
            if approval.request.topic == "plan" and state.plan is not None:
                await self._ask_plan(state, approval)
            else:
                await self._ask(state, approval)
        finally:
            self.busy = False

    async def ask_by_id(self, run_id: str, approval_id: str) -> None:
        """Open the dialog of any run's question; say who answered it if somebody did."""
        state = await self.desk.engine.state(run_id)
        found = next((a for a in state.approvals if a.request.approval_id == approval_id), None)
        if found is None or found.answer is not None or state.outcome is not None:
            self._tell_answered(found)
        else:
            await self.ask(state, found)

    def close_answered(self, state: State) -> None:
        """Close the dialog of a question of this run that was answered elsewhere, or whose run is over."""
        dialog = self._dialog
        found = next((a for a in state.approvals if a.request.approval_id == self._about), None)
        if dialog is None or found is None or not dialog.is_current:
            return
        if found.answer is not None or state.outcome is not None:
            self._dialog = None
            dialog.dismiss(None)
            self._tell_answered(found)

    def _tell_answered(self, approval: Approval | None) -> None:
        answer = approval.answer if approval else None
        words = {"once": "allowed it", "run": "allowed it for the run", "always": "allowed it for good"}
        by = f" {answer.by} {words.get(answer.decision, 'denied it')}." if answer else ""
        self.desk.screen.notify(f"The question was answered elsewhere.{by}", timeout=6, markup=False)

    async def _shown(self, dialog: "Screen[Answer]", approval: Approval) -> "Answer | None":
        self._dialog, self._about = dialog, approval.request.approval_id
        try:
            return await self.desk.screen.app.push_screen_wait(dialog)
        finally:
            self._dialog = None

    async def _ask(self, state: State, approval: Approval) -> None:
        request = approval.request
        while (choice := await self._choice(state, approval)) is not None:
            rule = await self._rule(state, approval) if choice.decision == "always" else None
            if choice.decision == "always" and rule is None:
                continue
            given = {"reason": choice.reason, "answers": choice.answers, **({"rule": rule} if rule else {})}
            await self.desk.engine.answer(state.run_id, request.approval_id, choice.decision, **given)  # type: ignore[arg-type]
            self._drive(state.run_id)
            return

    async def _choice(self, state: State, approval: Approval) -> "ApprovalChoice | None":
        from widgets.dialogs.approval_dialog import ApprovalDialog
        from widgets.dialogs.dependency_dialog import DependencyDialog
        from widgets.dialogs.questions_dialog import QuestionsDialog
        from widgets.dialogs.stuck_dialog import StuckDialog
        from widgets.dialogs.tests_dialog import TestsDialog

        request = approval.request
        if request.topic == "questions":
            return await self._shown(QuestionsDialog(request), approval)
        if request.topic == "stuck":
            return await self._shown(StuckDialog(request), approval)
        if request.topic == "tests":
            return await self._shown(TestsDialog(request, time_note(state, approval)), approval)
        if request.topic == "dependency":
            return await self._shown(DependencyDialog(request, time_note(state, approval)), approval)
        return await self._shown(ApprovalDialog(request, time_note(state, approval)), approval)

    async def _rule(self, state: State, approval: Approval) -> "Rule | None":
        """What to allow for good; None when the person steps back, or when no rule can be made."""
        from widgets.dialogs.rule_dialog import RuleDialog

        engine = self.desk.engine
        try:
            mine = await engine.propose_rules(state.run_id, approval.request.approval_id)
        except EngineError as exc:
            text = f"{exc.title}. {exc.hint}"
            self.desk.screen.notify(text, severity="warning", timeout=10, markup=False)
            return None
        anywhere = [rule.model_copy(update={"project": ""}).named() for rule in mine]
        return await self._shown(RuleDialog(await engine.rehearse(*mine, *anywhere)), approval)

    async def _ask_plan(self, state: State, approval: Approval) -> None:
        from widgets.dialogs.plan_dialog import PlanDialog

        if state.plan is None:
            return
        expected = await self.desk.expected(state.task, len(state.plan.subtasks)) if state.task else ""
        reach = approval.request.blast_radius
        choice = await self._shown(PlanDialog(state.plan, state.spec, expected, reach), approval)
        if choice is None:
            return
        if choice.plan is not None:
            await self.desk.engine.edit_plan(state.run_id, choice.plan)
        decision: Literal["once", "deny"] = "once" if choice.decision == "approve" else "deny"
        await self.desk.engine.answer(state.run_id, approval.request.approval_id, decision, reason=choice.reason)
        self._drive(state.run_id)

    def _drive(self, run_id: str) -> None:
        """An answered run goes on here if it was begun here; another executor sees the answer by itself."""
        if run_id in self.desk.screen.miracle.driven:
            self.desk.engine.drive(run_id)


def time_note(state: State, approval: Approval) -> str:
    """When the question is denied by itself; empty when it waits for ever."""
    seconds = state.task.approval_timeout_s if state.task else 0
    if not seconds:
        return ""
    ends = (approval.asked_at + timedelta(seconds=seconds)).astimezone()
    return f"Without an answer it is denied at {ends:%H:%M:%S on %Y-%m-%d}."
