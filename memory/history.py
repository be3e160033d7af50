"""The history: what was done and learnt, found by letters, by meaning, and by likeness to what was found."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.codec import clean_text
from memory.database import Database
from memory.hits import EVERYTHING, MEMORIES, Entry, Filters, Hit, Kind
from memory.normalise import mask
from memory.offline import OfflineEmbedder
from memory.patterns import read_patterns
from memory.ranking import COUNTED
from memory.records import Recollection
from memory.search import hits_of, search
from memory.vectors import Vectors

if TYPE_CHECKING:
    from config.database import PgVector

LIKE_THIS = 100
"""Neighbours looked at before filters apply."""
SENTENCE = 3
"""Words from which on a query is also compared by meaning."""
_TEXTS: dict[Kind, str] = {
    "task": "SELECT goal FROM tasks WHERE task_id = :id",
    "run": "SELECT concat_ws(E'\\n', title, goal) FROM runs WHERE run_id = :id",
    "iteration": """
        SELECT concat_ws(E'\\n', nullif(error_message, ''), nullif(cause, ''), nullif(hypothesis, ''))
        FROM iterations WHERE run_id = :run_id AND number = :number""",
    "failure": "SELECT ctx_text FROM failures WHERE failure_id = :id",
    "pattern": "SELECT concat_ws(E'\\n', problem_type, description) FROM patterns WHERE pattern_id = :id",
}
_VALUES: dict[Kind, str] = {
    "task": "SELECT * FROM tasks WHERE task_id = :id",
    "run": """
        SELECT *, (
            SELECT coalesce(json_agg(json_build_object('number', number, 'phase_id', phase_id, 'outcome', outcome,
                   'passed', passed, 'failed', failed, 'cause', left(cause, 300)) ORDER BY number), '[]')
            FROM (SELECT * FROM iterations WHERE run_id = :id ORDER BY number DESC LIMIT 200) AS newest
        ) AS steps FROM runs WHERE run_id = :id""",
    "iteration": "SELECT * FROM iterations WHERE run_id = :run_id AND number = :number",
    "failure": """
        SELECT run_id, iteration, language, kind, error_type, error_signature, message, ctx_text, cause, hypothesis,
               solution, fix, code_context, outcome, helped FROM failures WHERE failure_id = :id""",
    "pattern": """
        SELECT problem_type, language, description, plan, code_template, test_template
        FROM patterns WHERE pattern_id = :id""",
}
_WORTH = f"SELECT {COUNTED} FROM recalls WHERE memory_id = :id"


class History:
    """What can be found of the past.

    Args:
        database: holds it.
        index: how vectors are indexed.
    """

    def __init__(self, database: Database, index: "PgVector | None" = None) -> None:
        self._database = database
        self._embedder = OfflineEmbedder()
        self._vectors = Vectors(database, self._embedder, index)

    async def search(
        self, query: str, filters: Filters = EVERYTHING, limit: int = 50, after: Hit | None = None
    ) -> list[Hit]:
        """Rows in which every word of the query occurs, the latest first; the empty query gives the latest rows.

        Args:
            query: words, or parts of words.
            filters: what may be found.
            limit: most hits.
            after: the last hit that is known already; what follows it is found.
        """
        if limit <= 0:
            return []
        return await self._database.run(lambda connection: search(connection, query, filters, limit, after))

    async def alike(self, query: str, filters: Filters = EVERYTHING, limit: int = 10) -> list[Hit]:
        """Failures and patterns that read like the query, the nearest first; none for a query of few words.

        Only the offline embedder is asked, for this may follow every keystroke.
        """
        if len(query.split()) < SENTENCE:
            return []
        return await self._near(query[:10_000], filters, limit)

    async def like(self, hit: Hit, filters: Filters = EVERYTHING, limit: int = 20) -> list[Hit]:
        """Failures and patterns like something that was found, the nearest first, itself left out."""
        values = _key(hit.kind, hit.id)

        async def read(connection: AsyncConnection) -> str:
            return str((await connection.execute(text(_TEXTS[hit.kind]), values)).scalar() or "")

        found = await self._near(await self._database.run(read), filters, limit + 1)
        return [one for one in found if (one.kind, one.id) != (hit.kind, hit.id)][:limit]

    async def entry(self, kind: Kind, id: str) -> Entry | None:
        """Everything about one thing; None where there is no such."""

        async def work(connection: AsyncConnection) -> Entry | None:
            hits = await hits_of(connection, {(kind, id): 1.0}, Filters(forgotten=True))
            row = (await connection.execute(text(_VALUES[kind]), _key(kind, id))).mappings().first()
            if not hits or row is None:
                return None
            worth = (await connection.execute(text(_WORTH), {"id": id if kind in MEMORIES else ""})).mappings().one()
            return Entry(replace(hits[0], similarity=None), dict(row), **worth)

        return await self._database.run(work)

    async def chosen(self, pattern_ids: Sequence[str], project: str) -> list[Recollection]:
        """These patterns, as what a person chose to show to an agent of the project; unknown ones are left out."""
        wanted = dict.fromkeys(pattern_ids, 1.0)
        return await self._database.run(lambda connection: read_patterns(connection, wanted, project))

    async def find(self, name: str) -> tuple[Kind, str] | None:
        """The kind and id of the one thing of this id, or of the only one whose id begins so; None where none is.

        A run's id also begins those of its iterations and failures: the whole id wins, then the shortest.
        """

        async def work(connection: AsyncConnection) -> tuple[Kind, str] | None:
            found = await connection.execute(
                text(
                    "SELECT kind, id FROM history WHERE starts_with(id, :name) "
                    "ORDER BY length(id), "
                    "array_position(ARRAY['run', 'failure', 'iteration', 'pattern', 'task'], kind) LIMIT 1"
                ),
                {"name": clean_text(name)},
            )
            row = found.first()
            return None if row is None else (row.kind, row.id)

        return await self._database.run(work)

    async def memories_named(self, name: str, limit: int = 5) -> list[tuple[Kind, str]]:
        """Kinds and ids of failures and patterns whose id begins so; only the one where the whole id is given."""

        async def work(connection: AsyncConnection) -> list[tuple[Kind, str]]:
            rows = await connection.execute(
                text(
                    "SELECT kind, id FROM history WHERE kind IN ('failure', 'pattern') AND starts_with(id, :name) "
                    "ORDER BY length(id), id LIMIT :limit"
                ),
                {"name": clean_text(name), "limit": limit},
            )
            return [(row.kind, row.id) for row in rows]

        found = await self._database.run(work)
        return [one for one in found if one[1] == name] or found

    async def _near(self, words: str, filters: Filters, limit: int) -> list[Hit]:
        (vector,) = await self._embedder.embed([mask(words)])
        if limit <= 0 or not any(vector) or not await self._vectors.readable():
            return []
        spaces = {
            kind: await self._vectors.space("ctx" if kind == "failure" else "pat")
            for kind in MEMORIES
            if not filters.kinds or kind in filters.kinds
        }

        async def work(connection: AsyncConnection) -> list[Hit]:
            near: dict[tuple[Kind, str], float] = {}
            for kind, space in spaces.items():
                found = await self._vectors.nearest(connection, space, vector, LIKE_THIS)
                least = self._embedder.threshold / (1 if kind == "failure" else 2)
                near |= {(kind, one.memory_id): one.similarity for one in found if one.similarity >= least}
            return (await hits_of(connection, near, filters))[:limit] if near else []

        return await self._database.run(work)


def _key(kind: Kind, id: str) -> dict[str, Any]:
    if kind != "iteration":
        return {"id": id}
    run_id, _, number = id.rpartition("#")
    return {"run_id": run_id, "number": int(number) if number.isascii() and number.isdigit() else 0}
