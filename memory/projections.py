"""Reading the projections: what lists of runs and of questions show."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.tables import approvals, runs

Record = dict[str, Any]


class Projections:
    """Reads of the projections; rows come as plain dictionaries, keyed by column.

    Args:
        database: holds them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def runs(self, limit: int = 100) -> list[Record]:
        """The latest runs first."""
        return await self._all(select(runs).order_by(runs.c.updated_at.desc(), runs.c.run_id).limit(limit))

    async def run(self, run_id: str) -> Record | None:
        """One run, or None."""
        return next(iter(await self._all(select(runs).where(runs.c.run_id == run_id))), None)

    async def find_runs(self, prefix: str) -> list[str]:
        """Ids of runs that begin with this, as a person types them."""
        found = await self._all(
            select(runs.c.run_id).where(runs.c.run_id.startswith(prefix, autoescape=True)).limit(20)
        )
        return [str(row["run_id"]) for row in found]

    async def pending_approvals(self) -> list[Record]:
        """Questions that no person and no rule has answered yet, the oldest first."""
        pending = select(approvals).where(approvals.c.answered_at.is_(None), approvals.c.decision == "")
        return await self._all(pending.order_by(approvals.c.asked_at, approvals.c.approval_id))

    async def _all(self, query: Select[Any]) -> list[Record]:
        async def work(connection: AsyncConnection) -> list[Record]:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

        return await self._database.run(work)
