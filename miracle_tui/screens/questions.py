"""What a run asks of a person, and the notices that they must not miss."""

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from engine.state import Approval, State, Status

if TYPE_CHECKING:
    from textual.screen import Screen

    from miracle_tui.screens.run_desk import RunDesk

Answer = TypeVar("Answer")
MORE = 5
"""Dollars or iterations that are offered to a run that used up its own."""
MORE_TOKENS = 500
"""Thousands of tokens that are offered."""


def lacks_tokens(state: State) -> bool:
    """Whether a run that is short of something is short of tokens, not of money."""
    paused = state.paused
    return paused is not None and (paused.needs_tokens > 0 or state.spend.tokens >= state.max_tokens > 0)


class Questions:
    """Opens each question of the shown run once by itself, and again when it is asked for."""

    def __init__(self, desk: "RunDesk") -> None:
        self.desk = desk
        self._asked: set[str] = set()
        self._told: set[str] = set()
        self._waiting = 0
        self._open = False
        self._dialog: Screen[Any] | None = None
        """The dialog of the question that is open."""
        self._about = ""
        """Id of that question."""

    def forget(self) -> None:
        """Another run is shown."""
        self._asked.clear()
        self._told.clear()

    def take_state(self, state: State) -> None:
        """Open what has not been opened; say how a run ended or why it stopped."""
        screen = self.desk.screen
        self._close_answered(state)
        for approval in state.pending_approvals:
            if approval.request.approval_id not in self._asked and not self._open:
                self._asked.add(approval.request.approval_id)
                screen.miracle.perform(partial(self.ask, approval), "ask", group="dialog")
                return
        if state.outcome is not None:
            self._tell_end(state)
        elif state.paused is not None:
            self._tell_pause(state)
        else:
            self._told.discard("paused")

    def _close_answered(self, state: State) -> None:
        """Close the dialog of a question that was answered elsewhere."""
        dialog = self._dialog
        waiting = {approval.request.approval_id for approval in state.pending_approvals}
        if dialog is not None and dialog.is_current and self._about not in waiting:
            self._dialog = None
            dialog.dismiss(None)
            self.desk.screen.notify("The question was answered elsewhere.", timeout=4)

    async def _shown(self, dialog: "Screen[Answer]", approval: Approval) -> "Answer | None":
        self._dialog, self._about = dialog, approval.request.approval_id
        try:
            return await self.desk.screen.app.push_screen_wait(dialog)
        finally:
            self._dialog = None

    async def ask(self, approval: Approval) -> None:
        """Open the dialog of a question and pass the answer on; a dialog that is closed leaves the question open."""
        if self._open:
            return
        self._open = True
        try:
            await self._ask(approval)
        finally:
            self._open = False

    async def _ask(self, approval: Approval) -> None:
        from widgets.dialogs.approval_dialog import ApprovalDialog
        from widgets.dialogs.questions_dialog import QuestionsDialog
        from widgets.dialogs.stuck_dialog import StuckDialog

        request, run_id = approval.request, self.desk.run_id
        if request.topic == "plan" and self.desk.state.plan is not None:
            await self._ask_plan(approval)
            return
        own = {"questions": QuestionsDialog, "stuck": StuckDialog}.get(request.topic, ApprovalDialog)
        dialog = own(request)
        choice = await self._shown(dialog, approval)
        if choice is not None:
            await self.desk.engine.answer(
                run_id, request.approval_id, choice.decision, reason=choice.reason, answers=choice.answers
            )
            self._drive(run_id)

    async def _ask_plan(self, approval: Approval) -> None:
        from widgets.dialogs.plan_dialog import PlanDialog

        state, run_id = self.desk.state, self.desk.run_id
        if state.plan is None:
            return
        expected = await self.desk.expected(state.task, len(state.plan.subtasks)) if state.task else ""
        choice = await self._shown(PlanDialog(state.plan, state.spec, expected), approval)
        if choice is None:
            return
        if choice.plan is not None:
            await self.desk.engine.edit_plan(run_id, choice.plan)
        decision: Literal["once", "deny"] = "once" if choice.decision == "approve" else "deny"
        await self.desk.engine.answer(run_id, approval.request.approval_id, decision, reason=choice.reason)
        self._drive(run_id)

    def _drive(self, run_id: str) -> None:
        """An answered run goes on here if it was begun here; another executor sees the answer by itself."""
        if run_id in self.desk.screen.miracle.driven:
            self.desk.engine.drive(run_id)

    async def confirm(self, title: str, text: str) -> bool:
        """A yes or no."""
        from widgets.dialogs.confirm_dialog import ConfirmDialog

        return await self.desk.screen.app.push_screen_wait(ConfirmDialog(title, text))

    async def _amount(
        self, title: str, text: str, label: str, offered: float = MORE, *, whole: bool = False
    ) -> float | None:
        from widgets.dialogs.amount_dialog import AmountDialog

        return await self.desk.screen.app.push_screen_wait(AmountDialog(title, text, label, offered, whole=whole))

    async def resume(self) -> None:
        """Let a paused run go on, with more to spend where that is what it lacks."""
        desk, paused = self.desk, self.desk.state.paused
        if paused is None:
            return
        if not await desk.engine.is_driven(desk.run_id):
            desk.check_model()
        usd, iterations, tokens = 0.0, 0, 0
        if paused.reason == "budget" and lacks_tokens(desk.state):
            used = f"{paused.detail}\n{desk.state.spend.tokens:,} of {desk.state.max_tokens:,} tokens are used."
            more = await self._amount("Go on with more tokens?", used, "thousand tokens more", MORE_TOKENS, whole=True)
            if more is None:
                return
            tokens = int(more) * 1000
        elif paused.reason == "budget":
            spent = f"{paused.detail}\n${desk.state.spend.usd:.2f} of ${desk.state.budget_usd:.2f} are spent."
            offered = max(MORE, math.ceil(paused.needs_usd))
            more = await self._amount("Go on with more to spend?", spent, "US dollars more", offered)
            if more is None:
                return
            usd = more
        elif paused.reason == "iterations":
            used = f"{len(desk.state.iterations)} of {desk.state.max_iterations} iterations are used."
            more = await self._amount("Go on with more iterations?", used, "iterations more", whole=True)
            if more is None:
                return
            iterations = int(more)
        await desk.engine.resume(desk.run_id, add_budget_usd=usd, add_iterations=iterations, add_tokens=tokens)
        await desk.go_on()

    async def offer_result(self) -> None:
        """Show the receipt and the ways to take the result."""
        from miracle_tui.screens.results import Results

        await Results(self.desk).offer()

    def show_waiting(self, count: int) -> None:
        """How many questions of other runs wait; a bell when there are more than before."""
        screen = self.desk.screen
        if count > self._waiting:
            screen.app.bell()
            asks = "Another run asks you something." if count == 1 else f"{count} questions of other runs wait."
            screen.notify(f"{asks} a opens it.", timeout=6)
        self._waiting = count
        screen.show_badge(count)

    def _tell_end(self, state: State) -> None:
        screen = self.desk.screen
        if "end" in self._told or state.run_id not in screen.miracle.driven:
            return
        self._told.add("end")
        if state.status is Status.SUCCESS and state.promoted is None:
            screen.miracle.perform(self.offer_result, "offer the result", group="dialog")
        elif state.status is Status.FAILED:
            screen.notify(
                f"{state.reason}\nn starts another run.",
                title="The run failed",
                severity="error",
                markup=False,
                timeout=15,
            )

    def _tell_pause(self, state: State) -> None:
        paused = state.paused
        if paused is None or "paused" in self._told:
            return
        self._told.add("paused")
        if paused.reason == "person":
            return
        lines = [paused.detail, paused.hint, "space goes on."]
        self.desk.screen.notify(
            "\n".join(line for line in lines if line),
            title=f"Paused: {paused.reason}",
            severity="warning",
            markup=False,
            timeout=15,
        )
