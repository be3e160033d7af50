"""Replacing a run's rows by those that its log gives, one run a transaction: a rebuild may stop at any instant."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.alone import alone
from memory.database import Database
from memory.errors import DatabaseUnavailable
from memory.one_statement import merged
from memory.prune import LESSONS, put_lessons_back
from memory.records import Row
from memory.schema import MIGRATION_LOCK
from memory.store import RowsOf, select_events
from memory.tables import embed_model, failures, patterns, rebuilds, streams
from memory.translate import translated
from memory.upsert import upsert
from memory.vectors import VIEWS, View

_OF_A_RUN = ("runs", "iterations", "metrics", "approvals", "failures", "recalls")
_REBUILD = 1


@dataclass(frozen=True)
class Rebuilt:
    """How much was projected again."""

    runs: int
    rows: int


@asynccontextmanager
async def rebuild_lock(database: Database) -> AsyncIterator[None]:
    """Keep every other rebuild, and every migration, away.

    Raises:
        DatabaseUnavailable: another one is under way.
    """
    with translated():
        async with alone(database, MIGRATION_LOCK) as mine:
            if mine is None:
                raise DatabaseUnavailable(
                    "The tables are being rebuilt or migrated already", "Wait until that is done, then try again."
                )
            yield


class Rebuild:
    """A rebuild of all projections, begun or gone on with; used under `rebuild_lock`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self) -> list[str]:
        """The runs that are still to be projected: all, or those that a rebuild that was stopped has left."""

        async def work(connection: AsyncConnection) -> list[str]:
            await connection.execute(insert(rebuilds).values(rebuild_id=_REBUILD).on_conflict_do_nothing())
            after = select(rebuilds.c.after_run).scalar_subquery()
            left = select(streams.c.run_id).where(streams.c.run_id > after).order_by(streams.c.run_id)
            return list((await connection.execute(left)).scalars())

        return await self._database.run(work)

    async def replace(self, run_id: str, rows_of: RowsOf) -> int:
        """Put the rows of a run's log in the place of those that are there; an append of the run waits meanwhile.

        Args:
            run_id: the run.
            rows_of: makes the rows of all its events.

        Returns:
            How many rows it has.
        """

        async def work(connection: AsyncConnection) -> int:
            locked = select(streams.c.run_id).where(streams.c.run_id == run_id).with_for_update()
            if (await connection.execute(locked)).first() is None:
                return 0
            await connection.execute(text("set local idle_in_transaction_session_timeout = 0"))
            stored = await select_events(connection, run_id)
            made = merged(await asyncio.to_thread(rows_of, stored))
            before = await _embedded_texts(connection, run_id)
            for table in _OF_A_RUN:
                await connection.execute(text(f"DELETE FROM {table} WHERE run_id = :run"), {"run": run_id})
            await connection.execute(text("DELETE FROM patterns WHERE pattern_id = :run"), {"run": run_id})
            await upsert(connection, [Row(table.name, key, values) for table, key, values in made])  # type: ignore[arg-type]
            after = await _embedded_texts(connection, run_id)
            await _forget_vectors(connection, [one for one, told in before.items() if after.get(one) != told])
            counted = {"runs": rebuilds.c.runs + 1, "rows": rebuilds.c.rows + len(made)}
            await connection.execute(update(rebuilds).values(after_run=run_id, **counted))
            return len(made)

        return await self._database.run(work)

    async def finish(self) -> Rebuilt:
        """Remove what belongs to no run, put back what pruned runs taught, and end the rebuild."""

        async def work(connection: AsyncConnection) -> None:
            for table in _OF_A_RUN[:4]:
                await connection.execute(text(f"DELETE FROM {table} WHERE run_id NOT IN (SELECT run_id FROM streams)"))
            await connection.execute(text("DELETE FROM tasks WHERE task_id NOT IN (SELECT task_id FROM runs)"))
            kept = "SELECT run_id FROM streams UNION ALL SELECT run_id FROM pruned_runs"
            for table, column in LESSONS.items():
                await connection.execute(text(f"DELETE FROM {table} WHERE {column} NOT IN ({kept})"))

        async def end(connection: AsyncConnection) -> Rebuilt:
            await _forget_orphans(connection)
            row = (await connection.execute(select(rebuilds.c.runs, rebuilds.c.rows))).one_or_none()
            await connection.execute(rebuilds.delete())
            return Rebuilt(row.runs, row.rows) if row else Rebuilt(0, 0)

        await self._database.run(work)
        again = await put_lessons_back(self._database)
        done = await self._database.run(end)
        return Rebuilt(done.runs, done.rows + again)


async def _embedded_texts(connection: AsyncConnection, run_id: str) -> dict[str, bytes]:
    """What each failure of a run, and its pattern, is embedded as, by a digest."""

    def told(first: Column[str], second: Column[str]) -> ColumnElement[bytes]:
        return func.sha256(func.convert_to(first.op("||")(second), "UTF8"))

    failed = select(failures.c.failure_id, told(failures.c.ctx_text, failures.c.sig_text))
    solved = select(patterns.c.pattern_id, told(patterns.c.problem_type, patterns.c.description))
    both = failed.where(failures.c.run_id == run_id).union_all(solved.where(patterns.c.pattern_id == run_id))
    return {row[0]: bytes(row[1]) for row in await connection.execute(both)}


async def _forget_vectors(connection: AsyncConnection, changed: Sequence[str]) -> None:
    """Take away the vectors of what is gone or reads otherwise now; the latter gets new ones, like all without any."""
    for table, _ in await _vector_tables(connection) if changed else ():
        await connection.execute(text(f"DELETE FROM {table} WHERE memory_id = ANY (:ids)"), {"ids": list(changed)})


async def _forget_orphans(connection: AsyncConnection) -> None:
    """Take away the vectors of what is gone altogether: they would take the places of others among the nearest."""
    for table, view in await _vector_tables(connection):
        owner = "patterns AS m WHERE m.pattern_id" if view == "pat" else "failures AS m WHERE m.failure_id"
        await connection.execute(text(f"DELETE FROM {table} AS e WHERE NOT EXISTS (SELECT FROM {owner} = e.memory_id)"))


async def _vector_tables(connection: AsyncConnection) -> list[tuple[str, View]]:
    """The tables of vectors with their views; they stay there to the end of the transaction."""
    known = await connection.execute(
        select(embed_model.c.model_id).order_by(embed_model.c.model_id).with_for_update(read=True)
    )
    return [(f"emb_{model}_{view}", view) for model in known.scalars().all() for view in VIEWS]
