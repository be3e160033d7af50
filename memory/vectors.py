"""Where vectors lie: for each embedding model a table a view, made when the model is first used.

One table a model, because a filter on the model would turn the planner away from the index.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pgvector import HalfVector
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from config.database import PgVector
from memory.database import Database
from memory.embedders import Embedder, Vector
from memory.tables import embed_model

View = Literal["ctx", "sig", "pat"]
VIEWS: tuple[View, ...] = ("ctx", "sig", "pat")
"""A failure's whole context, its signature, and a pattern."""
MODEL_LOCK = 7_240_003
PLAIN_DIMENSIONS = 3500
"""Longer vectors do not fit into a page and must be stored out of line."""


@dataclass(frozen=True)
class Space:
    """One view of one model."""

    table: str
    dimensions: int


@dataclass(frozen=True)
class Near:
    """A stored vector near the asked one."""

    memory_id: str
    project: str
    similarity: float


@dataclass(frozen=True)
class Stored:
    """A vector to store."""

    memory_id: str
    project: str
    language: str
    vector: Vector


class Vectors:
    """The vectors of one embedder in a database."""

    def __init__(self, database: Database, embedder: Embedder, index: PgVector | None = None) -> None:
        self._database = database
        self._embedder = embedder
        self._index = index or PgVector()
        self._model_id: int | None = None
        self._opening = asyncio.Lock()

    async def space(self, view: View) -> Space:
        """The view's table, made if the model is new here."""
        async with self._opening:
            if self._model_id is None:
                self._model_id = await self._database.run(self._register)
        return Space(f"emb_{self._model_id}_{view}", self._embedder.dimensions)

    async def store(self, connection: AsyncConnection, space: Space, vectors: Sequence[Stored]) -> None:
        """Insert or replace vectors; all-zero ones are left out, for they have no direction."""
        rows = [
            {
                "memory_id": one.memory_id,
                "project": one.project,
                "language": one.language,
                "v": HalfVector(list(one.vector)),
            }
            for one in vectors
            if any(one.vector)
        ]
        if rows:
            await connection.execute(
                text(
                    f"INSERT INTO {space.table} (memory_id, project, language, v) "
                    "VALUES (:memory_id, :project, :language, :v) ON CONFLICT (memory_id) DO UPDATE "
                    "SET project = excluded.project, language = excluded.language, v = excluded.v"
                ),
                rows,
            )

    async def inside(
        self, connection: AsyncConnection, space: Space, vector: Vector, project: str, limit: int
    ) -> list[Near]:
        """The nearest of one project, compared exactly; adding 0 keeps the planner from the approximate index."""
        return await self._near(
            connection,
            f"SELECT memory_id, project, v <=> :q AS d FROM {space.table} WHERE project = :project "
            "ORDER BY (v <=> :q) + 0 LIMIT :limit",
            {"q": HalfVector(list(vector)), "project": project, "limit": limit},
        )

    async def beyond(
        self, connection: AsyncConnection, space: Space, vector: Vector, project: str | None, limit: int
    ) -> list[Near]:
        """The nearest of all other projects by the approximate index; with None of all projects."""
        await self._tune(connection)
        others = "" if project is None else "WHERE project <> :project "
        return await self._near(
            connection,
            f"SELECT memory_id, project, v <=> :q AS d FROM {space.table} {others}ORDER BY v <=> :q LIMIT :limit",
            {"q": HalfVector(list(vector)), "limit": limit} | ({} if project is None else {"project": project}),
        )

    async def _near(self, connection: AsyncConnection, query: str, values: dict[str, object]) -> list[Near]:
        found = await connection.execute(text(query), values)
        near = [Near(row.memory_id, row.project, 1.0 - float(row.d)) for row in found]
        # An iterative scan in relaxed order gives its rows almost in order.
        return sorted(near, key=lambda one: -one.similarity)

    def search_settings(self) -> dict[str, str]:
        """What a transaction that searches by the index is to set."""
        if self._index.index_type != "hnsw":
            return {"ivfflat.probes": str(self._index.probes)}
        settings = {"hnsw.ef_search": "400" if self._embedder.sparse else "200"}
        if self._database.iterative_scan:
            settings["hnsw.iterative_scan"] = "relaxed_order"
        return settings

    async def _tune(self, connection: AsyncConnection) -> None:
        calls = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in self.search_settings().items())
        await connection.execute(text(f"SELECT {calls}"))

    async def _register(self, connection: AsyncConnection) -> int:
        name, dimensions = self._embedder.name, self._embedder.dimensions
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({MODEL_LOCK})"))
        found = await connection.execute(
            text("SELECT model_id FROM embed_model WHERE name = :name AND dimensions = :dimensions"),
            {"name": name, "dimensions": dimensions},
        )
        model_id = found.scalar()
        if model_id is None:
            made = insert(embed_model).values(name=name, dimensions=dimensions, threshold=self._embedder.threshold)
            model_id = (await connection.execute(made.returning(embed_model.c.model_id))).scalar_one()
            for view in VIEWS:
                await self._make_table(connection, f"emb_{model_id}_{view}")
        return int(model_id)

    async def _make_table(self, connection: AsyncConnection, table: str) -> None:
        dimensions = self._embedder.dimensions
        storage = "STORAGE PLAIN" if dimensions <= PLAIN_DIMENSIONS else ""
        if self._index.index_type == "ivfflat":
            index = f"ivfflat (v halfvec_cosine_ops) WITH (lists = {self._index.lists})"
        else:
            links = "m = 24, ef_construction = 200" if self._embedder.sparse else "m = 16, ef_construction = 64"
            index = f"hnsw (v halfvec_cosine_ops) WITH ({links})"
        for statement in (
            f"CREATE TABLE {table} (memory_id text PRIMARY KEY, project text NOT NULL, language text NOT NULL, "
            f"v halfvec({dimensions}) {storage} NOT NULL)",
            f"CREATE INDEX ix_{table}_project ON {table} (project)",
            f"CREATE INDEX ix_{table}_v ON {table} USING {index}",
        ):
            await connection.execute(text(statement))
