"""Backups of what no rebuild can give again: the log, and what a person wished for good.

Every other table is a projection and follows from these. The queue, the worktrees and the signing key are not part of
it.
"""

import asyncio
import fcntl
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from memory.backup_file import BackupWriter
from memory.database import Database
from memory.errors import BackupUnusable

if TYPE_CHECKING:
    import psycopg
    from psycopg.sql import Composed

TRUTH = ("streams", "events", "approval_rules", "memory_marks", "pruned_runs")
"""What cannot be rebuilt, in the order in which it is copied."""
PAID = ("embedding_cache",)
"""What can be had again, for money."""
PLAIN_TEXT = (
    "select set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO', true), "
    "set_config('extra_float_digits', '1', true), set_config('bytea_output', 'hex', true), "
    "set_config('client_encoding', 'UTF8', true), set_config('statement_timeout', '0', true), "
    "set_config('lock_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)"
)
"""One way to write a value down, whatever the server or the role has set; and all the time that it takes."""
READ_AHEAD = 2**20
"""Bytes of rows that are handed to the thread which compresses them."""
PART = ".part"
"""How the name of a file ends that is being written."""
YOUNG_S = 60.0
Progress = Callable[[str, int], None]
"""Told a table and the number of its rows that are done."""


@dataclass(frozen=True)
class BackupSummary:
    """What a backup holds."""

    path: Path
    bytes: int
    rows: dict[str, int] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)


async def back_up(
    database: Database, target: Path, *, with_vectors: bool = False, progress: Progress | None = None
) -> BackupSummary:
    """Write one file with all of it as it is at one moment, while runs go on.

    Args:
        database: the source; it may be read-only.
        target: a file that does not exist yet.
        with_vectors: whether paid vectors go with it.
        progress: told of each table.

    Raises:
        BackupUnusable: the file is there already or cannot be written.
        DatabaseUnavailable, DatabaseUnsuitable: the database cannot be read; there is no file then.
    """
    from memory.translate import translated

    part, file = await asyncio.to_thread(_create, target)
    try:
        with translated():
            connection = await database.connect()
            try:
                header, rows = await _write(connection, file, target, with_vectors, progress or (lambda _, __: None))
            finally:
                await connection.close()
        size = await asyncio.to_thread(_publish, file, part, target)
    except BaseException:
        file.close()
        part.unlink(missing_ok=True)
        raise
    return BackupSummary(target, size, rows, header)


def _create(target: Path) -> tuple[Path, BinaryIO]:
    if os.path.lexists(target):
        raise BackupUnusable(f"{target} is there already", "Name a file that does not exist yet.")
    prefix = f".{target.name[:100]}."
    try:
        _sweep(target.parent, prefix)
        # Made for its owner only, as `mkstemp` does: a log tells what people work on.
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=PART, dir=target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error
    file = os.fdopen(handle, "wb")
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return Path(name), file


def _sweep(folder: Path, prefix: str) -> None:
    """Remove what a backup to the same file left behind that was killed: its lock went with it."""
    for left in folder.iterdir():
        if not (left.name.startswith(prefix) and left.name.endswith(PART)):
            continue
        with suppress(OSError), left.open("rb") as file:
            # Between being made and being locked it is young.
            if time.time() - os.fstat(file.fileno()).st_mtime > YOUNG_S:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()


def _publish(file: BinaryIO, part: Path, target: Path) -> int:
    try:
        file.flush()
        os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
        file.close()
        try:
            os.link(part, target)
        except FileExistsError as error:
            raise BackupUnusable(f"{target} is there already", "Name a file that does not exist yet.") from error
        except OSError:
            # Not every file system has links.
            part.rename(target)
        else:
            part.unlink()
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            with suppress(OSError):
                os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _unwritable(target, error) from error
    return size


def _unwritable(target: Path, error: OSError) -> BackupUnusable:
    return BackupUnusable(
        f"The backup {target} cannot be written: {error.strerror or error}", "Name a file in a folder with room for it."
    )


async def _write(
    connection: "psycopg.AsyncConnection[Any]", file: BinaryIO, target: Path, with_vectors: bool, progress: Progress
) -> tuple[dict[str, Any], dict[str, int]]:
    from psycopg import IsolationLevel

    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)
    async with connection.transaction():
        await connection.execute(PLAIN_TEXT)
        header = await _header(connection, with_vectors)
        writer = await asyncio.to_thread(BackupWriter, file, header)
        rows = {}
        for table in (*TRUTH, *(PAID if with_vectors else ())):
            try:
                rows[table] = await _write_table(connection, writer, table, progress)
            except OSError as error:
                raise _unwritable(target, error) from error
    try:
        await asyncio.to_thread(writer.finish)
    except OSError as error:
        raise _unwritable(target, error) from error
    return header, rows


async def _header(connection: "psycopg.AsyncConnection[Any]", with_vectors: bool) -> dict[str, Any]:
    found = await connection.execute(
        "select version_num, current_setting('server_version'), (select count(*) from streams) from alembic_version"
    )
    row = await found.fetchone()
    assert row is not None, "an open database has a schema"
    return {
        "schema": row[0],
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "miracle": version("miracle-agent"),
        "postgresql": row[1],
        "runs": row[2],
        "vectors": with_vectors,
    }


def quoted(names: tuple[str, ...]) -> "Composed":
    """Names of columns, as SQL takes them."""
    from psycopg import sql

    return sql.SQL(", ").join(map(sql.Identifier, names))


async def _write_table(
    connection: "psycopg.AsyncConnection[Any]", writer: BackupWriter, table: str, progress: Progress
) -> int:
    from psycopg import sql

    from memory.tables import metadata

    columns = tuple(column.name for column in metadata.tables[table].columns)
    key = tuple(column.name for column in metadata.tables[table].primary_key)
    query = sql.SQL("copy (select {} from {} order by {}) to stdout").format(
        quoted(columns), sql.Identifier(table), quoted(key)
    )
    await asyncio.to_thread(writer.begin, table, columns)
    done, gathered = 0, bytearray()
    async with connection.cursor() as cursor, cursor.copy(query) as copied:
        async for row in copied:
            gathered += row
            done += 1
            if len(gathered) >= READ_AHEAD:
                await asyncio.to_thread(writer.rows, bytes(gathered))
                gathered.clear()
                progress(table, done)
    await asyncio.to_thread(writer.rows, bytes(gathered))
    progress(table, done)
    return await asyncio.to_thread(writer.end)
