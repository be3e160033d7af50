"""What a run asks of a person, and the notices that they must not miss."""

import math
from functools import partial

from engine.gates.budget import lacks_tokens
from engine.state import Approval, State, Status
from miracle_tui.belonging import check_model
from miracle_tui.screens.asking import Asking
from miracle_tui.screens.desk import Desk

MORE = 5
"""Dollars or iterations that are offered to a run that used up its own."""
MORE_TOKENS = 500
"""Thousands of tokens that are offered."""


class Questions:
    """Opens each question of the shown run once by itself, and again when it is asked for."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.asking = Asking(desk)
        self._asked: set[str] = set()
        self._told: set[str] = set()

    def forget(self) -> None:
        """Another run is shown."""
        self._asked.clear()
        self._told.clear()

    def take_state(self, state: State) -> None:
        """Open what has not been opened; say how a run ended or why it stopped.

        While the person is elsewhere in the app nothing opens over it; it opens when they come back.
        """
        screen = self.desk.screen
        self.asking.close_answered(state)
        if not screen.is_current:
            return
        for approval in state.pending_approvals:
            if approval.request.approval_id not in self._asked and not self.asking.busy:
                self._asked.add(approval.request.approval_id)
                screen.miracle.perform(partial(self._ask_if_open, approval), "ask", group="dialog")
                return
        if state.outcome is not None:
            self._tell_end(state)
        elif state.paused is not None:
            self._tell_pause(state)
        else:
            self._told.discard("paused")

    async def _ask_if_open(self, approval: Approval) -> None:
        """Open the dialog unless the log goes on with the answer: what is shown of a run may be its past still."""
        state = await self.desk.engine.state(self.desk.run_id)
        if any(one.request.approval_id == approval.request.approval_id for one in state.pending_approvals):
            await self.ask(approval)

    async def ask(self, approval: Approval) -> None:
        """Open the dialog of a question of the shown run."""
        await self.asking.ask(self.desk.state, approval)

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
            check_model(desk.engine, desk.state)
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
        """How many questions of other runs wait."""
        self.desk.screen.show_badge(count)

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
