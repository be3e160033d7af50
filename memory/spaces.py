"""Which embedders are in use: where a memory's vectors are stored, and by which it is searched."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.embedders import Embedder
from memory.offline import OfflineEmbedder
from memory.vectors import Vectors

if TYPE_CHECKING:
    from config.database import PgVector

Placed = tuple[Embedder, Vectors]
Former = Callable[[str, int], Embedder]
"""former(name, dimensions): another model of the same endpoint."""
FORMER_MODELS = """
SELECT name, dimensions FROM embed_model
WHERE active AND NOT (name = :name AND dimensions = :dimensions) AND name NOT LIKE 'hashed-ngrams-%'
ORDER BY used_at DESC, model_id DESC LIMIT 1"""


class Spaces:
    """The preferred embedder, the offline one, and the former one until the preferred one knows all that was.

    Args:
        database: holds the vectors.
        embedder: the preferred source of vectors.
        index: how vectors are indexed.
        former: makes the embedder of a model that was preferred before; without it such vectors are not searched.
    """

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        index: "PgVector | None" = None,
        former: Former | None = None,
    ) -> None:
        self._database = database
        self._index = index
        self._former = former
        self._formers: dict[tuple[str, int], Placed] = {}
        offline = OfflineEmbedder()
        self.offline: Placed = (offline, Vectors(database, offline, index))
        preferred = (embedder, Vectors(database, embedder, index))
        self.preferred: Placed | None = None if embedder.name == offline.name else preferred

    def stored(self) -> Sequence[Placed]:
        """Where a new memory's vectors go."""
        return (self.preferred, self.offline) if self.preferred else (self.offline,)

    async def searched(self) -> Sequence[Placed]:
        """Where a memory is looked for: the first that can embed the query."""
        if self.preferred is None:
            return (self.offline,)
        if (await self.preferred[1].model()).active:
            return self.preferred, self.offline
        former = await self._find_former()
        return (former, self.offline) if former else (self.offline,)

    async def _find_former(self) -> Placed | None:
        if self.preferred is None or self._former is None:
            return None
        here = {"name": self.preferred[0].name, "dimensions": self.preferred[0].dimensions}

        async def work(connection: AsyncConnection) -> tuple[str, int] | None:
            row = (await connection.execute(text(FORMER_MODELS), here)).one_or_none()
            return None if row is None else (row.name, row.dimensions)

        known = await self._database.run(work)
        if known is None:
            return None
        if known not in self._formers:
            embedder = self._former(*known)
            self._formers[known] = (embedder, Vectors(self._database, embedder, self._index))
        return self._formers[known]
