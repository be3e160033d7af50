"""Which runs need a person: found by what the list of runs says now and said before."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.summary import RunSummary
    from miracle_tui.engine_port import EnginePort

LOOK_S = 0.5
"""Least time between two looks at the list, however fast runs go on."""
LISTED = 100
WORDS = {
    "waiting": "asks you something",
    "paused": "stopped and needs you",
    "success": "is green",
    "failed": "failed",
}
"""What is said of a run that comes to a status."""


@dataclass(frozen=True)
class Call:
    """A run that needs a person, or has just ended.

    Attributes:
        run_id: The run.
        title: What it is about; not trusted.
        status: What it came to.
    """

    run_id: str
    title: str
    status: str

    @property
    def words(self) -> str:
        """The rest of a sentence that begins with the title."""
        return WORDS[self.status]


def calls(before: Mapping[str, str], runs: "Iterable[RunSummary]") -> list[Call]:
    """Runs that came to a status which a person should hear of.

    Args:
        before: status by run, as it was last seen; a run that is not in it was not there.
        runs: the runs now.
    """
    return [
        Call(run.run_id, run.title or run.run_id, run.status)
        for run in runs
        if run.status in WORDS and run.run_id in before and before[run.run_id] != run.status
    ]


async def looks(engine: "EnginePort") -> "AsyncIterator[list[RunSummary]]":
    """The newest runs: at once, and again after changes, however many there were in between.

    Raises:
        MemoryStoreError: the database stayed away.
    """
    changed = asyncio.Event()
    listening = asyncio.ensure_future(_listen(engine, changed))
    try:
        while True:
            changed.clear()
            yield await engine.runs(LISTED)
            waiting = asyncio.ensure_future(changed.wait())
            await asyncio.wait({waiting, listening}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if listening.done():
                listening.result()
                return
            await asyncio.sleep(LOOK_S)
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(listening, return_exceptions=True)


async def _listen(engine: "EnginePort", changed: asyncio.Event) -> None:
    async for _ in engine.changes():
        changed.set()
