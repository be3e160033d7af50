"""How much room the database takes: by table, by index, by run."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database

_TABLES = """
    SELECT relname AS name, pg_table_size(oid) AS bytes, pg_indexes_size(oid) AS indexes,
           greatest(reltuples, 0)::bigint AS rows
    FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
    ORDER BY pg_total_relation_size(oid) DESC, relname"""
_INDEXES = """
    SELECT i.relname AS name, t.relname AS owner, pg_relation_size(i.oid) AS bytes
    FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS t ON t.oid = x.indrelid
    WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p')
    ORDER BY pg_relation_size(i.oid) DESC, i.relname"""
_RUNS = """
    SELECT e.run_id, coalesce(r.title, '') AS title, count(*) AS events, sum(pg_column_size(e.*)) AS bytes
    FROM events AS e LEFT JOIN runs AS r USING (run_id)
    GROUP BY e.run_id, r.title ORDER BY bytes DESC, e.run_id LIMIT :limit"""


@dataclass(frozen=True)
class TableSize:
    """A table: its rows with what is stored out of line, and its indexes beside it."""

    name: str
    bytes: int
    indexes: int
    rows: int
    """As PostgreSQL last counted them; 0 where it never did."""


@dataclass(frozen=True)
class IndexSize:
    """One index."""

    name: str
    table: str
    bytes: int


@dataclass(frozen=True)
class RunSize:
    """The log of one run, as compressed as it is stored."""

    run_id: str
    title: str
    events: int
    bytes: int


@dataclass(frozen=True)
class Room:
    """All of it."""

    bytes: int
    runs: int
    tables: tuple[TableSize, ...]
    indexes: tuple[IndexSize, ...]
    largest: tuple[RunSize, ...]


async def measure(database: Database, runs: int = 10) -> Room:
    """Measure the database; nothing is written.

    Args:
        database: what is measured.
        runs: how many of the largest runs are named.
    """

    async def work(connection: AsyncConnection) -> Room:
        whole = (
            await connection.execute(
                text("SELECT pg_database_size(current_database()) AS bytes, (SELECT count(*) FROM streams) AS runs")
            )
        ).one()
        tables = await connection.execute(text(_TABLES))
        indexes = await connection.execute(text(_INDEXES))
        largest = await connection.execute(text(_RUNS), {"limit": runs})
        return Room(
            bytes=int(whole.bytes),
            runs=int(whole.runs),
            tables=tuple(TableSize(row.name, row.bytes, row.indexes, row.rows) for row in tables),
            indexes=tuple(IndexSize(row.name, row.owner, row.bytes) for row in indexes),
            largest=tuple(RunSize(row.run_id, row.title, row.events, int(row.bytes)) for row in largest),
        )

    return await database.run(work)
