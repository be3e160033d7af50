"""What anyone may append to a run from anywhere: pause, resume, cancel, a message, an answer, a changed plan."""

from collections.abc import Awaitable, Callable

from engine import events as e
from engine.errors import CommandRefused
from engine.run_log import RunLog, Store
from engine.state import State
from engine.task import Plan


class Control:
    """Appends a person's wishes to the log; the run's executor, wherever it is, sees them at its next step."""

    def __init__(
        self, store: Store, secrets: tuple[str, ...] = (), wake: Callable[[str], Awaitable[None]] | None = None
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._wake = wake

    async def pause(self, run_id: str, by: str) -> None:
        """Pause the run; harmless when it is paused.

        Raises:
            CommandRefused: the run is over.
        """
        log = await self._open(run_id, "pause")
        if log.state.paused is None:
            await log.append(
                e.RunPaused(reason="person", detail=f"Paused by {by}.", hint=f"miracle resume {run_id}", by=by)
            )

    async def resume(self, run_id: str, add_budget_usd: float, add_iterations: int, add_tokens: int) -> None:
        """Resume the run; one that is not paused is left as it is unless it gets more to spend.

        Raises:
            CommandRefused: the run is over.
        """
        log = await self._open(run_id, "resume")
        more = e.RunResumed(add_budget_usd=add_budget_usd, add_iterations=add_iterations, add_tokens=add_tokens)
        if log.state.paused is not None or add_budget_usd or add_iterations or add_tokens:
            await self._append(log, more)

    async def cancel(self, run_id: str) -> None:
        """End the run.

        Raises:
            CommandRefused: it is over already.
        """
        await (await self._open(run_id, "cancel")).append(e.RunCancelled())

    async def steer(self, run_id: str, text: str) -> None:
        """Leave a message for the running agent.

        Raises:
            CommandRefused: the run is over.
        """
        await self._append(await self._open(run_id, "steer"), e.Steered(text=text))

    async def answer(self, run_id: str, answer: e.ApprovalAnswered) -> None:
        """Answer a question.

        Raises:
            CommandRefused: there is no such question, or it is answered.
        """
        log = await self._open(run_id, "answer")
        found = next((a for a in log.state.approvals if a.request.approval_id == answer.approval_id), None)
        if found is None:
            raise CommandRefused(
                f"{run_id} has no question {answer.approval_id}", "`miracle approvals` lists what is open."
            )
        if found.answer is not None:
            raise CommandRefused(f"{answer.approval_id} was answered by {found.answer.by}: {found.answer.decision}")
        await self._append(log, answer)

    async def edit_plan(self, run_id: str, plan: Plan) -> None:
        """Put another plan in the place of the proposed one.

        Raises:
            CommandRefused: no plan waits for approval.
        """
        log = await self._open(run_id, "change the plan of")
        if log.state.plan is None or log.state.plan_approved:
            raise CommandRefused("No plan waits for approval", "A plan can be edited until it is approved.")
        await self._append(log, e.PlanEdited(plan=plan))

    async def _append(self, log: RunLog, event: e.Event) -> None:
        """Append what may let a run go on that nobody works on, and see to it that somebody does."""
        await log.append(event)
        if self._wake is not None:
            await self._wake(log.run_id)

    async def _open(self, run_id: str, wish: str) -> RunLog:
        log = RunLog(self._store, run_id, secrets=self._secrets)
        state = await log.load()
        if state.outcome:
            raise _over(state, wish)
        return log


def _over(state: State, wish: str) -> CommandRefused:
    return CommandRefused(
        f"Cannot {wish} {state.run_id}: it is over ({state.outcome})", f"miracle show {state.run_id} tells how it went."
    )
