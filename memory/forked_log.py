"""A log that begins as another's: the prefix is copied inside the database, together with what follows."""

from collections.abc import Sequence

from sqlalchemy import Text, cast, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.errors import RunUnknown
from memory.feed import CHANNEL
from memory.records import NewEvent, Row
from memory.store import event_rows
from memory.tables import events, streams
from memory.upsert import upsert


async def copy_log(
    database: Database,
    source: str,
    target: str,
    upto: int,
    new: Sequence[NewEvent],
    rows: Sequence[Row] = (),
) -> None:
    """Begin a run with a prefix of another's log, all of it or nothing.

    Args:
        database: holds both.
        source: the run that is copied; it is only read.
        target: a run id that is not taken.
        upto: the last event that is copied; each keeps its number and time, and gets an id of its own.
        new: what follows the prefix.
        rows: projection rows to upsert with it.

    Raises:
        RunUnknown: the source has no such prefix.
        ValueError: the target exists already.
    """

    async def work(connection: AsyncConnection) -> None:
        end = upto + len(new)
        made = await connection.execute(
            insert(streams)
            .values(run_id=target, last_seq=end)
            .on_conflict_do_nothing()
            .returning(func.pg_notify(CHANNEL, f"{target} {end}"))
        )
        if made.first() is None:
            await _check_repeated(connection, target, upto, new)
            return
        if await _copy(connection, source, target, upto) != upto:
            raise RunUnknown(f"There are no {upto} events of a run {source}", "`miracle history` lists the runs.")
        if new:
            await connection.execute(insert(events), event_rows(target, new, upto))
        await upsert(connection, rows)

    await database.run(work)


async def _copy(connection: AsyncConnection, source: str, target: str, upto: int) -> int:
    """Copy the events in one statement; how many they were."""
    prefix = select(
        literal(target, Text),
        events.c.seq,
        events.c.at,
        cast(func.gen_random_uuid(), Text),
        events.c.kind,
        events.c.body,
    ).where(events.c.run_id == source, events.c.seq <= upto)
    columns = ["run_id", "seq", "at", "event_id", "kind", "body"]
    copied = insert(events).from_select(columns, prefix).returning(events.c.seq).cte("copied")
    return int((await connection.execute(select(func.count()).select_from(copied))).scalar_one())


async def _check_repeated(connection: AsyncConnection, target: str, upto: int, new: Sequence[NewEvent]) -> None:
    """The target is there: either its commit went through and only the answer was lost, or the name is taken.

    Raises:
        ValueError: the name is taken.
    """
    ids = [one.event_id for one in new]
    query = select(events.c.event_id).where(events.c.run_id == target, events.c.seq > upto).order_by(events.c.seq)
    found = list((await connection.execute(query.limit(len(ids) or 1))).scalars())
    if not ids or found != ids:
        raise ValueError(f"the run {target} exists already")
