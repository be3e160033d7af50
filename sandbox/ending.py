"""Why an execution ends: the first reason wins, and at once stops what runs."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.report import Reason

ReadChunk = Callable[[], Awaitable[bytes]]


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
        if self._asked.done():
            return b""
        reading: asyncio.Future[bytes] = asyncio.ensure_future(read())
        waiting: set[asyncio.Future[Any]] = {reading, self._asked}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return reading.result() if reading.done() else b""
        finally:
            if not reading.done():
                reading.cancel()


def reason_of(exit_code: int) -> Reason:
    """The reason that an exit status tells by itself."""
    if exit_code == 0:
        return "ok"
    if exit_code in (128 + signal.SIGXFSZ, -signal.SIGXFSZ):
        return "disk"
    return "failed"
