"""The runs that this process works on, each a task of its own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from engine.bus import Bus, Notice
from engine.run_context import RunContext
from engine.run_log import RunLog
from engine.runner import drive
from engine.state import State

_logger = logging.getLogger(__name__)


class Fleet:
    """Keeps at most `limit` steps at work at a time; runs that wait for a person take no place."""

    def __init__(self, bus: Bus, limit: int) -> None:
        self._bus = bus
        self._places = asyncio.Semaphore(limit)
        self._tasks: dict[str, asyncio.Task[State]] = {}
        self._logs: dict[str, asyncio.Future[RunLog]] = {}

    def drive(self, run_id: str, make_context: Callable[[str], Awaitable[RunContext]]) -> None:
        """Begin to work on a run, unless this process already does."""
        running = self._tasks.get(run_id)
        if running is not None and not running.done():
            return
        self._logs[run_id] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._work(run_id, make_context), name=f"run {run_id}")
        task.add_done_callback(lambda done: self._report(run_id, done))
        self._tasks[run_id] = task

    def task(self, run_id: str) -> "asyncio.Task[State] | None":
        """The task that works on the run, if one does or did."""
        return self._tasks.get(run_id)

    async def log(self, run_id: str) -> RunLog:
        """The log of a run that is worked on here, once its lease is taken; waits for ever when it cannot be."""
        return await asyncio.shield(self._logs[run_id])

    async def close(self) -> None:
        """Stop all work; what was committed stays."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, run_id: str, make_context: Callable[[str], Awaitable[RunContext]]) -> State:
        context = await make_context(run_id)
        self._logs[run_id].set_result(context.log)
        try:
            return await drive(context, self._places)
        finally:
            await context.release()

    def _report(self, run_id: str, task: "asyncio.Task[State]") -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        _logger.error("run stopped: %s", error, extra={"run_id": run_id})
        self._bus.publish(Notice(run_id, f"{error} {getattr(error, 'hint', '')}".strip()))
