"""Following the log: NOTIFY says that something came, a SELECT after the last number fetches it.

A notice may be lost with its connection; the rows are not. So after every reconnect the rows are read again.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.errors import DatabaseUnavailable
from memory.records import StoredEvent
from memory.tables import streams
from memory.translate import DRIVER_ERRORS

CHANNEL = "miracle_events"
SILENCE_S = 30.0
"""Seconds without a notice after which the rows are looked at anyway: a dead network does not say that it is dead."""
RECONNECT_S = 2.0
BATCH = 500

Read = Callable[[str, int, int | None], Awaitable[list[StoredEvent]]]


class Feed:
    """The feeds of a store; each iterator listens on a connection of its own."""

    def __init__(self, database: Database, read: Read) -> None:
        self._database = database
        self._read = read

    async def events(self, run_id: str | None, after: int) -> AsyncGenerator[StoredEvent, None]:
        """The events of one run after a number, or with None of all runs from now on."""
        seen = {run_id: after} if run_id is not None else await self._ends()
        async with aclosing(self._notices()) as notices:
            async for notice in notices:
                try:
                    for changed in await self._behind(notice, run_id, seen):
                        while batch := await self._read(changed, seen.get(changed, 0), BATCH):
                            for event in batch:
                                seen[changed] = event.seq
                                yield event
                except DatabaseUnavailable:
                    # What is missing now is read after the next notice, or after the silence.
                    continue

    async def ends(self, run_id: str) -> AsyncGenerator[int | None, None]:
        """The number of a run's last event, whenever it grew; None whenever that may have been missed.

        For a reader that knows most events already, because it wrote them: it reads only what it lacks.
        """
        async with aclosing(self._notices()) as notices:
            async for notice in notices:
                if notice is None:
                    yield None
                elif notice[0] == run_id:
                    yield notice[1]

    async def changes(self) -> AsyncGenerator[str, None]:
        """Ids of runs that changed."""
        seen = await self._ends()
        async with aclosing(self._notices()) as notices:
            async for notice in notices:
                if notice is not None:
                    seen[notice[0]] = notice[1]
                    yield notice[0]
                    continue
                try:
                    ends = await self._ends()
                except DatabaseUnavailable:
                    continue
                for run_id, end in ends.items():
                    if seen.get(run_id, 0) < end:
                        seen[run_id] = end
                        yield run_id

    async def _behind(self, notice: tuple[str, int] | None, run_id: str | None, seen: dict[str, int]) -> list[str]:
        if notice is not None:
            changed, end = notice
            return [changed] if run_id in (None, changed) and seen.get(changed, 0) < end else []
        if run_id is not None:
            return [run_id]
        return [changed for changed, end in (await self._ends()).items() if seen.get(changed, 0) < end]

    async def _ends(self) -> dict[str, int]:
        async def work(connection: AsyncConnection) -> dict[str, int]:
            found = await connection.execute(select(streams.c.run_id, streams.c.last_seq))
            return {row.run_id: row.last_seq for row in found}

        return await self._database.run(work)

    async def _notices(self) -> AsyncGenerator[tuple[str, int] | None, None]:
        """(run, last number) of each notice; None whenever notices may have been missed, at the beginning too."""
        while True:
            try:
                connection = await self._database.connect()
                try:
                    await connection.execute(f"listen {CHANNEL}")
                    while True:
                        yield None
                        async with aclosing(connection.notifies(timeout=SILENCE_S)) as notifies:
                            async for notify in notifies:
                                run_id, _, end = notify.payload.rpartition(" ")
                                yield run_id, int(end)
                finally:
                    await connection.close()
            except (*DRIVER_ERRORS, DatabaseUnavailable):
                await asyncio.sleep(random.uniform(0.05, RECONNECT_S))
                await self._revive()

    async def _revive(self) -> None:
        try:
            await self._database.revive()
        except DatabaseUnavailable:
            # The next round tries again: a feed outlives any outage.
            await asyncio.sleep(RECONNECT_S)
