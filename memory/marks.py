"""What a person thinks of a memory: pinned ones are recalled first, forgotten ones never.

Marks are a person's wish and no projection: a rebuild of the tables leaves them alone.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.codec import clean_text
from memory.database import Database
from memory.tables import memory_marks


@dataclass(frozen=True)
class Mark:
    """A person's wish about one memory."""

    memory_id: str
    pinned: bool = False
    """Recalled before all others of its project, whenever it is over the threshold."""
    forgotten: bool = False
    """Never recalled, and hidden in the history unless asked for."""
    by: str = ""
    at: datetime | None = None


class MarkStore:
    """The marks of all memories."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(
        self, memory_id: str, *, pinned: bool | None = None, forgotten: bool | None = None, by: str = ""
    ) -> Mark:
        """Change a memory's marks; what is None stays as it is. What is forgotten is not pinned any more.

        Args:
            memory_id: of a failure or a pattern; one that is not there may be marked too.
            pinned: whether it is recalled first.
            forgotten: whether it is never recalled.
            by: who wishes it.

        Returns:
            The marks as they are now.
        """
        if forgotten:
            pinned = False
        elif pinned:
            forgotten = False
        wished = {name: value for name, value in (("pinned", pinned), ("forgotten", forgotten)) if value is not None}
        change = {**wished, "by": clean_text(by), "at": func.now()}

        async def work(connection: AsyncConnection) -> Mark:
            made = insert(memory_marks).values(memory_id=clean_text(memory_id), **change)
            kept = made.on_conflict_do_update(index_elements=["memory_id"], set_=change)
            row = (await connection.execute(kept.returning(memory_marks))).one()
            return Mark(**row._mapping)

        return await self._database.run(work)

    async def of(self, memory_ids: "list[str] | tuple[str, ...]") -> dict[str, Mark]:
        """The marks of these memories; unmarked ones are left out."""
        if not memory_ids:
            return {}

        async def work(connection: AsyncConnection) -> dict[str, Mark]:
            rows = await connection.execute(select(memory_marks).where(memory_marks.c.memory_id.in_(memory_ids)))
            return {row.memory_id: Mark(**row._mapping) for row in rows}

        return await self._database.run(work)

    async def all(self) -> list[Mark]:
        """Every mark that says something, the newest first."""

        async def work(connection: AsyncConnection) -> list[Mark]:
            said = memory_marks.c.pinned | memory_marks.c.forgotten
            rows = await connection.execute(
                select(memory_marks).where(said).order_by(memory_marks.c.at.desc(), memory_marks.c.memory_id)
            )
            return [Mark(**row._mapping) for row in rows]

        return await self._database.run(work)
