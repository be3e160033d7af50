"""The memory of failures: stored with two views, recalled by fingerprint, then by context, then by signature."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from config.database import PgVector
from memory.database import Database
from memory.embedders import Embedder, Vector, shorten
from memory.errors import EmbeddingFailed
from memory.normalise import error_of, fingerprint, frames_of, mask, signature
from memory.offline import OfflineEmbedder
from memory.patterns import PatternRecord, pattern_text, read_patterns, write_pattern
from memory.records import Recollection, Row
from memory.tables import failures, patterns
from memory.upsert import fit, upsert
from memory.vectors import Near, Stored, Vectors, View

Via = Literal["fingerprint", "context", "signature"]
REPORT_CHARACTERS = 50_000
"""Characters of a report that are read and kept; a longer one loses its middle."""
CANDIDATES = 40
"""Neighbours looked at for each view before they are cut to the limit."""


@dataclass(frozen=True)
class FailureQuery:
    """A failure to compare with what is stored; type, message and frames are read from the report where empty."""

    project: str
    language: str = ""
    error_type: str = ""
    message: str = ""
    report: str = ""
    frames: tuple[str, ...] = ()
    """The project's own frames as `file:function`."""
    exclude: tuple[str, ...] = ()
    """Ids that must not be recalled: the failure itself."""


@dataclass(frozen=True)
class FailureRecord:
    """A failure to remember."""

    failure_id: str
    query: FailureQuery
    run_id: str = ""
    iteration: int = 0
    cause: str = ""
    hypothesis: str = ""
    code_context: str = ""


@dataclass(frozen=True)
class _Seen:
    """The views of a failure."""

    error_type: str
    message: str
    signature: str
    fingerprint: bytes
    context: str


@dataclass(frozen=True)
class _Views:
    """Some texts in one embedder's space."""

    vectors: Vectors
    threshold: float
    of: dict[View, Vector]


@dataclass
class _Found:
    """What recall has gathered so far, best first, each failure once."""

    via: dict[str, tuple[Via, float]] = field(default_factory=dict)

    def add(self, near: Sequence[Near], via: Via, threshold: float, room: int) -> None:
        for one in near:
            if room > 0 and one.similarity >= threshold and one.memory_id not in self.via:
                self.via[one.memory_id] = (via, one.similarity)
                room -= 1


class FailureMemory:
    """Every failure that ever happened, and what helped.

    Args:
        database: holds them.
        embedder: the preferred source of vectors.
        index: how vectors are indexed.

    The offline embedder's vectors are always stored as well, so that memory works while the endpoint does not.
    """

    def __init__(self, database: Database, embedder: Embedder, index: PgVector | None = None) -> None:
        self._database = database
        offline = OfflineEmbedder()
        embedders = [embedder] if embedder.name == offline.name else [embedder, offline]
        self._spaces = [(one, Vectors(database, one, index)) for one in embedders]

    async def remember(self, failure: FailureRecord) -> None:
        """Store a failure, or replace the one with its id; without vectors of an endpoint that fails now."""
        query = failure.query
        seen = _look(query)
        views = await self._embed({"ctx": seen.context, "sig": seen.signature})
        row = Row(
            "failures",
            {"failure_id": failure.failure_id},
            {
                "run_id": failure.run_id,
                "iteration": failure.iteration,
                "project": query.project,
                "language": query.language,
                "error_type": seen.error_type,
                "error_signature": seen.signature,
                "fingerprint": seen.fingerprint,
                "message": seen.message,
                "ctx_text": seen.context,
                "sig_text": seen.signature,
                "cause": failure.cause,
                "hypothesis": failure.hypothesis,
                "code_context": failure.code_context,
            },
        )

        async def work(connection: AsyncConnection) -> None:
            await upsert(connection, [row])
            await _store(connection, views, failure.failure_id, query.project, query.language)

        await self._database.run(work)

    async def resolve(
        self, failure_id: str, solution: str, helped: bool | None, *, cause: str = "", hypothesis: str = ""
    ) -> bool:
        """Note what was done about a failure and whether it helped; None while that is not known.

        Returns:
            False when memory has no such failure.
        """
        values: dict[str, object] = {"solution": solution, "helped": helped}
        values |= {name: given for name, given in (("cause", cause), ("hypothesis", hypothesis)) if given}

        async def work(connection: AsyncConnection) -> int:
            row = update(failures).where(failures.c.failure_id == failure_id).values(fit(failures, values))
            return int((await connection.execute(row)).rowcount)

        return bool(await self._database.run(work))

    async def recall(self, query: FailureQuery, limit: int = 5, threshold: float | None = None) -> list[Recollection]:
        """What memory knows of failures like this one.

        The same fingerprint comes first, then the nearest contexts; the nearest signatures of other projects keep up to
        half of the places, as a list of their own: fused into one, each would spoil the other.

        Args:
            query: the failure.
            limit: most recollections.
            threshold: least cosine similarity; the embedding model's own by default.
        """
        if limit <= 0:
            return []
        seen = _look(query)
        views = await self._embed({"ctx": seen.context, "sig": seen.signature}, first_only=True)

        async def work(connection: AsyncConnection) -> list[Recollection]:
            found = _Found()
            found.add(await _same_place(connection, query, seen.fingerprint), "fingerprint", 0, limit)
            for view in views:
                least = view.threshold if threshold is None else threshold
                await _add_near(connection, found, query, view, least, limit)
            return await _recollections(connection, found, query.project)

        return await self._database.run(work)

    async def exists(self, memory_id: str) -> bool:
        """Whether memory has a failure or a pattern of this name."""
        known = select(failures.c.failure_id).where(failures.c.failure_id == memory_id)
        also = select(patterns.c.pattern_id).where(patterns.c.pattern_id == memory_id)

        async def work(connection: AsyncConnection) -> bool:
            return (await connection.execute(known.union_all(also))).first() is not None

        return await self._database.run(work)

    async def similar(self, text: str, limit: int) -> list[str]:
        """Ids of failures that read like this text, by the offline embedder only: it may follow every keystroke."""
        embedder, vectors = self._spaces[-1]
        (vector,) = await embedder.embed([mask(text)])
        if limit <= 0 or not any(vector):
            return []
        space = await vectors.space("ctx")
        near = await self._database.run(lambda connection: vectors.beyond(connection, space, vector, None, CANDIDATES))
        return [one.memory_id for one in near if one.similarity >= embedder.threshold][:limit]

    async def remember_pattern(self, pattern: PatternRecord) -> None:
        """Store a solution that worked, or count one more use of the one with its id."""
        views = await self._embed({"pat": pattern_text(pattern)})

        async def work(connection: AsyncConnection) -> None:
            await write_pattern(connection, pattern)
            await _store(connection, views, pattern.pattern_id, pattern.project, pattern.language)

        await self._database.run(work)

    async def recall_patterns(
        self, text: str, limit: int = 3, threshold: float | None = None, *, project: str = ""
    ) -> list[Recollection]:
        """Solutions that worked for a problem like this one, the nearest first.

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
                likely = await view.vectors.beyond(connection, space, view.of["pat"], None, CANDIDATES)
                near += [one for one in likely if one.similarity >= least][:limit]
            return await read_patterns(connection, {one.memory_id: one.similarity for one in near}, project)

        return await self._database.run(work)

    async def _embed(self, texts: dict[View, str], *, first_only: bool = False) -> list[_Views]:
        embedded: list[_Views] = []
        for embedder, vectors in self._spaces:
            try:
                answer = await embedder.embed(list(texts.values()))
            except EmbeddingFailed:
                continue
            for view in texts:
                await vectors.space(view)
            embedded.append(_Views(vectors, embedder.threshold, dict(zip(texts, answer, strict=True))))
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


async def _add_near(
    connection: AsyncConnection, found: _Found, query: FailureQuery, view: _Views, least: float, limit: int
) -> None:
    vectors, project = view.vectors, query.project
    sign, context = await vectors.space("sig"), await vectors.space("ctx")
    likely = await vectors.beyond(connection, sign, view.of["sig"], project, CANDIDATES)
    strangers = [one for one in _without(likely, query.exclude) if one.similarity >= least]
    near = await vectors.inside(connection, context, view.of["ctx"], project, CANDIDATES)
    near += await vectors.beyond(connection, context, view.of["ctx"], project, CANDIDATES)
    near = sorted(_without(near, query.exclude), key=lambda one: -one.similarity)
    kept = min(len(strangers), limit // 2)
    found.add(near, "context", least, limit - len(found.via) - kept)
    found.add(strangers, "signature", least, limit - len(found.via))
    found.add(near, "context", least, limit - len(found.via))


def _look(failure: FailureQuery) -> _Seen:
    report = shorten(failure.report, REPORT_CHARACTERS)
    read_type, read_message = error_of(report)
    error_type, message = failure.error_type or read_type, failure.message or read_message
    frames = frames_of(report) or failure.frames
    masked = mask(report)
    if not (error_type or message):
        # No error that is known: the text is all there is, and two texts are not the same failure.
        message = next((line.strip() for line in masked.split("\n") if line.strip()), "")
        frames = frames or (masked,)
    line = signature(error_type, message)
    return _Seen(error_type, message, line, fingerprint(error_type, message, frames), masked or line)


async def _same_place(connection: AsyncConnection, query: FailureQuery, key: bytes) -> list[Near]:
    """Failures with the fingerprint in the same project: what helped first, then the newest, each solution once."""
    helped = failures.c.helped
    found = await connection.execute(
        select(failures.c.failure_id, failures.c.project, failures.c.solution)
        .where(failures.c.fingerprint == key, failures.c.project == query.project)
        .where(failures.c.failure_id.not_in(query.exclude))
        .order_by(helped.is_(True).desc(), helped.is_(False), failures.c.at.desc())
        .limit(CANDIDATES)
    )
    cures: dict[str, Near] = {}
    for row in found:
        cures.setdefault(row.solution, Near(row.failure_id, row.project, 1.0))
    return list(cures.values())


def _without(near: Sequence[Near], exclude: tuple[str, ...]) -> list[Near]:
    return [one for one in near if one.memory_id not in exclude]


async def _recollections(connection: AsyncConnection, found: _Found, project: str) -> list[Recollection]:
    rows = await connection.execute(
        select(
            failures.c.failure_id,
            failures.c.error_signature,
            failures.c.cause,
            failures.c.solution,
            failures.c.project,
        ).where(failures.c.failure_id.in_(found.via))
    )
    known = {row.failure_id: row for row in rows}
    return [
        Recollection.model_validate(
            {
                "memory_id": memory_id,
                "similarity": similarity,
                "via": via,
                "title": row.error_signature,
                "cause": row.cause,
                "solution": row.solution,
                "project": row.project,
                "own_project": row.project == project,
            }
        )
        for memory_id, (via, similarity) in found.via.items()
        if (row := known.get(memory_id)) is not None
    ]
