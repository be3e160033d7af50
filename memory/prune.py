"""Forgetting whole runs that ended long ago; what was learnt from them stays.

A run's log, and the rows that follow from it, are removed. Its failures, its pattern and its recalls stay in their
tables and, because no log gives them again, in `pruned_runs`: a rebuild takes them from there.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.errors import RunUnknown
from memory.tables import metadata
from memory.translate import translated

LESSONS = {"failures": "run_id", "patterns": "pattern_id", "recalls": "run_id"}
"""Table to the column that names the run."""
_OWN = ("events", "iterations", "metrics", "approvals", "runs", "streams")
_FOUND = """
    SELECT r.run_id, r.title, r.outcome, r.finished_at, size.events, size.bytes,
           coalesce(handed.kind = 'promoted', false) AS promoted,
           coalesce(handed.kind = 'promoted' AND handed.body ->> 'how' <> 'branch'
                    AND coalesce(handed.body ->> 'left_out', '0') = '0', false) AS delivered
    FROM runs AS r JOIN streams USING (run_id)
    CROSS JOIN LATERAL (
        SELECT count(*) AS events, coalesce(sum(pg_column_size(e.*)), 0) AS bytes
        FROM events AS e WHERE e.run_id = r.run_id) AS size
    LEFT JOIN LATERAL (
        SELECT kind, body FROM events AS e
        WHERE e.run_id = r.run_id AND kind IN ('promoted', 'undone') ORDER BY seq DESC LIMIT 1) AS handed ON true
    WHERE r.finished_at < :before AND r.outcome <> ''
    ORDER BY r.finished_at, r.run_id"""

_LESSONS = """
    SELECT lesson, lesson ->> 'table' AS name,
           ARRAY(SELECT key FROM jsonb_each(lesson -> 'row') WHERE value <> 'null' ORDER BY key) AS columns
    FROM pruned_runs, jsonb_array_elements(lessons) AS lesson
    WHERE lesson ->> 'table' IN ('failures', 'patterns', 'recalls')"""
_KINDS = f"SELECT DISTINCT name, columns FROM ({_LESSONS}) AS kept ORDER BY name, columns"


@dataclass(frozen=True)
class OldRun:
    """A run that ended long ago."""

    run_id: str
    title: str
    outcome: str
    ended_at: datetime
    events: int
    bytes: int
    promoted: bool
    """Whether a person took its result, or a part of it, and did not take that back."""
    delivered: bool
    """Whether all of it was merged or written as a patch: its branch holds nothing else then."""

    @property
    def unpromoted(self) -> bool:
        """Whether it is green and nobody took its result."""
        return self.outcome == "success" and not self.promoted


async def old_runs(database: Database, before: datetime) -> list[OldRun]:
    """Runs that ended before a moment, the oldest first; one that has not ended is never among them."""

    async def work(connection: AsyncConnection) -> list[OldRun]:
        found = await connection.execute(text(_FOUND), {"before": before})
        return [
            OldRun(
                row.run_id,
                row.title,
                row.outcome,
                row.finished_at,
                int(row.events),
                int(row.bytes),
                row.promoted,
                row.delivered,
            )
            for row in found
        ]

    return await database.run(work)


async def forget_run(database: Database, run_id: str) -> None:
    """Remove a run's log and rows, and keep what was learnt from it; the caller holds the run's lease.

    Raises:
        RunUnknown: there is no such run that has ended.
    """

    async def work(connection: AsyncConnection) -> None:
        ids = {"run": run_id}
        # The lock of the stream: an append waits for it, and then finds no run.
        await connection.execute(text("SELECT 1 FROM streams WHERE run_id = :run FOR UPDATE"), ids)
        # Gathered by the server itself: text comes back letter for letter.
        lessons = " UNION ALL ".join(
            f"SELECT jsonb_build_object('table', '{table}', 'row', to_jsonb(t)) AS lesson FROM {table} AS t "
            f"WHERE t.{column} = :run"
            for table, column in LESSONS.items()
        )
        kept = await connection.execute(
            text(
                "INSERT INTO pruned_runs (run_id, title, outcome, ended_at, events, lessons) "
                "SELECT r.run_id, r.title, r.outcome, r.finished_at, s.last_seq, "
                f"coalesce((SELECT jsonb_agg(lesson) FROM ({lessons}) AS found), '[]') "
                "FROM runs AS r JOIN streams AS s USING (run_id) WHERE run_id = :run AND r.outcome <> '' "
                "ON CONFLICT (run_id) DO UPDATE SET lessons = excluded.lessons, at = now() RETURNING run_id"
            ),
            ids,
        )
        if kept.first() is None:
            raise RunUnknown(f"There is no run {run_id} that has ended", "`miracle history` lists the runs.")
        await connection.execute(
            text(
                "DELETE FROM tasks WHERE task_id = (SELECT task_id FROM runs WHERE run_id = :run) AND NOT EXISTS "
                "(SELECT FROM runs AS other WHERE other.task_id = tasks.task_id AND other.run_id <> :run)"
            ),
            ids,
        )
        for table in _OWN:
            await connection.execute(text(f"DELETE FROM {table} WHERE run_id = :run"), ids)

    await database.run(work)


async def put_lessons_back(database: Database) -> int:
    """Fill failures, patterns and recalls of pruned runs where they are missing; how many rows that were."""

    async def work(connection: AsyncConnection) -> int:
        # Rows of an older schema lack columns, which then get their defaults: one statement for each set of columns.
        kinds = await connection.execute(text(_KINDS))
        added = 0
        for table, names in [(row.name, tuple(row.columns)) for row in kinds]:
            columns = ", ".join(f'"{name}"' for name in names if name in metadata.tables[table].columns)
            made = await connection.execute(
                text(
                    f"INSERT INTO {table} ({columns}) SELECT {columns} FROM (SELECT (jsonb_populate_record("
                    f"NULL::{table}, lesson -> 'row')).* FROM ({_LESSONS}) AS kept "
                    "WHERE name = :table AND columns = CAST(:names AS text[])) AS found ON CONFLICT DO NOTHING"
                ),
                {"table": table, "names": list(names)},
            )
            added += made.rowcount
        return added

    return await database.run(work)


async def vacuum(database: Database) -> None:
    """Let PostgreSQL use the room of removed rows again, and give back what lies at the end of its files."""
    with translated():
        connection = await database.connect()
        try:
            await connection.execute("set statement_timeout = 0")
            for table in (*_OWN, "tasks"):
                await connection.execute(f"vacuum (analyze) {table}".encode())
        finally:
            await connection.close()
