"""A database at a glance: which versions are at work, and how much there is."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.tables import events, metadata


@dataclass(frozen=True)
class Contents:
    """How much a database holds."""

    bytes: int
    rows: dict[str, int]
    """By table."""
    oldest: datetime | None
    """When the first event was stored."""


async def versions_of(database: Database) -> dict[str, str]:
    """Versions of `postgresql`, of `pgvector` and of the tables' `schema`."""

    async def ask(connection: AsyncConnection) -> dict[str, str]:
        execute = connection.execute
        server = (await execute(text("show server_version"))).scalar_one()
        vector = (await execute(text("select extversion from pg_extension where extname = 'vector'"))).scalar()
        schema = (await execute(text("select version_num from alembic_version"))).scalar()
        return {"postgresql": str(server).split()[0], "pgvector": str(vector or "-"), "schema": str(schema or "-")}

    return await database.run(ask)


async def contents_of(database: Database) -> Contents:
    """The database's size on disk, and the rows of each table, counted one by one."""

    async def ask(connection: AsyncConnection) -> Contents:
        size = (await connection.execute(text("select pg_database_size(current_database())"))).scalar_one()
        rows = {}
        for name, table in metadata.tables.items():
            rows[name] = (await connection.execute(select(func.count()).select_from(table))).scalar_one()
        oldest = (await connection.execute(select(func.min(events.c.at)))).scalar()
        return Contents(int(size), rows, oldest)

    return await database.run(ask)
