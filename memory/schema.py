"""Bringing a database up to the schema that this version declares."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory.errors import DatabaseUnsuitable

if TYPE_CHECKING:
    import psycopg

OLDEST_SERVER = 14
OLDEST_VECTOR = (0, 7)
"""The first pgvector with half-precision vectors."""
MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 7_240_001
"""Key of the advisory lock under which one process at a time migrates."""


def revisions() -> frozenset[str]:
    """The revisions in the migrations folder; they are numbered, and their files begin with the number."""
    return frozenset(path.name.split("_", 1)[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def head_revision() -> str:
    """The newest of them."""
    return max(revisions())


async def prepare_schema(connection: "psycopg.AsyncConnection[Any]", parameters: dict[str, Any]) -> None:
    """Check the server, and migrate if the stored revision is behind.

    Args:
        connection: an open connection in autocommit mode.
        parameters: what to connect by, for the migration's own connection.

    Raises:
        DatabaseUnsuitable: too old a server, no pgvector, or a schema from a newer Miracle.
    """
    major = connection.info.server_version // 10000
    if major < OLDEST_SERVER:
        raise DatabaseUnsuitable(
            f"PostgreSQL {major} is too old", f"Miracle needs PostgreSQL {OLDEST_SERVER} or newer with pgvector."
        )
    await _check_vector(connection)
    stored, head = await _stored_revision(connection), head_revision()
    if stored is not None and stored > head:
        raise DatabaseUnsuitable(
            f"The database was migrated by a newer Miracle (revision {stored}, this one knows {head})",
            "Update Miracle, or use another database.",
        )
    if stored != head:
        if why := await read_only(connection):
            raise DatabaseUnsuitable(
                f"The database has the schema {stored or '0000'}, not {head}, and it can only be read",
                f"{why}. Run `miracle db status` once with a role that may write, on the primary server.",
            )
        await asyncio.to_thread(migrate, parameters)


async def read_only(connection: "psycopg.AsyncConnection[Any]") -> str:
    """Why nothing can be written, in words; empty when it can."""
    asked = await connection.execute(
        "select pg_is_in_recovery(), current_setting('default_transaction_read_only')::bool, current_user, "
        "to_regclass('events') is null or has_table_privilege(to_regclass('events'), 'insert')"
    )
    row = await asked.fetchone()
    assert row is not None, "a query without a table has one row"
    standby, switched, role, writes = row
    if standby:
        return "The server is a standby"
    if switched:
        return "default_transaction_read_only is on"
    return "" if writes else f"The role {role} may not write"


async def _check_vector(connection: "psycopg.AsyncConnection[Any]") -> None:
    found = await connection.execute(
        "select installed_version, default_version from pg_available_extensions where name = 'vector'"
    )
    row = await found.fetchone()
    if row is None:
        raise DatabaseUnsuitable(
            "This PostgreSQL server lacks the extension pgvector",
            "Install pgvector on the server (Debian: apt install postgresql-<version>-pgvector; the image "
            "pgvector/pgvector has it), or unset DATABASE_URL to use the embedded server.",
        )
    installed, offered = row
    if _numbers(installed or offered) < OLDEST_VECTOR:
        steps = [] if _numbers(offered) >= OLDEST_VECTOR else ["install pgvector 0.7 or newer on the server"]
        steps += ["as a superuser in this database: ALTER EXTENSION vector UPDATE;"] if installed else []
        hint = ", then ".join(steps)
        raise DatabaseUnsuitable(f"pgvector {installed or offered} is too old", hint[:1].upper() + hint[1:])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


async def _stored_revision(connection: "psycopg.AsyncConnection[Any]") -> str | None:
    known = await (await connection.execute("select to_regclass('alembic_version')::text")).fetchone()
    if known is None or known[0] is None:
        return None
    row = await (await connection.execute("select version_num from alembic_version")).fetchone()
    return None if row is None else str(row[0])


def migrate(parameters: dict[str, Any], revision: str = "head") -> None:
    """Run the migrations that are missing, in one transaction; a second process waits and then finds nothing to do."""
    import psycopg
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import NullPool, create_engine

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(**parameters), poolclass=NullPool, hide_parameters=True
    )
    with engine.begin() as connection:
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({MIGRATION_LOCK})")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
