"""The right to write to a run: an advisory lock on a connection of its own, and an epoch that every append checks."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.errors import LeaseLost, RunUnknown
from memory.tables import streams
from memory.translate import DRIVER_ERRORS, translate

if TYPE_CHECKING:
    import psycopg

LOCK_CLASS = 7_240_002
"""First key of the advisory locks; the second is the run's hash."""


class Lease:
    """One executor's hold on a run; made by `EventStore.lease`."""

    def __init__(self, database: Database, run_id: str, holder: str) -> None:
        self.run_id = run_id
        self.holder = holder
        self.epoch = 0
        self._database = database
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._lost = False

    @property
    def lost(self) -> bool:
        """Whether this executor must stop; known at the latest when it appends."""
        return self._lost

    async def acquire(self) -> None:
        """Take the lock and begin a new epoch.

        Raises:
            LeaseLost: another executor has the run.
            RunUnknown: there is no such run.
        """
        await self._lock()
        try:
            self.epoch = await self._database.run(self._next_epoch)
        except BaseException:
            await self.release()
            raise

    async def renew(self) -> None:
        """Take the lock again after a lost connection; harmless while it is held.

        A server that has not noticed the loss yet still keeps the lock for the dead connection. As long as the epoch is
        ours nobody else writes, so the run goes on.

        Raises:
            LeaseLost: another executor came first.
        """
        if self._lost:
            raise _lost_to("another executor")
        if self._connection is not None:
            try:
                await self._connection.execute("select 1")
                return
            except DRIVER_ERRORS:
                await self.release()
        with suppress(LeaseLost):
            await self._lock()
        if await self._database.run(self._stored_epoch) != self.epoch:
            await self.fence()

    async def fence(self) -> None:
        """Give up for good: the run has a later epoch.

        Raises:
            LeaseLost: always.
        """
        self._lost = True
        await self.release()
        raise _lost_to(await self._database.run(self._holder))

    async def release(self) -> None:
        """Let go of the run; harmless when it is repeated."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _lock(self) -> None:
        try:
            connection = await self._database.connect()
        except DRIVER_ERRORS as error:
            raise translate(error) or error from error
        try:
            row = await (
                await connection.execute("select pg_try_advisory_lock(%s, hashtext(%s))", (LOCK_CLASS, self.run_id))
            ).fetchone()
        except BaseException:
            await connection.close()
            raise
        if row is None or not row[0]:
            await connection.close()
            raise _lost_to(await self._database.run(self._holder))
        self._connection = connection

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
    # The server shows the second key as an unsigned oid, and the hash may be negative.
    found = await connection.execute(
        text(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = :lock_class "
            "AND objsubid = 2 AND objid::bigint = (hashtext(:run_id)::bigint & 4294967295) "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        ),
        {"lock_class": LOCK_CLASS, "run_id": run_id},
    )
    return bool(found.scalar_one())


def _lost_to(holder: str) -> LeaseLost:
    return LeaseLost(f"The run is held by {holder}", "Watch it here, or stop the other Miracle first.")
