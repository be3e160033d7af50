"""One way through all rows that lack vectors of one model, batch by batch in the order of their ids."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.embedders import Embedder, Endpoint, Vector, batches, failed
from memory.errors import EmbeddingFailed
from memory.patience import Patience
from memory.vectors import VIEWS, Stored, Vectors, View

BATCH = 64
"""Rows that are read, embedded and stored together."""
UNKNOWN_PRICE = "The price of the embeddings model is unknown: add it under `prices` in openai.yaml"
_PROBE = "test"
"""A text that every server takes which takes any."""

_FAILURES = "SELECT failure_id AS id, at, project, language, {0} AS body FROM failures WHERE octet_length({0}) > 0"
_PATTERNS = """
    SELECT pattern_id AS id, created_at AS at, project, language,
           btrim(problem_type || E'\\n' || description, E' \\n\\t') AS body
    FROM patterns WHERE octet_length(problem_type) + octet_length(description) > 0"""
_SOURCE: dict[View, str] = {
    "ctx": _FAILURES.format("ctx_text"),
    "sig": _FAILURES.format("sig_text"),
    "pat": _PATTERNS,
}
"""What is embedded; that a text is empty is asked by its length, for which no long text is fetched."""
_SETTLED = "m.at NOT BETWEEN now() - make_interval(secs => {0}) AND now() + make_interval(secs => {0})"

State = Literal["done", "working", "capped", "failed", "elsewhere"]


@dataclass(frozen=True)
class Progress:
    """How far the backlog is."""

    model: str = ""
    done: int = 0
    """Vectors made since it began."""
    total: int = 0
    """Vectors that were missing when it began."""
    usd: float = 0.0
    """What these cost, as far as the price is known."""
    state: State = "done"
    """`capped`: the most that it may cost is reached; `failed`: the endpoint is left alone for a while; `elsewhere`:
    another process works on it."""
    reason: str = ""

    @property
    def line(self) -> str:
        """The same in words."""
        return f"re-embedding {self.done:,} of {self.total:,} · ${self.usd:.2f}"


OnProgress = Callable[[Progress], None]


@dataclass
class Purse:
    """What may be spent, and what was; it outlives a pass that has to be begun again."""

    max_usd: float
    """The most that one model's vectors may cost in all."""
    more_usd: float | None = None
    """The most that they may cost now, in place of that."""
    ask_price: bool = False
    """Whether nothing is bought whose price is unknown, unless a person said how much."""
    spent_usd: float = 0.0
    """What was paid from it."""
    owed_usd: float = 0.0
    """What of that is not written down yet."""

    def pay(self, usd: float) -> None:
        """Take this much out."""
        self.spent_usd += usd
        self.owed_usd += usd

    def check(self, price: float | None, before_usd: float) -> None:
        """Raise `Capped` where the next batch would cost too much."""
        if price is None:
            if self.ask_price and self.more_usd is None:
                raise Capped(UNKNOWN_PRICE)
            return
        spent_usd = before_usd + self.owed_usd if self.more_usd is None else self.spent_usd
        if spent_usd + price > (self.max_usd if self.more_usd is None else self.more_usd):
            cap = self.max_usd if self.more_usd is None else self.more_usd
            raise Capped(
                f"${cap:.2f} may be spent, and more is needed: raise memory.reembed_max_usd, or run "
                "`miracle db embed --max-usd`"
            )


class Capped(Exception):
    """No more may be spent."""


class Pass:
    """Embeds what lacks vectors of one model.

    Args:
        database: holds the rows.
        embedder: the model.
        vectors: where its vectors lie.
        tell: told after each batch.
        endpoint: what is asked in place of the embedder, so that its cost is counted.
        purse: what may be spent on it.
        patience: what is known of it.
        settled_s: rows that are younger, in seconds, are left to whoever made them.
    """

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        vectors: Vectors,
        tell: OnProgress,
        endpoint: Endpoint | None = None,
        purse: Purse | None = None,
        patience: Patience | None = None,
        settled_s: float = 0.0,
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._vectors = vectors
        self._tell = tell
        self._endpoint = endpoint
        self._purse = purse or Purse(0.0)
        self._patience = patience or Patience()
        self._progress = Progress(embedder.name)
        self._settled_s = settled_s
        self._before_usd = 0.0

    async def run(self) -> Progress:
        """Go through all views; how it ended."""
        model_id = (await self._vectors.model(afresh=True)).model_id
        total, self._before_usd = await self._database.run(
            lambda connection: _begin(connection, model_id, self._settled_s)
        )
        self._progress = replace(self._progress, total=total, state="working")
        try:
            if total:
                for view in VIEWS:
                    await self._fill(model_id, view)
            self._progress = replace(self._progress, state="done")
        except Capped as capped:
            self._progress = replace(self._progress, state="capped", reason=str(capped))
        except EmbeddingFailed as error:
            self._patience.failed(error)
            self._progress = replace(self._progress, state="failed", reason=f"{error.title}. {error.hint}".strip())
        reason, owed = self._progress.reason, self._purse.owed_usd
        await self._database.run(lambda connection: _note(connection, model_id, reason, owed))
        self._purse.owed_usd -= owed
        return self._progress

    async def _fill(self, model_id: int, view: View) -> None:
        after = ""
        while True:
            found = partial(_batch, model_id=model_id, view=view, after=after, settled_s=self._settled_s)
            rows = await self._database.run(found)
            if not rows:
                return
            texts = list(dict.fromkeys(row.body for row in rows))
            # What a request gave is kept before the next is paid for.
            async for vectors in self._embedded(texts):
                await self._keep(model_id, view, [row for row in rows if row.body in vectors], vectors)
            after = rows[-1].id

    async def _keep(self, model_id: int, view: View, rows: Sequence[Any], of: dict[str, Vector | None]) -> None:
        space = await self._vectors.space(view)
        owed = self._purse.owed_usd

        async def work(connection: AsyncConnection) -> int:
            same = await _unchanged(connection, view, {row.id: row.body for row in rows})
            found = [(row, of[row.body]) for row in rows if row.id in same]
            stored = [Stored(row.id, row.project, row.language, vector) for row, vector in found if vector]
            await self._vectors.store(connection, space, stored)
            await _pay(connection, model_id, owed)
            return len(stored)

        done = await self._database.run(work)
        self._purse.owed_usd -= owed
        self._before_usd += owed
        self._progress = replace(self._progress, done=self._progress.done + done)
        self._tell(self._progress)

    async def _embedded(self, texts: Sequence[str]) -> AsyncIterator[dict[str, Vector | None]]:
        """Vectors by text, as they come; None for a text that the server refuses while it takes others."""
        if self._endpoint is None:
            yield dict(zip(texts, await self._embedder.embed(texts), strict=True))
            return
        from memory.embedding_cache import paid_already

        if known := await paid_already(self._database, self._embedder, texts):
            yield dict(known)
        left = [text for text in texts if text not in known]
        for batch in batches(left):
            await self._patience.quiet()
            self._patience.check()
            vectors = await self._bought(self._endpoint, batch)
            yield dict(zip(left, vectors, strict=False))
            left = left[len(batch) :]
        self._patience.worked()

    async def _bought(self, endpoint: Endpoint, batch: list[str]) -> list[Vector | None]:
        try:
            return [*await self._ask(endpoint, batch)]
        except EmbeddingFailed as error:
            if not error.of_request or batch == [_PROBE]:
                raise
            if len(batch) == 1:
                # One bad text must not keep all others waiting; that others are taken is seen by a good one.
                await self._ask(endpoint, [_PROBE])
                return [None]
            half = len(batch) // 2
            return [*await self._bought(endpoint, batch[:half]), *await self._bought(endpoint, batch[half:])]

    async def _ask(self, endpoint: Endpoint, batch: list[str]) -> list[list[float]]:
        name, dimensions = self._embedder.name, self._embedder.dimensions
        self._purse.check(endpoint.price_usd(batch, name), self._before_usd)
        try:
            counted = await endpoint.embed(batch, name, dimensions)
        except Exception as error:
            raise failed(error) from error
        self._purse.pay(counted.usd or 0.0)
        self._progress = replace(self._progress, usd=self._progress.usd + (counted.usd or 0.0))
        return counted.vectors


async def lacking(connection: AsyncConnection, model_id: int, settled_s: float = 0.0) -> int:
    """How many vectors of a model are missing, all views together; those of rows younger than that left out."""
    counts = " + ".join(
        f"(SELECT count(*) FROM ({_SOURCE[view]}) AS m WHERE {_absent(model_id, view, settled_s)})" for view in VIEWS
    )
    return int((await connection.execute(text(f"SELECT {counts}"))).scalar_one())


def _absent(model_id: int, view: View, settled_s: float) -> str:
    absent = f"NOT EXISTS (SELECT FROM emb_{model_id}_{view} AS e WHERE e.memory_id = m.id)"
    # A row of the future, as a wrong clock makes them, is as old as any.
    return f"{absent} AND {_SETTLED.format(float(settled_s))}" if settled_s else absent


async def _begin(connection: AsyncConnection, model_id: int, settled_s: float) -> tuple[int, float]:
    """(vectors that are missing, what was spent on them before)."""
    spent = await connection.execute(text("SELECT spent_usd FROM embed_model WHERE model_id = :id"), {"id": model_id})
    return await lacking(connection, model_id, settled_s), float(spent.scalar() or 0.0)


async def _batch(connection: AsyncConnection, model_id: int, view: View, after: str, settled_s: float) -> Sequence[Any]:
    query = f"SELECT * FROM ({_SOURCE[view]}) AS m WHERE m.id > :after AND {_absent(model_id, view, settled_s)}"
    found = await connection.execute(text(f"{query} ORDER BY m.id LIMIT {BATCH}"), {"after": after})
    return found.all()


async def _unchanged(connection: AsyncConnection, view: View, texts: dict[str, str]) -> set[str]:
    """Which of these rows are there and read as they did; they stay so to the end of the transaction."""
    query = f"SELECT m.id, m.body FROM ({_SOURCE[view]}) AS m WHERE m.id = ANY (:ids) ORDER BY m.id FOR KEY SHARE"
    found = await connection.execute(text(query), {"ids": list(texts)})
    return {row.id for row in found if texts[row.id] == row.body}


async def _pay(connection: AsyncConnection, model_id: int, usd: float) -> None:
    if usd:
        paid = text("UPDATE embed_model SET spent_usd = spent_usd + :usd WHERE model_id = :id")
        await connection.execute(paid, {"usd": usd, "id": model_id})


async def _note(connection: AsyncConnection, model_id: int, problem: str, owed_usd: float) -> None:
    await _pay(connection, model_id, owed_usd)
    noted = text("UPDATE embed_model SET problem = :problem WHERE model_id = :id AND problem <> :problem")
    await connection.execute(noted, {"problem": problem, "id": model_id})
