"""What runs of the past took: the numbers that a forecast is made from."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.tables import runs, tasks

NEWEST = 500
"""Runs that are looked at; older ones tell little about today's models."""


@dataclass(frozen=True)
class PastRun:
    """A run that came to its own end, green or not."""

    own_project: bool
    project_type: str
    phases: int
    iterations: int
    cost_usd: float
    """0 where the price of the model was not known."""


async def past_runs(database: Database, *, workspace: str, language: str, scripted: bool) -> list[PastRun]:
    """The newest runs in this language that ended by themselves, the newest first.

    Args:
        database: holds them.
        workspace: the folder whose runs count as the project's own.
        language: of the code.
        scripted: whether runs of a scripted model are meant; they never mix with those of real ones.
    """
    query = (
        select(runs.c.workspace, tasks.c.project_type, runs.c.phases_total, runs.c.iterations, runs.c.cost_usd)
        .join(tasks, tasks.c.task_id == runs.c.task_id)
        .where(
            runs.c.outcome.in_(("success", "failed")),
            runs.c.iterations > 0,
            runs.c.scripted == scripted,
            tasks.c.language == language,
        )
        .order_by(runs.c.updated_at.desc(), runs.c.run_id)
        .limit(NEWEST)
    )

    async def work(connection: AsyncConnection) -> list[PastRun]:
        return [
            PastRun(row.workspace == workspace, row.project_type, row.phases_total, row.iterations, row.cost_usd)
            for row in await connection.execute(query)
        ]

    return await database.run(work)
