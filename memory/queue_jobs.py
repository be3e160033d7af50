"""What procrastinate's worker asks the database, for workers that may be frozen or cut off and come back.

Its own statements trust a worker that says "my job is done", and its worker ends at the first lost connection. Here a
worker whose job was given to another one changes nothing any more, one that the others gave up registers anew, and an
outage is waited for: the runs at work look after themselves by their leases.
"""

import asyncio
import json
import logging
import math
from collections.abc import Iterable
from typing import Any

import psycopg
from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback

from memory.queue_schema import SCHEMA

LIMIT_LOCK = 7_240_006
"""Key of the advisory lock under which workers take runs one after the other where a limit is counted."""
RETRY_S = 1.0
"""Seconds until the database is asked again after it did not answer."""
_AWAY = (ConnectorException, psycopg.Error, OSError)
_NUDGE = "pg_notify('procrastinate_queue_v1#' || queue_name, %(nudge)s)"
_FETCH = """
WITH busy AS (
    SELECT args ->> 'project' AS project FROM procrastinate_jobs WHERE status = 'doing'
    GROUP BY 1 HAVING count(*) >= %(most)s
), candidate AS (
    SELECT id FROM procrastinate_jobs AS job
    WHERE status = 'todo' AND queue_name = ANY(%(queues)s) AND (scheduled_at IS NULL OR scheduled_at <= now())
      AND NOT EXISTS (SELECT FROM procrastinate_jobs AS o WHERE o.lock = job.lock AND o.status = 'doing')
      AND NOT EXISTS (SELECT FROM busy WHERE busy.project = job.args ->> 'project')
    ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE procrastinate_jobs AS job SET status = 'doing', worker_id = %(worker_id)s
FROM candidate WHERE job.id = candidate.id
RETURNING job.id, status, task_name, priority, lock, queueing_lock, args, scheduled_at, queue_name, attempts,
          worker_id"""
_DONE = f"""
WITH gone AS (DELETE FROM procrastinate_jobs WHERE {{mine}} RETURNING queue_name)
SELECT {_NUDGE} FROM gone"""
_MINE = "id = %(job_id)s AND worker_id = %(worker_id)s AND status = 'doing'"
_TWICE = (
    " AND EXISTS (SELECT FROM procrastinate_jobs AS o WHERE o.status = 'todo' "
    "AND o.queueing_lock = procrastinate_jobs.queueing_lock)"
)
_AGAIN = f"""
WITH back AS (
    UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL, attempts = attempts + 1,
           scheduled_at = now() + make_interval(secs => %(delay_s)s)
    WHERE {_MINE} RETURNING queue_name
)
SELECT {_NUDGE} FROM back"""
_BEAT = "UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = %(worker_id)s RETURNING id"
_NAME = """
INSERT INTO worker_names (worker_id, name, host, site, concurrency)
VALUES (%(worker_id)s, %(name)s, %(host)s, %(site)s, %(concurrency)s) RETURNING worker_id"""
_logger = logging.getLogger(__name__)


def queue_connector(parameters: dict[str, Any]) -> PsycopgConnector:
    """Connections for a worker: they find the queue's tables, and a cut network shows on them within seconds.

    Args:
        parameters: what libpq connects by.
    """
    quick = {"keepalives_idle": "2", "keepalives_interval": "1", "keepalives_count": "2", "tcp_user_timeout": "4000"}
    options = f"{parameters.get('options', '')} -c search_path={SCHEMA}".strip()
    kwargs = {**parameters, **quick, "connect_timeout": "5", "options": options}
    return PsycopgConnector(kwargs=kwargs, min_size=1, max_size=3, timeout=6.0, reconnect_timeout=6.0)


class QueueJobs(JobManager):
    """One worker's view of the queue.

    Args:
        connector: the worker's connections.
        most_per_project: runs of one project at work at the same time, over all workers; 0 sets no limit.
        about: the worker's name, host, site and concurrency.
    """

    def __init__(self, connector: PsycopgConnector, most_per_project: int, about: dict[str, Any]) -> None:
        super().__init__(connector)
        self.again: dict[int, float] = {}
        """Jobs that are not done when their task ends, and the seconds after which somebody may take them."""
        self.patience_s = math.inf
        """How long the end of a job waits for a database that is away; the others notice a silence by themselves."""
        self._pool = connector
        self._most = most_per_project
        self._about = about
        self._worker_id: int | None = None

    async def register_worker(self) -> int:
        """Make this worker known to the others."""
        self._worker_id = await super().register_worker()
        await self._rows(_NAME, **self._about)
        return self._worker_id

    async def unregister_worker(self, worker_id: int) -> None:
        """Say goodbye; a database that is away hears of it by the silence."""
        try:
            await super().unregister_worker(self._worker_id or worker_id)
        except _AWAY as error:
            _logger.warning("the worker could not be signed off: %s", error)

    async def update_heartbeat(self, worker_id: int) -> None:
        """Give a sign of life; a worker that the others gave up registers anew."""
        try:
            if not await self._rows(_BEAT):
                await self.register_worker()
        except _AWAY as error:
            _logger.warning("no sign of life could be given: %s", error)

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Hear of new runs, for ever."""
        while True:
            try:
                await super().listen_for_jobs(on_notification=on_notification, queues=queues)
            except _AWAY as error:
                _logger.warning("new runs are not heard of: %s", error)
            await asyncio.sleep(RETRY_S)

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """The next run, by priority and age, whose project is below its limit; None while the database is away."""
        try:
            if self._most:
                return await self._fetch_within_limit(list(queues or ()))
            return await super().fetch_job(queues, self._worker_id or worker_id)
        except _AWAY as error:
            _logger.warning("no run can be taken: %s", error)
            return None

    async def _fetch_within_limit(self, queues: list[str]) -> Job | None:
        async with self._pool.pool.connection() as connection:
            # A statement sees what was committed before it began: the lock comes in a statement before the count.
            await connection.execute("select pg_advisory_xact_lock(%s)", (LIMIT_LOCK,))
            rows = await self._pool.execute_query_all_async_with_connection(
                connection, _FETCH, queues=queues, worker_id=self._worker_id, most=self._most
            )
        return Job.from_row(rows[0]) if rows else None

    async def finish_job_by_id_async(self, job_id: int, status: Status, delete_job: bool) -> None:
        """Take the job off the queue, or put it back; nothing when another worker has it by now."""
        delay_s = self.again.pop(job_id, None if status is Status.SUCCEEDED else RETRY_S)
        waited_s = 0.0
        while waited_s < self.patience_s:
            try:
                await self._finish(job_id, delay_s)
                return
            except _AWAY as error:
                waited_s += RETRY_S
                # A job that nobody finishes keeps its run from everybody for as long as this worker lives.
                _logger.warning("what became of a run cannot be written: %s", error)
                await asyncio.sleep(RETRY_S)

    async def _finish(self, job_id: int, delay_s: float | None) -> None:
        if delay_s is None:
            await self._rows(_DONE.format(mine=_MINE), job_id=job_id)
        elif not await self._rows(_DONE.format(mine=_MINE + _TWICE), job_id=job_id):
            await self._rows(_AGAIN, job_id=job_id, delay_s=delay_s)

    async def _rows(self, query: Any, **arguments: Any) -> list[dict[str, Any]]:
        given = {"worker_id": self._worker_id, **arguments}
        if "%(nudge)s" in query:
            given["nudge"] = json.dumps({"type": "job_inserted", "job_id": 0})
        rows: list[dict[str, Any]] = await self._pool.execute_query_all_async(query, **given)
        return rows
