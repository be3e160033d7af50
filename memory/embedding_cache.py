"""Keeping paid vectors for a while, so that the same text is not paid for twice."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.embedders import Around, Embedder, Vector
from memory.tables import embedding_cache

MOST_VECTORS = 5_000
"""Thirty megabytes, at 1536 dimensions."""


class CachedEmbedder(Around):
    """An embedder that looks into the table embedding_cache first.

    Args:
        inner: where missing vectors come from.
        database: holds the cache.
        ttl_s: seconds for which a vector is kept; 0 keeps none.
        most: vectors that are kept, of all models together; the oldest go first.
    """

    def __init__(self, inner: Embedder, database: Database, ttl_s: int, most: int = MOST_VECTORS) -> None:
        super().__init__(inner)
        self._database = database
        self._ttl = timedelta(seconds=ttl_s)
        self._most = most
        self._model = _space(inner)

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text; only those that are not in the cache are asked for."""
        if not self._ttl:
            return await self._inner.embed(texts)
        digests = [_digest(text) for text in texts]
        known = await self._database.run(lambda connection: self._known(connection, digests))
        missing = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}
        if missing:
            fresh = dict(zip(missing, await self._inner.embed(list(missing.values())), strict=True))
            known |= fresh
            await self._database.run(lambda connection: self._keep(connection, fresh))
        return [known[digest] for digest in digests]

    async def _known(self, connection: AsyncConnection, digests: Sequence[bytes]) -> dict[bytes, Vector]:
        fresh = embedding_cache.c.created_at > func.now() - self._ttl
        return await _read(connection, _of(self._model, digests).where(fresh))

    async def _keep(self, connection: AsyncConnection, fresh: dict[bytes, Vector]) -> None:
        await connection.execute(delete(embedding_cache).where(embedding_cache.c.created_at <= func.now() - self._ttl))
        rows = [
            {"model": self._model, "digest": digest, "vector": np.asarray(vector, dtype="<f4").tobytes()}
            for digest, vector in fresh.items()
        ]
        await connection.execute(insert(embedding_cache).values(rows).on_conflict_do_nothing())
        newest = embedding_cache.c.created_at.desc()
        limit = select(embedding_cache.c.created_at).order_by(newest).offset(self._most).limit(1).scalar_subquery()
        await connection.execute(delete(embedding_cache).where(embedding_cache.c.created_at <= limit))


async def paid_already(database: Database, embedder: Embedder, texts: Sequence[str]) -> dict[str, Vector]:
    """The vectors of those texts that were paid for and are still kept, by text."""
    digests = {_digest(text): text for text in texts}
    known = _of(_space(embedder), list(digests))
    found = await database.run(lambda connection: _read(connection, known))
    return {digests[digest]: vector for digest, vector in found.items()}


def _space(embedder: Embedder) -> str:
    return f"{embedder.name}/{embedder.dimensions}"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _of(space: str, digests: Sequence[bytes]) -> Select[tuple[bytes, bytes]]:
    known = select(embedding_cache.c.digest, embedding_cache.c.vector)
    whole = func.octet_length(embedding_cache.c.vector) == 4 * int(space.rpartition("/")[2])
    return known.where(embedding_cache.c.model == space, embedding_cache.c.digest.in_(digests), whole)


async def _read(connection: AsyncConnection, known: Select[tuple[bytes, bytes]]) -> dict[bytes, Vector]:
    found = await connection.execute(known)
    # They may come out of a backup of anybody's: what is no vector is asked for again.
    vectors = {bytes(row.digest): np.frombuffer(row.vector, dtype="<f4") for row in found}
    return {digest: vector.tolist() for digest, vector in vectors.items() if np.isfinite(vector).all() and vector.any()}
