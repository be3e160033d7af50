"""Where vectors lie: for each embedding model a table a view, made when the model is first used.

One table a model, because a filter on the model would turn the planner away from the index.
"""

import asyncio
import time
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
BELIEVED_S = 60.0
"""Seconds after which it is read anew what the database knows of a model: another process may fill or remove it."""
PLAIN_DIMENSIONS = 3500
"""Longer vectors do not fit into a page and must be stored out of line."""


@dataclass(frozen=True)
class Space:
    """One view of one model."""

    table: str
    dimensions: int


@dataclass(frozen=True)
class Model:
    """What the database knows of an embedding model."""

    model_id: int
    active: bool
    """Whether everything that memory holds has its vectors, so that it can be searched."""


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
        self._model: Model | None = None
        self._read_at = 0.0
        self._opening = asyncio.Lock()

    async def space(self, view: View) -> Space:
        """The view's table, made if the model is new here."""
        return Space(f"emb_{(await self.model()).model_id}_{view}", self._embedder.dimensions)

    async def readable(self) -> bool:
        """Whether there is anything to search, or may be made: in a database to look at only, nothing can be."""
        return not self._database.read_only or await self._database.run(self._find) is not None

    async def model(self, *, afresh: bool = False) -> Model:
        """The model as the database knows it, made if it is new here; what was read is believed for a while."""
        async with self._opening:
            if not afresh and self._model is not None and time.monotonic() - self._read_at <= BELIEVED_S:
                return self._model
            known = await self._database.run(self._find)
            if known is None:
                known = await self._database.run(self._register)
            self._model, self._read_at = known, time.monotonic()
            return known

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

    async def nearest(self, connection: AsyncConnection, space: Space, vector: Vector, limit: int) -> list[Near]:
        """The nearest of all projects, by the approximate index."""
        await self._tune(connection)
        found = await connection.execute(
            text(f"SELECT memory_id, project, v <=> :q AS d FROM {space.table} ORDER BY v <=> :q LIMIT :limit"),
            {"q": HalfVector(list(vector)), "limit": limit},
        )
        near = [Near(row.memory_id, row.project, 1.0 - float(row.d)) for row in found]
        # An iterative scan in relaxed order gives its rows almost in order.
        return sorted(near, key=lambda one: -one.similarity)

    def search_settings(self) -> dict[str, str]:
        """What a transaction that searches by the index is to set."""
        if self._index.index_type != "hnsw":
            return {"ivfflat.probes": str(self._index.probes)}
        if self._database.iterative_scan:
            # Where a filter leaves too few, the scan goes on by itself.
            width = "120" if self._embedder.sparse else "200"
            return {"hnsw.ef_search": width, "hnsw.iterative_scan": "relaxed_order"}
        return {"hnsw.ef_search": "400" if self._embedder.sparse else "200"}

    async def _tune(self, connection: AsyncConnection) -> None:
        calls = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in self.search_settings().items())
        await connection.execute(text(f"SELECT {calls}"))

    async def _find(self, connection: AsyncConnection) -> Model | None:
        found = await connection.execute(
            text("SELECT model_id, active FROM embed_model WHERE name = :name AND dimensions = :dimensions"),
            {"name": self._embedder.name, "dimensions": self._embedder.dimensions},
        )
        row = found.one_or_none()
        return None if row is None else Model(row.model_id, row.active)

    async def _register(self, connection: AsyncConnection) -> Model:
        name, dimensions = self._embedder.name, self._embedder.dimensions
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({MODEL_LOCK})"))
        known = await self._find(connection)
        if known is not None:
            return known
        # What the offline embedder makes is there at once; an endpoint's model is searched once it knows what was.
        empty = text("SELECT NOT EXISTS (SELECT FROM failures) AND NOT EXISTS (SELECT FROM patterns)")
        active = self._embedder.sparse or bool((await connection.execute(empty)).scalar_one())
        made = insert(embed_model).values(
            name=name, dimensions=dimensions, threshold=self._embedder.threshold, active=active
        )
        model_id = int((await connection.execute(made.returning(embed_model.c.model_id))).scalar_one())
        for view in VIEWS:
            table = f"emb_{model_id}_{view}"
            await self._make_table(connection, table)
            if active:
                # To index vectors as they come takes several times as long as to index them all at once.
                await connection.execute(text(self.index_statement(table)))
        return Model(model_id, active)

    def index_statement(self, table: str, *, concurrently: bool = False) -> str:
        """What makes the index of a table's vectors, which is called `ix_<table>_v`."""
        if self._index.index_type == "ivfflat":
            index = f"ivfflat (v halfvec_cosine_ops) WITH (lists = {self._index.lists})"
        else:
            links = "m = 24, ef_construction = 200" if self._embedder.sparse else "m = 16, ef_construction = 64"
            index = f"hnsw (v halfvec_cosine_ops) WITH ({links})"
        return f"CREATE INDEX {'CONCURRENTLY ' if concurrently else ''}ix_{table}_v ON {table} USING {index}"

    async def _make_table(self, connection: AsyncConnection, table: str) -> None:
        dimensions = self._embedder.dimensions
        # Not as a part of CREATE TABLE, which PostgreSQL 16 was the first to understand.
        storage = "PLAIN" if dimensions <= PLAIN_DIMENSIONS else "EXTERNAL"
        for statement in (
            f"CREATE TABLE {table} (memory_id text PRIMARY KEY, project text NOT NULL, language text NOT NULL, "
            f"v halfvec({dimensions}) NOT NULL)",
            f"ALTER TABLE {table} ALTER COLUMN v SET STORAGE {storage}",
            f"CREATE INDEX ix_{table}_project ON {table} (project)",
            f"CREATE INDEX ix_{table}_language ON {table} (language)",
        ):
            await connection.execute(text(statement))
