"""Ctrl+C and SIGTERM: the first asks for a pause, the second insists."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """A person or the system asked to stop."""


class Interrupts:
    """Counts the signals and lets work be raced against them."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = asyncio.Event()

    def note(self) -> None:
        """A signal came."""
        self.count += 1
        self._changed.set()

    async def race(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of the work.

        Raises:
            Interrupted: a signal came first; the work is cancelled and has ended.
        """
        self._changed.clear()
        task = asyncio.ensure_future(work)
        alarm = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({task, alarm}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise Interrupted
        finally:
            for future in (task, alarm):
                if not future.done():
                    future.cancel()
                    with suppress(asyncio.CancelledError):
                        await future


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Take over the signals while the context is open."""
    loop = asyncio.get_running_loop()
    caught = Interrupts()
    for number in SIGNALS:
        loop.add_signal_handler(number, caught.note)
    try:
        yield caught
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
