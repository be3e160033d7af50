"""Why an execution ends: the first reason wins, and at once stops what runs."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from sandbox.report import Reason

T = TypeVar("T")
ReadChunk = Callable[[], Awaitable[bytes]]
Finished = Callable[[], Awaitable[object]]


class Ending:
    """The end of one execution, asked for by its timeout, a limit, a person, or the command itself."""

    def __init__(self) -> None:
        self._kill: Callable[[], None] | None = None
        self._asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.reason: Reason | None = None
        self.detail = ""
        self.last_words = ""
        """The end of the output."""

    def bind(self, kill: Callable[[], None]) -> None:
        """Say how to stop what runs now; it may have been asked for before anything ran.

        Args:
            kill: called at most once, from the event loop; must not block.
        """
        self._kill = kill
        if self.reason is not None:
            kill()

    def stop(self, reason: Reason, detail: str = "") -> None:
        """End the execution for a reason; later reasons are ignored."""
        if self.reason is None:
            self.reason = reason
            self.detail = detail
            if self._kill is not None:
                self._kill()
            self.release()

    def release(self) -> None:
        """Let a waiting reader go, without a reason."""
        if not self._asked.done():
            self._asked.set_result(None)

    async def read(self, read: ReadChunk) -> bytes:
        """The next piece of output; empty at its end, or as soon as the execution is stopped."""
        return await self._unless_stopped(read) or b""

    async def wait(self, finished: Finished) -> None:
        """Wait for the command's end, or until the execution is stopped."""
        await self._unless_stopped(finished)

    async def _unless_stopped(self, work: Callable[[], Awaitable[T]]) -> T | None:
        if self._asked.done():
            return None
        working: asyncio.Future[T] = asyncio.ensure_future(work())
        waiting: set[asyncio.Future[Any]] = {working, self._asked}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            if not working.done():
                working.cancel()


class Endings:
    """The executions of one backend that are under way, by the name they can be cancelled by."""

    def __init__(self) -> None:
        self._under_way: dict[str, Ending] = {}

    def begin(self, run_id: str) -> Ending:
        """The ending of an execution that begins."""
        ending = self._under_way[run_id] = Ending()
        return ending

    def over(self, run_id: str) -> None:
        """Forget an execution that has ended."""
        self._under_way.pop(run_id, None)

    def cancel(self, run_id: str) -> None:
        """Stop an execution; nothing happens when it is over."""
        if ending := self._under_way.get(run_id):
            ending.stop("cancelled")

    def cancel_all(self) -> None:
        """Stop whatever still runs."""
        for run_id in list(self._under_way):
            self.cancel(run_id)


def reason_of(exit_code: int) -> Reason:
    """The reason that an exit status tells by itself."""
    if exit_code == 0:
        return "ok"
    if exit_code in (128 + signal.SIGXFSZ, -signal.SIGXFSZ):
        return "disk"
    return "failed"


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Do something to its end, also when the task that waits for it is cancelled meanwhile."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
