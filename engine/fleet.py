"""The runs that this process works on, each a task of its own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from engine.bus import Bus, Notice
from engine.run_context import RunContext
from engine.run_log import RunLog
from engine.runner import drive
from engine.state import State

LEAVING_S = 20.0
"""How long the end of the process waits for answers that are paid for."""
LOOK_S = 0.25
_logger = logging.getLogger(__name__)


class Fleet:
    """Keeps at most `limit` runs at work at a time; one that waits for a person takes no place."""

    def __init__(self, bus: Bus, limit: int) -> None:
        self._bus = bus
        self._places = asyncio.Semaphore(limit)
        self._leaving: dict[str, asyncio.Event] = {}
        self._left = False
        self._tasks: dict[str, asyncio.Task[State]] = {}
        self._logs: dict[str, asyncio.Future[RunLog]] = {}

    def drive(self, run_id: str, make_context: Callable[[str], Awaitable[RunContext]]) -> None:
        """Begin to work on a run, unless this process already does."""
        running = self._tasks.get(run_id)
        if running is not None and not running.done():
            return
        self._logs[run_id] = asyncio.get_running_loop().create_future()
        self._leaving[run_id] = asyncio.Event()
        if self._left:
            self._leaving[run_id].set()
        task = asyncio.create_task(self._work(run_id, make_context), name=f"run {run_id}")
        task.add_done_callback(lambda done: self._report(run_id, done))
        self._tasks[run_id] = task

    def task(self, run_id: str) -> "asyncio.Task[State] | None":
        """The task that works on the run, if one does or did."""
        return self._tasks.get(run_id)

    async def log(self, run_id: str) -> RunLog:
        """The log of a run that is worked on here, once its lease is taken; waits for ever when it cannot be."""
        return await asyncio.shield(self._logs[run_id])

    async def doubted(self, run_id: str) -> None:
        """Wait until another executor may have a run that is worked on here."""
        log = await self.log(run_id)
        while not log.doubtful:  # noqa: ASYNC110  time makes it so, and nobody tells when it has
            await asyncio.sleep(LOOK_S)

    async def leave(self, within_s: float = LEAVING_S) -> None:
        """Begin nothing new, stop what can be done again, and wait for the answers of models that are under way."""
        self._left = True
        for leaving in self._leaving.values():
            leaving.set()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=within_s)

    async def leave_run(self, run_id: str, within_s: float = LEAVING_S) -> None:
        """Stop working on one run as `leave` does on all; it stays resumable. Harmless when nobody works on it here."""
        task = self._tasks.get(run_id)
        if task is None:
            return
        self._leaving[run_id].set()
        await asyncio.wait({task}, timeout=within_s)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # A worker takes any number of runs in its life, and each holds its whole state.
        if self._tasks.get(run_id) is task:
            del self._tasks[run_id], self._logs[run_id], self._leaving[run_id]

    async def close(self) -> None:
        """Stop all work; what was committed stays."""
        await self.leave()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, run_id: str, make_context: Callable[[str], Awaitable[RunContext]]) -> State:
        context = await make_context(run_id)
        self._logs[run_id].set_result(context.log)
        try:
            return await drive(context, self._places, self._leaving[run_id])
        finally:
            await context.release()

    def _report(self, run_id: str, task: "asyncio.Task[State]") -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        _logger.error("run stopped: %s", error, extra={"run_id": run_id})
        self._bus.publish(Notice(run_id, f"{error} {getattr(error, 'hint', '')}".strip()))
