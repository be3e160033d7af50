"""The log: append-only, idempotent, fenced by a lease, announced by NOTIFY."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy import Row as Record
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.errors import RunUnknown
from memory.feed import CHANNEL, Feed
from memory.lease import Lease, is_locked
from memory.one_statement import append_statement
from memory.records import NewEvent, Row, StoredEvent
from memory.tables import events, streams
from memory.translate import DRIVER_ERRORS, is_transient, translate
from memory.upsert import upsert

# An append is what every step waits for: its statements are built once, and in a form that SQLAlchemy caches.
_LOCK = select(streams.c.last_seq, streams.c.epoch).where(streams.c.run_id == bindparam("run")).with_for_update()
_INSERT = insert(events).on_conflict_do_nothing().returning(events)
_ADVANCE = (
    update(streams)
    .where(streams.c.run_id == bindparam("run"))
    .values(last_seq=bindparam("end"))
    .returning(func.pg_notify(CHANNEL, bindparam("notice")))
)


RowsOf = Callable[[Sequence[StoredEvent]], Sequence[Row]]


class EventStore:
    """The event log of every run in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._feed = Feed(database, self.read)

    async def create_run(self, run_id: str) -> None:
        """Open an empty log; harmless when it exists and is still empty.

        Raises:
            ValueError: the run has a log already.
        """

        async def work(connection: AsyncConnection) -> int:
            await connection.execute(insert(streams).values(run_id=run_id).on_conflict_do_nothing())
            found = await connection.execute(select(streams.c.last_seq).where(streams.c.run_id == run_id))
            return int(found.scalar_one())

        if await self._database.run(work):
            raise ValueError(f"the run {run_id} exists already")

    async def append(
        self,
        run_id: str,
        new: Sequence[NewEvent],
        rows: Sequence[Row] = (),
        *,
        lease: Lease | None,
        after: int,
        rows_of: RowsOf | None = None,
    ) -> list[StoredEvent]:
        """Append events and the projection rows that follow from them, in one transaction.

        Args:
            run_id: the run.
            new: events; one whose `event_id` is stored already adds nothing.
            rows: projection rows to upsert with them.
            lease: the executor's; None for a control event, which anyone may append.
            after: the last sequence number that the caller has folded.
            rows_of: makes the rows anew where others appended in between: it is given every event after that number.

        Returns:
            Every stored event after that number, those of others too, in order.

        Raises:
            LeaseLost: another executor took the run over.
            RunUnknown: there is no such run.
            DiskFull: nothing was written.
            DatabaseUnavailable: the server stayed away; the append may be repeated.
        """
        lost = suspect = False
        try:
            if written := await self._append_at_once(run_id, new, rows, lease, after):
                return written
        except UniqueViolation:
            suspect = True
        except DRIVER_ERRORS as error:
            if not is_transient(error):
                raise translate(error) or error from error
            lost = suspect = True
        rows_for = rows_of or (lambda stored: rows)
        return await self._append_carefully(run_id, new, rows, rows_for, lease, after, suspect=suspect, lost=lost)

    async def read(self, run_id: str, after: int = 0, limit: int | None = None) -> list[StoredEvent]:
        """The run's events after a sequence number, in order."""
        return await self._database.run(lambda connection: select_events(connection, run_id, after, limit))

    async def last_seq(self, run_id: str) -> int:
        """The end of the run's log.

        Raises:
            RunUnknown: there is no such run.
        """

        async def work(connection: AsyncConnection) -> int | None:
            return (await connection.execute(select(streams.c.last_seq).where(streams.c.run_id == run_id))).scalar()

        end = await self._database.run(work)
        if end is None:
            raise _unknown_run(run_id)
        return end

    async def lease(self, run_id: str, holder: str) -> Lease:
        """Become the run's only executor.

        Args:
            run_id: the run.
            holder: how this executor is named to others.

        Raises:
            LeaseLost: another executor has it; the title says who.
            RunUnknown: there is no such run.
        """
        lease = Lease(self._database, run_id, holder)
        await lease.acquire()
        return lease

    async def is_leased(self, run_id: str) -> bool:
        """Whether an executor holds the run right now."""
        return await self._database.run(lambda connection: is_locked(connection, run_id))

    def feed(self, run_id: str | None, after: int = 0) -> AsyncGenerator[StoredEvent, None]:
        """Every event of a run after a sequence number, then each as it is appended, without gap or repetition.

        With None: the events that are appended to any run from now on. It survives a restart of the server.
        """
        return self._feed.events(run_id, after)

    def ends(self, run_id: str) -> AsyncGenerator[int | None, None]:
        """The number of a run's last event, whenever its log grew; None whenever that may have been missed."""
        return self._feed.ends(run_id)

    def changes(self) -> AsyncGenerator[str, None]:
        """Ids of runs, each when its log or its projections grew; after a lost connection, of all that changed."""
        return self._feed.changes()

    async def _append_at_once(
        self, run_id: str, new: Sequence[NewEvent], rows: Sequence[Row], lease: Lease | None, after: int
    ) -> list[StoredEvent]:
        """Append in one statement; what needs a closer look is not written, and nothing comes back."""
        query = append_statement(run_id, new, rows, lease.epoch if lease else None, after)
        at = {seq: at for seq, at, _ in await self._database.attempt(*query)} if query else {}
        if not at:
            return []
        return [
            StoredEvent(run_id, seq, at[seq], event.event_id, event.kind, event.body)
            for seq, event in enumerate(new, start=after + 1)
        ]

    async def _append_carefully(
        self,
        run_id: str,
        new: Sequence[NewEvent],
        rows: Sequence[Row],
        rows_for: RowsOf,
        lease: Lease | None,
        after: int,
        *,
        suspect: bool,
        lost: bool,
    ) -> list[StoredEvent]:
        """Append under the stream's lock, whatever others wrote meanwhile.

        Args:
            rows: hold when nobody did.
            rows_for: makes them where somebody did.
            suspect: whether some of the events may be stored already.
            lost: whether a connection was lost on the way.
        """
        attempts = int(lost)

        async def work(connection: AsyncConnection) -> list[StoredEvent] | None:
            nonlocal attempts
            attempts += 1
            end, epoch = await _lock_stream(connection, run_id)
            if lease is not None and lease.epoch != epoch:
                return None
            fresh = list({event.event_id: event for event in new}.values())
            if fresh and (suspect or end != after):
                # A repeated append brings events that are stored already, and as a rule it finds the log longer.
                fresh = await _unknown(connection, run_id, fresh)
            mine = await _insert(connection, run_id, fresh, end) if fresh else []
            if len(mine) < len(fresh):
                raise _AlreadyStored
            everything = mine if end == after else await select_events(connection, run_id, after)
            if fresh or not new:
                await upsert(connection, rows if end == after else rows_for(everything))
            if fresh or rows:
                await _advance(connection, run_id, end + len(fresh))
            return everything

        try:
            stored = await self._database.run(work)
        except _AlreadyStored:
            suspect = True
            stored = await self._database.run(work)
        if lease is not None and stored is None:
            await lease.fence()
        if lease is not None and attempts > 1:
            # The connection that was lost here was lost to the lease as well.
            await lease.renew()
        return stored or []


class _AlreadyStored(Exception):
    """An event that was taken for new is in the log; the transaction is rolled back and done with a closer look."""


async def _lock_stream(connection: AsyncConnection, run_id: str) -> tuple[int, int]:
    row = (await connection.execute(_LOCK, {"run": run_id})).one_or_none()
    if row is None:
        raise _unknown_run(run_id)
    return row[0], row[1]


def _unknown_run(run_id: str) -> RunUnknown:
    return RunUnknown(f"There is no run {run_id}", "`miracle history` lists the runs.")


async def _unknown(connection: AsyncConnection, run_id: str, new: Sequence[NewEvent]) -> list[NewEvent]:
    if not new:
        return []
    ids = [event.event_id for event in new]
    found = await connection.execute(select(events.c.event_id, events.c.run_id).where(events.c.event_id.in_(ids)))
    owners: dict[str, str] = {row.event_id: row.run_id for row in found}
    if strange := {event_id for event_id, owner in owners.items() if owner != run_id}:
        raise ValueError(f"events {sorted(strange)} belong to another run")
    fresh = {event.event_id: event for event in new if event.event_id not in owners}
    return list(fresh.values())


def event_rows(run_id: str, new: Sequence[NewEvent], end: int) -> list[dict[str, Any]]:
    """New events as rows of the log that ends at a sequence number."""
    return [
        {"run_id": run_id, "seq": end + place, "event_id": event.event_id, "kind": event.kind, "body": event.body}
        | ({"at": event.at} if event.at else {})
        for place, event in enumerate(new, start=1)
    ]


async def _insert(connection: AsyncConnection, run_id: str, fresh: list[NewEvent], end: int) -> list[StoredEvent]:
    made = await connection.execute(_INSERT, event_rows(run_id, fresh, end))
    return sorted((_stored(row) for row in made), key=lambda stored: stored.seq)


async def _advance(connection: AsyncConnection, run_id: str, end: int) -> None:
    """Note the log's new end and announce it; the notice goes out with the commit."""
    await connection.execute(_ADVANCE, {"run": run_id, "end": end, "notice": f"{run_id} {end}"})


async def select_events(
    connection: AsyncConnection, run_id: str, after: int = 0, limit: int | None = None
) -> list[StoredEvent]:
    """A run's events after a sequence number, in order."""
    found = await connection.execute(
        select(events).where(events.c.run_id == run_id, events.c.seq > after).order_by(events.c.seq).limit(limit)
    )
    return [_stored(row) for row in found]


def _stored(row: Record[tuple[object, ...]]) -> StoredEvent:
    return StoredEvent(row.run_id, row.seq, row.at, row.event_id, row.kind, row.body)
