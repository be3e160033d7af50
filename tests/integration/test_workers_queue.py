"""The queue of runs over a real PostgreSQL: order, limits, and workers that are dead, frozen or back."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from procrastinate import App
from procrastinate.jobs import Job, Status
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import IDLE_S, Database
from memory.queue import SWEEP_LOCK, QueuedRun, RunQueue, queue_of
from memory.queue_jobs import QueueJobs, queue_connector
from memory.queue_schema import SCHEMA

SITE = "0123456789ab"
DEAD_AFTER_S = 6.0


@pytest.fixture
async def queue(database: Database) -> RunQueue:
    queue = RunQueue(database)
    await queue.prepare()
    return queue


@asynccontextmanager
async def worker(database: Database, name: str = "w", most: int = 0) -> AsyncIterator[QueueJobs]:
    """A registered worker's view of the queue."""
    connector = queue_connector(database.parameters)
    about = {"name": name, "host": "here", "site": SITE, "concurrency": 1}
    async with App(connector=connector).open_async():
        jobs = QueueJobs(connector, most, about)
        await jobs.register_worker()
        yield jobs


def connect(database_url: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(database_url, autocommit=True, options=f"-c search_path={SCHEMA}")


def silence(database_url: str, seconds: float = 30) -> None:
    """Make it so that no worker gave a sign of life for a while."""
    with connect(database_url) as connection:
        connection.execute(
            "update procrastinate_workers set last_heartbeat = now() - make_interval(secs => %s)", (seconds,)
        )


async def taken(jobs: QueueJobs, site: str = SITE) -> Job | None:
    return await jobs.fetch_job([queue_of(site)], 0)


async def names(jobs: QueueJobs, count: int) -> list[str]:
    found = [await taken(jobs) for _ in range(count)]
    return [job.lock or "" for job in found if job is not None]


async def done(jobs: QueueJobs, job: Job | None, again_s: float | None = None) -> None:
    assert job is not None
    assert job.id is not None
    if again_s is not None:
        jobs.again[job.id] = again_s
    await jobs.finish_job_by_id_async(job.id, Status.SUCCEEDED, False)


async def test_the_higher_priority_goes_first_then_the_older(queue: RunQueue, database: Database) -> None:
    for name, priority in (("low", -1), ("first", 0), ("second", 0), ("high", 5)):
        await queue.add(QueuedRun(name, SITE, "p", priority))
    async with worker(database) as jobs:
        assert await names(jobs, 5) == ["high", "first", "second", "low"]


async def test_a_run_is_in_line_once_and_a_time_in_the_future_is_brought_forward(
    queue: RunQueue, database: Database
) -> None:
    run = QueuedRun("r", SITE, "p")
    await queue.add(run, datetime.now(UTC) + timedelta(hours=1))
    async with worker(database) as jobs:
        assert await taken(jobs) is None
        await asyncio.gather(*(queue.add(run) for _ in range(5)))
        await queue.add(run, datetime.now(UTC) + timedelta(hours=1))
        first = await taken(jobs)
        assert await taken(jobs) is None
        await queue.add(run)
        assert await taken(jobs) is None, "a run that is worked on is nobody else's"
        await done(jobs, first)
        assert await names(jobs, 2) == ["r"]


async def test_only_workers_of_the_site_take_a_run_and_the_site_stays(queue: RunQueue, database: Database) -> None:
    await queue.add(QueuedRun("r", SITE, "p"))
    await queue.add(QueuedRun("r", "ba9876543210", "p"))
    async with worker(database) as jobs:
        assert await taken(jobs, "ba9876543210") is None
        assert await queue.waiting() == {SITE: 1}
        assert await names(jobs, 1) == ["r"]
        assert await queue.waiting() == {}


async def test_the_limit_of_a_project_holds_exactly_and_keeps_nobody_else(queue: RunQueue, database: Database) -> None:
    runs = [QueuedRun(f"{project}{n}", SITE, project, priority=n % 3) for project in "abc" for n in range(12)]
    await asyncio.gather(*(queue.add(run) for run in runs))
    busy: Counter[str] = Counter()
    most: Counter[str] = Counter()
    ended = 0

    async def work(jobs: QueueJobs) -> None:
        nonlocal ended
        while ended < len(runs):
            job = await taken(jobs)
            if job is None:
                await asyncio.sleep(0.005)
                continue
            project = (job.lock or "?")[0]
            busy[project] += 1
            most[project] = max(most[project], busy[project])
            await asyncio.sleep(0.02)
            busy[project] -= 1
            ended += 1
            await done(jobs, job)

    async with AsyncExitStack() as opened:
        workers = [await opened.enter_async_context(worker(database, str(n), most=2)) for n in range(4)]
        async with asyncio.timeout(30):
            await asyncio.gather(*(work(jobs) for jobs in workers for _ in range(2)))
    assert most == {"a": 2, "b": 2, "c": 2}


async def test_runs_of_a_silent_worker_go_to_another_and_it_changes_nothing_any_more(
    queue: RunQueue, database: Database, database_url: str
) -> None:
    await queue.add(QueuedRun("r", SITE, "p"))
    async with worker(database, "frozen") as frozen, worker(database, "fresh") as fresh:
        old = await taken(frozen)
        assert await queue.sweep(DEAD_AFTER_S) == []
        silence(database_url)
        await fresh.update_heartbeat(0)
        assert await queue.sweep(DEAD_AFTER_S) == ["r"]
        new = await taken(fresh)
        await done(frozen, old)
        await done(frozen, old, again_s=0.0)
        with connect(database_url) as connection:
            rows = connection.execute("select status::text, attempts from procrastinate_jobs").fetchall()
        assert rows == [("doing", 1)]
        await done(fresh, new)
        assert await taken(fresh) is None


async def test_a_worker_that_freezes_while_it_looks_for_the_dead_keeps_nobody_else_from_it(
    queue: RunQueue, database: Database, database_url: str
) -> None:
    """Its transaction is open, and nothing tells the server: for a cut cable it would wait two hours."""
    await queue.add(QueuedRun("r", SITE, "p"))
    frozen = asyncio.Event()

    async def freeze(connection: AsyncConnection) -> None:
        await connection.execute(select(func.pg_advisory_xact_lock(SWEEP_LOCK)))
        await connection.execute(text(f"SELECT FROM {SCHEMA}.procrastinate_jobs FOR UPDATE"))
        frozen.set()
        await asyncio.sleep(60)

    async with worker(database, "silent") as silent:
        await taken(silent)
        freezing = asyncio.create_task(database.run(freeze))
        await frozen.wait()
        silence(database_url)
        began = time.monotonic()
        while not (found := await queue.sweep(DEAD_AFTER_S)):
            assert time.monotonic() - began < 3 * IDLE_S
            await asyncio.sleep(0.1)
        assert found == ["r"]
        freezing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(freezing, IDLE_S)


async def test_a_worker_that_was_given_up_registers_anew(
    queue: RunQueue, database: Database, database_url: str
) -> None:
    async with worker(database, "thawed") as thawed:
        silence(database_url, 3600)
        assert await queue.workers(DEAD_AFTER_S) == []
        await queue.sweep(DEAD_AFTER_S)
        await thawed.update_heartbeat(0)
        assert [live.name for live in await queue.workers(DEAD_AFTER_S)] == ["thawed"]
        await queue.add(QueuedRun("r", SITE, "p"))
        assert await names(thawed, 1) == ["r"]
        assert [live.runs for live in await queue.workers(DEAD_AFTER_S)] == [1]


async def test_a_run_that_was_woken_while_its_worker_died_is_in_line_once(
    queue: RunQueue, database: Database, database_url: str
) -> None:
    await queue.add(QueuedRun("r", SITE, "p"))
    async with worker(database) as dying, worker(database) as other:
        await taken(dying)
        await queue.add(QueuedRun("r", SITE, "p"))
        silence(database_url)
        assert await queue.sweep(DEAD_AFTER_S) == ["r"]
        assert await names(other, 2) == ["r"]


async def test_a_job_that_is_not_done_comes_back_after_its_time(queue: RunQueue, database: Database) -> None:
    await queue.add(QueuedRun("r", SITE, "p"))
    async with worker(database) as jobs:
        await done(jobs, await taken(jobs), again_s=0.3)
        assert await taken(jobs) is None
        await asyncio.sleep(0.35)
        job = await taken(jobs)
        assert job is not None
        assert job.attempts == 1
        await queue.add(QueuedRun("r", SITE, "p"))
        await done(jobs, job, again_s=0.0)
        assert await names(jobs, 2) == ["r"], "one that was woken meanwhile takes its place"


async def test_a_run_that_nobody_put_in_line_is_found(queue: RunQueue, database: Database, database_url: str) -> None:
    await queue.add(QueuedRun("lost", SITE, "p"))
    async with worker(database) as jobs:
        await done(jobs, await taken(jobs))
        with connect(database_url) as connection:
            connection.execute(
                "insert into public.runs (run_id, status, updated_at) "
                "values ('lost', 'running', now() - interval '1 h')"
            )
            connection.execute("update queued_runs set queued_at = now() - interval '1 h'")
        assert await queue.sweep(DEAD_AFTER_S) == ["lost"]
        assert await queue.sweep(DEAD_AFTER_S) == []
        assert await names(jobs, 2) == ["lost"]
        await queue.forget("lost")


async def test_the_tables_are_made_once_by_whoever_is_first(database: Database, database_url: str) -> None:
    def made() -> list[bool]:
        tables = (f"{SCHEMA}.procrastinate_jobs", "public.procrastinate_jobs")
        with connect(database_url) as connection:
            rows = [connection.execute("select to_regclass(%s) is not null", (table,)).fetchone() for table in tables]
        return [bool(row and row[0]) for row in rows]

    assert made() == [False, False]
    queues = [RunQueue(database) for _ in range(4)]
    await asyncio.gather(*(queue.prepare() for queue in queues))
    assert made() == [True, False], "in a schema of their own"
