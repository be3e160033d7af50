"""The right to write to a run: an advisory lock on a connection of its own, and an epoch that every append checks.

A lease gives signs of life while it is held. One whose holder is frozen or cut off gives none, and whoever wants the
run then takes it: the server ends the holder's connection, and the new epoch keeps the holder from writing later.
"""

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.errors import LeaseLost, MemoryStoreError, RunUnknown
from memory.tables import streams
from memory.translate import DRIVER_ERRORS

if TYPE_CHECKING:
    import psycopg

LOCK_CLASS = 7_240_002
"""First key of the advisory locks; the second is the run's hash."""
BEAT_S = 1.5
"""Seconds from one sign of life to the next."""
DOUBT_S = 4.0
"""Seconds without an answer of the server after which a holder must not count on its lease."""
STALE_S = 5.0
"""Seconds without a sign of life after which somebody else may take the run; the holder knows by then."""
UNLOCK_S = 1.0
"""Seconds that letting go of a run may take; the server lets go of it by itself after that."""
_CLIENT_SIDE = {
    "keepalives_idle": "2",
    "keepalives_interval": "1",
    "keepalives_count": "2",
    "tcp_user_timeout": "4000",
    "connect_timeout": "5",
}
"""A cut network shows within seconds; without these it does not show for minutes."""
_SERVER_SIDE = (
    "select set_config('tcp_keepalives_idle', '2', false), set_config('tcp_keepalives_interval', '1', false), "
    "set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '5000', false)"
)
"""The server lets go of the lock of a client that it cannot reach."""
_OURS = (
    "locktype = 'advisory' AND granted AND objsubid = 2 "
    # The server shows the second key as an unsigned oid, and the hash may be negative.
    "AND classid = {lock_class} AND objid::bigint = (hashtext({run})::bigint & 4294967295) "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_EVICT = (
    "SELECT pg_terminate_backend(pid, 2000) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE "
    + _OURS.format(lock_class="%s", run="%s")
    + " AND clock_timestamp() - state_change > make_interval(secs => %s)"
)


class Lease:
    """One executor's hold on a run; made by `EventStore.lease`."""

    def __init__(self, database: Database, run_id: str, holder: str) -> None:
        self.run_id = run_id
        self.holder = holder
        self.epoch = 0
        self._database = database
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._lost = False
        self._answered = time.monotonic()
        self._beat: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    @property
    def lost(self) -> bool:
        """Whether this executor must stop; known at the latest when it appends."""
        return self._lost

    @property
    def doubtful(self) -> bool:
        """Whether somebody else may have the run by now: it is lost, or the server was silent for too long."""
        return self._lost or time.monotonic() - self._answered > DOUBT_S

    async def acquire(self) -> None:
        """Take the lock and begin a new epoch.

        Raises:
            LeaseLost: another executor has the run.
            RunUnknown: there is no such run.
        """
        await self._database.persist(self._lock)
        try:
            self.epoch = await self._database.run(self._next_epoch)
        except BaseException:
            await self.release()
            raise
        self._answered = time.monotonic()
        self._beat = asyncio.create_task(self._keep(), name=f"lease {self.run_id}")

    async def renew(self) -> None:
        """Take the lock again after a lost connection; harmless while it is held.

        A server that has not noticed the loss yet still keeps the lock for the dead connection. As long as the epoch is
        ours nobody else writes, so the run goes on.

        Raises:
            LeaseLost: another executor came first.
        """
        if self._lost:
            raise _lost_to("another executor")
        async with self._turn:
            await self._renew()

    async def _renew(self) -> None:
        if self._connection is not None:
            try:
                await self._connection.execute("select 1")
                self._answered = time.monotonic()
                return
            except DRIVER_ERRORS:
                await self._disconnect()
        with suppress(LeaseLost):
            await self._database.persist(self._lock)
        if await self._database.run(self._stored_epoch) != self.epoch:
            await self.fence()
        self._answered = time.monotonic()

    async def fence(self) -> None:
        """Give up for good: the run has a later epoch.

        Raises:
            LeaseLost: always.
        """
        self._lost = True
        await self._disconnect()
        raise _lost_to(await self._database.run(self._holder))

    async def release(self) -> None:
        """Let go of the run; harmless when it is repeated."""
        beat, self._beat = self._beat, None
        if self._connection is not None and not self.doubtful:
            # The server hears of a closed connection a moment later; until then nobody else would get the run.
            with suppress(TimeoutError, *DRIVER_ERRORS):
                async with asyncio.timeout(UNLOCK_S):
                    await self._connection.execute("select pg_advisory_unlock_all()")
        # The connection first: a beat that waits for a server which cannot be reached ends with it.
        await self._disconnect()
        if beat is not None:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _keep(self) -> None:
        """Give signs of life, and take a lock that was lost with its connection again, until the lease is."""
        while not self._lost:
            await asyncio.sleep(BEAT_S)
            # What cannot be asked now is asked at the next beat; whoever holds the lease looks whether it is in doubt.
            with suppress(MemoryStoreError, *DRIVER_ERRORS):
                await self.renew()

    async def _lock(self) -> None:
        connection = await self._database.connect(**_CLIENT_SIDE)
        try:
            locked = await self._locked(connection)
        except BaseException:
            await connection.close()
            raise
        if not locked:
            await connection.close()
            raise _lost_to(await self._database.run(self._holder))
        self._connection = connection

    async def _locked(self, connection: "psycopg.AsyncConnection[tuple[Any, ...]]") -> bool:
        """Try to lock on a connection; a holder that gives no sign of life any more loses its own, and its lock."""
        if not connection.info.host.startswith("/"):
            await connection.execute(_SERVER_SIDE)
        for attempt in (1, 2):
            tried = await connection.execute("select pg_try_advisory_lock(%s, hashtext(%s))", (LOCK_CLASS, self.run_id))
            row = await tried.fetchone()
            if row is not None and row[0]:
                return True
            if attempt == 1:
                evicted = await connection.execute(_EVICT, (LOCK_CLASS, self.run_id, STALE_S))
                if not await evicted.fetchall():
                    break
        return False

    async def _next_epoch(self, connection: AsyncConnection) -> int:
        changed = await connection.execute(
            update(streams)
            .where(streams.c.run_id == self.run_id)
            .values(epoch=streams.c.epoch + 1, holder=self.holder, leased_at=func.now())
            .returning(streams.c.epoch)
        )
        epoch = changed.scalar_one_or_none()
        if epoch is None:
            raise RunUnknown(f"There is no run {self.run_id}", "`miracle history` lists the runs.")
        return int(epoch)

    async def _stored_epoch(self, connection: AsyncConnection) -> int:
        return int(
            (await connection.execute(select(streams.c.epoch).where(streams.c.run_id == self.run_id))).scalar_one()
        )

    async def _holder(self, connection: AsyncConnection) -> str:
        found = await connection.execute(select(streams.c.holder).where(streams.c.run_id == self.run_id))
        return found.scalar_one_or_none() or "another executor"


async def is_locked(connection: AsyncConnection, run_id: str) -> bool:
    """Whether any connection holds the run's advisory lock; looking does not disturb it."""
    found = await connection.execute(
        text(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE " + _OURS.format(lock_class=":lock_class", run=":run_id") + ")"
        ),
        {"lock_class": LOCK_CLASS, "run_id": run_id},
    )
    return bool(found.scalar_one())


def _lost_to(holder: str) -> LeaseLost:
    return LeaseLost(f"The run is held by {holder}", "Watch it here, or stop the other Miracle first.")
