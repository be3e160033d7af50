"""The memory of failures: stored with two views, recalled by fingerprint, then by context, then by signature."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from config.database import PgVector
from memory.database import Database
from memory.embedders import Embedder, Vector
from memory.errors import EmbeddingFailed
from memory.patterns import best_patterns, pattern_text, read_patterns
from memory.recalling import ALL, CANDIDATES, Asked, Places, RecallFilters, chosen, found_in, recall_statement
from memory.records import Recollection
from memory.spaces import Former, Spaces
from memory.tables import failures, patterns
from memory.vectors import Near, Stored, Vectors, View
from memory.views import FailureQuery, views_of


@dataclass(frozen=True)
class _Views:
    """Some texts in one embedder's space."""

    vectors: Vectors
    threshold: float
    foreign_threshold: float
    of: dict[View, Vector]


class FailureMemory:
    """Every failure that ever happened, and what helped.

    Args:
        database: holds them.
        embedder: the preferred source of vectors.
        index: how vectors are indexed.
        former: makes the embedder of the endpoint's model that was in use before.

    The offline embedder's vectors are always stored as well, so that memory works while the endpoint does not.
    """

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        index: PgVector | None = None,
        former: Former | None = None,
    ) -> None:
        self._database = database
        self.spaces = Spaces(database, embedder, index, former)

    async def embed(self, memory_id: str) -> bool:
        """Give a failure or a pattern that has a row its vectors; without those of an endpoint that fails now.

        Returns:
            False when there is no such row.
        """
        row = await self._database.run(lambda connection: _texts(connection, memory_id))
        if row is None:
            return False
        project, language, texts = row
        views = await self._embed(texts)
        await self._database.run(lambda connection: _store(connection, views, memory_id, project, language))
        return True

    async def recall(
        self, query: FailureQuery, limit: int = 5, threshold: float | None = None, filters: RecallFilters = ALL
    ) -> list[Recollection]:
        """What memory knows of failures like this one, in one trip to the database.

        What a person pinned in this project comes first, then the same fingerprint, then the nearest contexts; the
        nearest signatures of other projects keep up to half of the places, as a list of their own. Within each list a
        memory counts more the more often it helped, and less when its advice failed. Forgotten ones are left out.

        Args:
            query: the failure.
            limit: most recollections.
            threshold: least cosine similarity; the embedding model's own by default.
            filters: which failures may be recalled.
        """
        if limit <= 0:
            return []
        seen = await asyncio.to_thread(views_of, query)
        embedded = await self._embed({"ctx": seen.context, "sig": seen.signature}, first_only=True)
        views = next(iter(embedded), None)
        space = await self._space(views) if views is not None else None
        asked = Asked(query.project, seen.fingerprint, query.exclude, filters)
        statement = recall_statement(asked, space)
        rows = await self._database.persist(lambda: self._database.attempt(*statement))
        own = views.threshold if views else 0.0
        sign = views.foreign_threshold if views else 0.0
        found = found_in(rows, query.project)
        return chosen(found, limit, own if threshold is None else threshold, sign if threshold is None else threshold)

    async def exists(self, memory_id: str) -> bool:
        """Whether memory has a failure or a pattern of this name."""
        known = select(failures.c.failure_id).where(failures.c.failure_id == memory_id)
        also = select(patterns.c.pattern_id).where(patterns.c.pattern_id == memory_id)

        async def work(connection: AsyncConnection) -> bool:
            return (await connection.execute(known.union_all(also))).first() is not None

        return await self._database.run(work)

    async def recall_patterns(
        self, text: str, limit: int = 3, threshold: float | None = None, *, project: str = ""
    ) -> list[Recollection]:
        """Solutions that worked for a problem like this one: what a person pinned in the project, then the nearest.

        The nearness counts more the more often a solution helped, and less when it failed. Forgotten ones are left out.

        Args:
            text: the problem in words.
            limit: most recollections.
            threshold: least cosine similarity; by default half of the embedding model's own, for a goal says less than
                a report.
            project: whose patterns count as own.
        """
        if limit <= 0:
            return []
        views = await self._embed({"pat": text}, first_only=True)

        async def work(connection: AsyncConnection) -> list[Recollection]:
            near: list[Near] = []
            for view in views:
                space = await view.vectors.space("pat")
                least = view.threshold / 2 if threshold is None else threshold
                likely = await view.vectors.nearest(connection, space, view.of["pat"], CANDIDATES)
                near += [one for one in likely if one.similarity >= least]
            best = await best_patterns(connection, {one.memory_id: one.similarity for one in near}, project, limit)
            return await read_patterns(connection, best, project)

        return await self._database.run(work)

    async def _space(self, views: _Views) -> Places | None:
        """Where the views are looked for; None where a text has no direction, as one of no words."""
        if not (any(views.of["ctx"]) and any(views.of["sig"])):
            return None
        context, sign = await views.vectors.space("ctx"), await views.vectors.space("sig")
        return Places(context.table, sign.table, views.of["ctx"], views.of["sig"], views.vectors.search_settings())

    async def _embed(self, texts: dict[View, str], *, first_only: bool = False) -> list[_Views]:
        embedded: list[_Views] = []
        for embedder, vectors in await self.spaces.searched() if first_only else self.spaces.stored():
            try:
                answer = await embedder.embed(list(texts.values()))
            except EmbeddingFailed:
                continue
            for view in texts:
                await vectors.space(view)
            least = (embedder.threshold, embedder.foreign_threshold)
            embedded.append(_Views(vectors, *least, dict(zip(texts, answer, strict=True))))
            if first_only:
                break
        return embedded


async def _store(
    connection: AsyncConnection, views: Sequence[_Views], memory_id: str, project: str, language: str
) -> None:
    for one in views:
        for view, vector in one.of.items():
            space = await one.vectors.space(view)
            await one.vectors.store(connection, space, [Stored(memory_id, project, language, vector)])


async def _texts(connection: AsyncConnection, memory_id: str) -> tuple[str, str, dict[View, str]] | None:
    """(project, language, what is embedded) of a failure or a pattern; None where there is none."""
    failure = select(failures.c.project, failures.c.language, failures.c.ctx_text, failures.c.sig_text)
    row = (await connection.execute(failure.where(failures.c.failure_id == memory_id))).one_or_none()
    if row is not None:
        return row.project, row.language, {"ctx": row.ctx_text, "sig": row.sig_text}
    pattern = select(patterns.c.project, patterns.c.language, patterns.c.problem_type, patterns.c.description)
    row = (await connection.execute(pattern.where(patterns.c.pattern_id == memory_id))).one_or_none()
    if row is None:
        return None
    return row.project, row.language, {"pat": pattern_text(row.problem_type, row.description)}
