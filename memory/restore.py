"""Putting a backup back: checked as a whole first, then written in one transaction.

What the projections hold is emptied with it; `engine.rebuild` fills them from the log.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory.backup import PAID, PLAIN_TEXT, TRUTH, Progress, quoted
from memory.backup_file import BackupReader, Begin, End, Part
from memory.database import Database
from memory.errors import BackupUnusable, DatabaseNotEmpty
from memory.lease import LOCK_CLASS
from memory.schema import head_revision, migrate, revisions

if TYPE_CHECKING:
    import psycopg

LOG = ("streams", "events")
"""What every backup has, if only empty."""
RESTORE_LOCK = 7_240_017
STAGE = "miracle_restore"
"""The schema in which a backup of an older schema is migrated, before anything of it is taken over."""


@dataclass(frozen=True)
class RestoreSummary:
    """What was put back."""

    rows: dict[str, int]
    header: dict[str, Any]


def check_backup(source: Path) -> dict[str, Any]:
    """Read a backup to its end.

    Returns:
        Its header.

    Raises:
        BackupUnusable: it cannot be restored by this Miracle; the title says why.
    """
    try:
        with source.open("rb") as file:
            reader = BackupReader(source, file)
            _check_header(source, reader.header)
            for part in reader.parts():
                if isinstance(part, Begin):
                    _check_table(source, part, reader.header)
            return reader.header
    except OSError as error:
        raise BackupUnusable(
            f"The backup {source} cannot be read: {error.strerror or error}", "Check its name and its permissions."
        ) from error


async def restore(
    database: Database, source: Path, *, replace: bool = False, progress: Progress | None = None
) -> RestoreSummary:
    """Put a backup into a database that is empty, or in the place of what is there. All of it, or nothing.

    Args:
        database: the target, with the schema of this Miracle.
        source: the backup.
        replace: whether what the database holds is given up.
        progress: told of each table.

    Raises:
        BackupUnusable: the file cannot be restored; nothing was changed.
        DatabaseNotEmpty: it holds something and `replace` is not set, or a run is at work in it.
        DatabaseUnavailable, DatabaseUnsuitable, DiskFull: nothing was changed.
    """
    from memory.translate import translated

    header = await asyncio.to_thread(check_backup, source)
    tell = progress or (lambda table, rows: None)
    with translated():
        async with _alone(database) as connection:
            if header["schema"] == head_revision():
                async with connection.transaction():
                    await _make_room(connection, replace)
                    rows = await _fill(connection, source, tell)
                    await _check(connection, source)
            else:
                rows = await _fill_migrated(database, connection, source, header["schema"], replace, tell)
            await connection.execute("analyze")
    return RestoreSummary(rows, header)


def _check_header(source: Path, header: dict[str, Any]) -> None:
    schema, head = header.get("schema"), head_revision()
    if not isinstance(schema, str) or not schema.isdigit():
        raise BackupUnusable(f"The backup {source} is damaged: its header names no schema", "Take another copy of it.")
    if schema > head:
        raise BackupUnusable(
            f"The backup {source} was made by a newer Miracle (schema {schema}, this one knows {head})",
            "Update Miracle, then restore it.",
        )
    if schema not in revisions():
        raise BackupUnusable(f"The backup {source} is damaged: there is no such schema", "Take another copy of it.")


def _check_table(source: Path, begin: Begin, header: dict[str, Any]) -> None:
    from memory.tables import metadata

    known = begin.table in (*TRUTH, *PAID)
    if known and header["schema"] == head_revision():
        known = set(begin.columns) <= {column.name for column in metadata.tables[begin.table].columns}
    if not known or not begin.columns:
        raise BackupUnusable(
            f"The backup {source} holds a table that this Miracle does not restore: {begin.table[:60]!r}",
            "Nothing was changed. Restore it with the Miracle that made it.",
        )


@asynccontextmanager
async def _alone(database: Database) -> "AsyncIterator[psycopg.AsyncConnection[Any]]":
    """A connection under a lock, so that one process at a time restores."""
    connection = await database.connect()
    try:
        await connection.execute("set statement_timeout = 0")
        await connection.execute("select pg_advisory_lock(%s)", (RESTORE_LOCK,))
        yield connection
    finally:
        await connection.close()


async def _make_room(connection: "psycopg.AsyncConnection[Any]", replace: bool) -> None:
    """Lock the log, see that nobody works on it, and empty every table.

    Raises:
        DatabaseNotEmpty: it may not be emptied.
    """
    from psycopg import sql

    from memory.tables import PROJECTIONS

    await connection.execute(PLAIN_TEXT)
    await connection.execute("lock table streams, events in access exclusive mode")
    for table in TRUTH:
        found = await connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table)))
        row = await found.fetchone()
        if row is not None and row[0] and not replace:
            raise DatabaseNotEmpty(
                f"The database is not empty: {row[0]} rows in {table}",
                "Restore into an empty one, or add --replace: what is there is backed up first, then replaced.",
            )
    held = await connection.execute(
        "select count(*) from pg_locks where locktype = 'advisory' and granted and classid = %s and objsubid = 2 "
        "and database = (select oid from pg_database where datname = current_database())",
        (LOCK_CLASS,),
    )
    if (row := await held.fetchone()) is not None and row[0]:
        raise DatabaseNotEmpty(f"{row[0]} runs are at work in the database", "Pause them, then restore.")
    stale = await connection.execute(
        "select relname from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace "
        "and relname ~ '^emb_[0-9]+_[a-z]+$'"
    )
    names = [*TRUTH, *PROJECTIONS, "rebuilds", *(name for (name,) in await stale.fetchall())]
    await connection.execute(sql.SQL("truncate {}").format(quoted(tuple(names))))
    # Whoever looks before the rebuild has come to its end is told that one is under way.
    await connection.execute("insert into rebuilds (rebuild_id) values (1)")


async def _fill(connection: "psycopg.AsyncConnection[Any]", source: Path, tell: Progress) -> dict[str, int]:
    """Copy every table of the backup into the one of its name.

    Raises:
        BackupUnusable: the file changed since it was checked, or its rows are not what a table takes.
    """
    from psycopg import DataError, IntegrityError, errors, sql

    misfits = (DataError, IntegrityError, errors.UndefinedColumn, errors.UndefinedTable, errors.ProgramLimitExceeded)
    rows: dict[str, int] = {}
    with source.open("rb") as file:
        reader = BackupReader(source, file)
        _check_header(source, reader.header)
        parts = reader.parts()
        try:
            while isinstance(begin := await asyncio.to_thread(_next, parts), Begin):
                # The file may be another one by now than the one that was checked.
                _check_table(source, begin, reader.header)
                if begin.table in PAID:
                    await connection.execute(sql.SQL("truncate {}").format(sql.Identifier(begin.table)))
                query = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(begin.table), quoted(begin.columns))
                async with connection.cursor() as cursor:
                    async with cursor.copy(query) as copy:
                        while isinstance(piece := await asyncio.to_thread(_next, parts), bytes):
                            await copy.write(piece)
                    taken = cursor.rowcount
                assert isinstance(piece, End), "the reader ends every table"
                if taken != piece.rows:
                    raise DataError(f"{begin.table} took {taken} of {piece.rows} rows")
                rows[begin.table] = piece.rows
                tell(begin.table, piece.rows)
            if lacking := [table for table in LOG if table not in rows]:
                raise DataError(f"it has no {lacking[0]}")
        except misfits as error:
            raise _unfit(source, error) from error
    return rows


async def _check(connection: "psycopg.AsyncConnection[Any]", source: Path) -> None:
    """See that the rows that were written are such as Miracle writes.

    Raises:
        BackupUnusable: they are not.
    """
    from psycopg import DataError

    from memory.soundness import check_rows

    try:
        await check_rows(connection)
    except DataError as error:
        raise _unfit(source, error) from error


def _unfit(source: Path, error: Exception) -> BackupUnusable:
    said = str(error).splitlines()[0]
    return BackupUnusable(f"The backup {source} does not fit: {said}", "Nothing was changed. Take another copy of it.")


def _next(parts: Iterator[Part]) -> Part | None:
    return next(parts, None)


async def _fill_migrated(
    database: Database,
    connection: "psycopg.AsyncConnection[Any]",
    source: Path,
    schema: str,
    replace: bool,
    tell: Progress,
) -> dict[str, int]:
    """Fill a schema of its own as old as the backup, migrate that, and take its rows over."""
    from psycopg import sql

    from memory.tables import metadata

    there = database.parameters | {"options": f"-c search_path={STAGE} -c statement_timeout=0"}
    stage = sql.Identifier(STAGE)
    await connection.execute(sql.SQL("drop schema if exists {} cascade").format(stage))
    await connection.execute(sql.SQL("create schema {}").format(stage))
    try:
        await asyncio.to_thread(migrate, there, schema)
        staging = await database.connect(options=str(there["options"]))
        try:
            async with staging.transaction():
                rows = await _fill(staging, source, tell)
        finally:
            await staging.close()
        await asyncio.to_thread(migrate, there)
        async with connection.transaction():
            await _make_room(connection, replace)
            for table in rows:
                columns = quoted(tuple(column.name for column in metadata.tables[table].columns))
                await connection.execute(
                    sql.SQL("insert into {0} ({1}) select {1} from {2}.{0}").format(
                        sql.Identifier(table), columns, stage
                    )
                )
            await _check(connection, source)
    finally:
        await connection.execute(sql.SQL("drop schema if exists {} cascade").format(stage))
    return rows
