"""Runs that wait for a worker: put in line, woken, taken from the dead. procrastinate's workers take them from there.

A run has one line at most: `queueing_lock` keeps a second from being written, `lock` keeps two from being worked on.
What these statements do, any process may do again after a lost connection.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.queue_schema import SCHEMA, prepare_queue

Result = TypeVar("Result")

TASK = "work"
"""The name of the one task that workers know."""
SWEEP_LOCK = 7_240_005
"""Key of the advisory lock under which one worker at a time looks for the dead."""
FORGOTTEN_S = 60.0
"""Seconds without a sign of life after which a worker is no longer listed; one that comes back registers anew."""
_PATH = f"select set_config('search_path', '{SCHEMA},' || current_setting('search_path'), true)"
_CHANNEL = "procrastinate_queue_v1#"
_NUDGE = f"""pg_notify('{_CHANNEL}' || queue_name, json_build_object('type', 'job_inserted', 'job_id', id)::text)"""
_PUT = f"""
INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
SELECT 'runs@' || site, '{TASK}', priority, run_id, run_id,
       jsonb_build_object('run_id', run_id, 'project', project), CAST(:at AS timestamptz)
FROM queued_runs WHERE run_id = ANY(:runs)
ON CONFLICT (queueing_lock) WHERE status = 'todo' DO UPDATE SET scheduled_at = excluded.scheduled_at
WHERE procrastinate_jobs.scheduled_at > coalesce(excluded.scheduled_at, '-infinity')
RETURNING {_NUDGE}"""
_DEAD = """status = 'doing' AND NOT EXISTS (
    SELECT FROM procrastinate_workers AS worker
    WHERE worker.id = job.worker_id AND worker.last_heartbeat > now() - make_interval(secs => :dead_after_s)
)"""
_TWICE = f"""
DELETE FROM procrastinate_jobs AS job WHERE {_DEAD} AND EXISTS (
    SELECT FROM procrastinate_jobs AS other WHERE other.queueing_lock = job.queueing_lock AND other.status = 'todo'
) RETURNING {_NUDGE}, job.queueing_lock"""
_TAKE = f"""
UPDATE procrastinate_jobs AS job SET status = 'todo', attempts = attempts + 1, scheduled_at = NULL, worker_id = NULL
WHERE {_DEAD} RETURNING {_NUDGE}, job.queueing_lock"""
_STRAYS = """
SELECT run_id FROM queued_runs JOIN runs USING (run_id)
WHERE runs.status = 'running' AND greatest(runs.updated_at, queued_at) < now() - interval '5 s' AND NOT EXISTS (
    SELECT FROM procrastinate_jobs WHERE queueing_lock = run_id AND status IN ('todo', 'doing')
)"""
_WORKERS = """
SELECT name, host, site, concurrency, started_at, (
    SELECT count(*) FROM procrastinate_jobs AS job WHERE job.worker_id = worker.id AND job.status = 'doing'
) AS runs
FROM procrastinate_workers AS worker JOIN worker_names ON worker_id = worker.id
WHERE last_heartbeat > now() - make_interval(secs => :dead_after_s) ORDER BY started_at"""


def queue_of(site: str) -> str:
    """The queue of the runs whose files a site holds."""
    return f"runs@{site}"


@dataclass(frozen=True)
class QueuedRun:
    """A run as the queue knows it."""

    run_id: str
    site: str
    """The data folder that holds its worktree; only workers that serve it can do the work."""
    project: str
    priority: int = 0
    """The higher goes first."""


@dataclass(frozen=True)
class LiveWorker:
    """A worker that gives signs of life."""

    name: str
    host: str
    site: str
    concurrency: int
    started_at: datetime
    runs: int
    """Runs that it works on now."""


class RunQueue:
    """The queue of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._prepared = False

    async def prepare(self) -> None:
        """Make the queue's tables where they are missing.

        Raises:
            DatabaseUnsuitable, DatabaseUnavailable: they cannot be made.
        """
        if not self._prepared:
            await prepare_queue(self._database)
            self._prepared = True

    async def add(self, run: QueuedRun, at: datetime | None = None) -> None:
        """Put a run in line; one that waits already is brought forward, never put in twice.

        Args:
            run: the run; where it was queued before, its site stays.
            at: not before; now by default.
        """
        await self.prepare()

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                text(
                    "INSERT INTO queued_runs (run_id, site, project, priority) "
                    "VALUES (:run_id, :site, :project, :priority) ON CONFLICT DO NOTHING"
                ),
                vars(run),
            )
            await connection.execute(text(_PUT), {"runs": [run.run_id], "at": at})

        await self._run(work)

    async def forget(self, run_id: str) -> None:
        """Take a run that is over off the list of those that are looked after."""
        await self._rows("DELETE FROM queued_runs WHERE run_id = :run_id RETURNING run_id", run_id=run_id)

    async def sweep(self, dead_after_s: float) -> list[str]:
        """Put the runs of dead workers in line again, and those that nobody put there; the runs' ids.

        Args:
            dead_after_s: seconds without a sign of life after which a worker counts as dead.
        """

        async def work(connection: AsyncConnection) -> list[str]:
            turn = await connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": SWEEP_LOCK})
            if not turn.scalar_one():
                return []
            dead = {"dead_after_s": dead_after_s}
            twice = list(await connection.execute(text(_TWICE), dead))
            taken = list(await connection.execute(text(_TAKE), dead))
            strays = list((await connection.execute(text(_STRAYS))).scalars())
            if strays:
                await connection.execute(text(_PUT), {"runs": strays, "at": None})
            await connection.execute(
                text("DELETE FROM procrastinate_workers WHERE last_heartbeat < now() - make_interval(secs => :s)"),
                {"s": max(FORGOTTEN_S, 2 * dead_after_s)},
            )
            return [row[1] for row in (*twice, *taken)] + strays

        return await self._run(work)

    async def workers(self, dead_after_s: float) -> list[LiveWorker]:
        """The workers that give signs of life, the oldest first."""
        return [LiveWorker(*row) for row in await self._rows(_WORKERS, dead_after_s=dead_after_s)]

    async def waiting(self) -> dict[str, int]:
        """How many runs wait for a worker now, by site."""
        rows = await self._rows(
            "SELECT substr(queue_name, 6), count(*) FROM procrastinate_jobs WHERE status = 'todo' "
            "AND coalesce(scheduled_at, now()) <= now() GROUP BY 1"
        )
        return {row[0]: row[1] for row in rows}

    async def _rows(self, statement: str, **parameters: Any) -> Sequence[Any]:
        async def work(connection: AsyncConnection) -> Sequence[Any]:
            return (await connection.execute(text(statement), parameters)).all()

        return await self._run(work)

    async def _run(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        async def within(connection: AsyncConnection) -> Result:
            await connection.execute(text(_PATH))
            return await work(connection)

        return await self._database.run(within)
