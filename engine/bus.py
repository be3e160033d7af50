"""What is shown as it happens and never stored: streamed text, output lines, tests as they end."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.protocol import TestEvent


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a model's text."""

    run_id: str
    session_id: str
    role: str
    text: str
    phase_id: str = ""


@dataclass(frozen=True, slots=True)
class StreamVoid:
    """The text that a session streamed is void: the answer broke off and is asked for again."""

    run_id: str
    session_id: str
    phase_id: str = ""


@dataclass(frozen=True, slots=True)
class TestsBegan:
    """The sandbox starts the tests; what the pane showed is over."""

    __test__ = False

    run_id: str
    backend: str
    command: str
    phase_id: str = ""


@dataclass(frozen=True, slots=True)
class OutputText:
    """A piece of the tests' output, not cut at line ends."""

    run_id: str
    text: str
    phase_id: str = ""


@dataclass(frozen=True, slots=True)
class TestSeen:
    """A test was collected, started or ended."""

    __test__ = False

    run_id: str
    event: TestEvent
    phase_id: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A line about what is going on: a retry, a wait, an environment being made; of every run where it names none."""

    run_id: str
    text: str


Live = Delta | StreamVoid | TestsBegan | OutputText | TestSeen | Notice

MAX_WAITING = 10_000
"""Live items that a slow subscriber may have waiting before the oldest are dropped."""


class Bus:
    """Hands live items to every subscriber of this process; a slow one loses the oldest, never blocks the run."""

    def __init__(self) -> None:
        self._subscribers: dict[asyncio.Queue[Live], str | None] = {}

    def publish(self, item: Live) -> None:
        """Give the item to whoever watches its run; must be called on the event loop's thread."""
        for queue, run_id in self._subscribers.items():
            if run_id is None or item.run_id in ("", run_id):
                if queue.qsize() >= MAX_WAITING:
                    queue.get_nowait()
                queue.put_nowait(item)

    @contextmanager
    def subscribe(self, run_id: str | None = None) -> Iterator[asyncio.Queue[Live]]:
        """A queue of the items of one run, or of all runs."""
        queue: asyncio.Queue[Live] = asyncio.Queue()
        self._subscribers[queue] = run_id
        try:
            yield queue
        finally:
            del self._subscribers[queue]
