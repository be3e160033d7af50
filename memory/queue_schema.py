"""The queue's tables in a schema of their own: procrastinate's, and what they do not know of runs and workers.

They are made when a queue is first used. Which of procrastinate's migrations were applied is noted, so a newer
procrastinate brings its own with it.
"""

import asyncio
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory.database import Database
from memory.errors import DatabaseUnsuitable
from memory.translate import DRIVER_ERRORS, translate

if TYPE_CHECKING:
    import psycopg

SCHEMA = "miracle_queue"
QUEUE_LOCK = 7_240_004
"""Key of the advisory lock under which one process at a time makes or migrates the tables."""
_OWN = """\
CREATE TABLE queued_runs (
    run_id text PRIMARY KEY,
    site text NOT NULL,
    project text NOT NULL,
    priority integer NOT NULL DEFAULT 0,
    queued_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE worker_names (
    worker_id bigint PRIMARY KEY REFERENCES procrastinate_workers (id) ON DELETE CASCADE,
    name text NOT NULL,
    host text NOT NULL,
    site text NOT NULL,
    concurrency integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE applied (name text PRIMARY KEY);
"""


async def prepare_queue(database: Database) -> None:
    """Make the queue's tables, or bring them up to the procrastinate that is installed.

    Raises:
        DatabaseUnsuitable: the role may not make a schema, or a newer Miracle made the tables.
        DatabaseUnavailable: the database does not answer.
    """
    base, known = await asyncio.to_thread(_migrations)
    try:
        connection = await database.connect()
        try:
            if await _last_applied(connection) != known[-1]:
                async with connection.transaction():
                    await connection.execute("select pg_advisory_xact_lock(%s)", (QUEUE_LOCK,))
                    await _migrate(connection, base, known)
        finally:
            await connection.close()
    except DRIVER_ERRORS as error:
        raise translate(error) or error from error


async def _migrate(connection: "psycopg.AsyncConnection[Any]", base: Path, known: list[str]) -> None:
    last = await _last_applied(connection)
    if last == known[-1]:
        return
    if last is not None and last not in known:
        raise DatabaseUnsuitable(
            "The queue was made by a newer Miracle", "Update Miracle on this machine, then start the worker again."
        )
    await connection.execute(f"create schema if not exists {SCHEMA}")
    await connection.execute(f"set local search_path = {SCHEMA}")
    if last is None:
        files, own = [base / "schema.sql"], _OWN
    else:
        files, own = [base / "migrations" / name for name in known if name > last], ""
    for file in files:
        await connection.execute(file.read_bytes())
    if own:
        await connection.execute(own.encode())
    for name in known:
        await connection.execute("insert into applied (name) values (%s) on conflict do nothing", (name,))


async def _last_applied(connection: "psycopg.AsyncConnection[Any]") -> str | None:
    # Not by to_regclass: the server remembers what was missing, also when it was made while this waited for its turn.
    asked = await connection.execute("select from pg_tables where schemaname = %s and tablename = 'applied'", (SCHEMA,))
    if await asked.fetchone() is None:
        return None
    row = await (await connection.execute(f"select max(name) from {SCHEMA}.applied")).fetchone()
    return None if row is None else row[0]


def _migrations() -> tuple[Path, list[str]]:
    """procrastinate's folder of SQL, and its migrations in order; found without importing it."""
    spec = importlib.util.find_spec("procrastinate")
    if spec is None or not spec.submodule_search_locations:
        raise DatabaseUnsuitable("procrastinate is not installed", "Install Miracle again with its dependencies.")
    base = Path(next(iter(spec.submodule_search_locations))) / "sql"
    return base, sorted(file.name for file in (base / "migrations").glob("*.sql"))
