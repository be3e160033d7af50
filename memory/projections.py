"""Reading the projections: what the history, the runs list and the command line show."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.tables import approvals, iterations, metadata, metrics, recalls, runs, tasks

Record = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How much the database holds."""

    bytes: int
    rows: dict[str, int]
    """Table to number of rows."""
    oldest: datetime | None
    """When the first event was stored."""


class Projections:
    """Reads of the projections; rows come as plain dictionaries, keyed by column.

    Args:
        database: holds them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def runs(self, limit: int = 100, status: str | None = None) -> list[Record]:
        """The latest runs first."""
        query = select(runs).order_by(runs.c.updated_at.desc(), runs.c.run_id).limit(limit)
        return await self._all(query if status is None else query.where(runs.c.status == status))

    async def run(self, run_id: str) -> Record | None:
        """One run, or None."""
        return next(iter(await self._all(select(runs).where(runs.c.run_id == run_id))), None)

    async def find_runs(self, prefix: str) -> list[str]:
        """Ids of runs that begin with this, as a person types them."""
        found = await self._all(
            select(runs.c.run_id).where(runs.c.run_id.startswith(prefix, autoescape=True)).limit(20)
        )
        return [str(row["run_id"]) for row in found]

    async def task(self, task_id: str) -> Record | None:
        """One task, or None."""
        return next(iter(await self._all(select(tasks).where(tasks.c.task_id == task_id))), None)

    async def iterations(self, run_id: str) -> list[Record]:
        """A run's iterations in order."""
        return await self._all(select(iterations).where(iterations.c.run_id == run_id).order_by(iterations.c.number))

    async def approvals(self, pending_only: bool = False, run_id: str | None = None) -> list[Record]:
        """Questions to a person, the oldest first."""
        query = select(approvals).order_by(approvals.c.asked_at, approvals.c.approval_id)
        if pending_only:
            query = query.where(approvals.c.answered_at.is_(None), approvals.c.decision == "")
        return await self._all(query if run_id is None else query.where(approvals.c.run_id == run_id))

    async def metrics(self, run_id: str) -> list[Record]:
        """A run's metrics in order of time."""
        return await self._all(select(metrics).where(metrics.c.run_id == run_id).order_by(metrics.c.at))

    async def recalls(self, run_id: str) -> list[Record]:
        """What memory offered to a run."""
        query = select(recalls).where(recalls.c.run_id == run_id)
        return await self._all(query.order_by(recalls.c.iteration, recalls.c.similarity.desc()))

    async def size(self) -> Size:
        """The database's size on disk and the number of rows of each table."""

        async def work(connection: AsyncConnection) -> Size:
            size = (await connection.execute(text("select pg_database_size(current_database())"))).scalar_one()
            rows = {}
            for name, table in metadata.tables.items():
                rows[name] = (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            oldest = (await connection.execute(text("select min(at) from events"))).scalar()
            return Size(int(size), rows, oldest)

        return await self._database.run(work)

    async def _all(self, query: Select[Any]) -> list[Record]:
        async def work(connection: AsyncConnection) -> list[Record]:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

        return await self._database.run(work)
