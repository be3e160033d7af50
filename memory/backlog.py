"""The backlog: failures and patterns that have no vectors of a model that is in use, embedded bit by bit.

There is no list of what is left to do: it is the rows without vectors, so whoever is killed goes on where they were.
One process at a time works on it, under an advisory lock.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from psycopg import sql
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.alone import alone
from memory.backlog_pass import OnProgress, Pass, Progress, Purse, lacking
from memory.database import Database
from memory.embedders import Endpoint
from memory.patience import Patience
from memory.spaces import Spaces
from memory.vectors import VIEWS, Vectors

if TYPE_CHECKING:
    import psycopg

BACKLOG_LOCK = 7_240_004
USED_S = 600.0
"""Seconds after which a model that no Miracle said it uses is used by none: each that works says so twice as often."""
GRACE_S = 86_400.0
"""Seconds for which another model's vectors are kept after it was last used: another Miracle may be set to it."""


Forgotten = Literal["forgotten", "unknown", "used", "elsewhere"]
"""What became of the wish to forget a model."""


@dataclass(frozen=True)
class Standing:
    """What is there of one model's vectors."""

    model: str
    dimensions: int
    active: bool
    """Whether it is searched."""
    lacking: int
    """Vectors that are missing."""
    usd: float
    """What the backlog's vectors of it cost."""
    problem: str
    """Why there are no more just now; empty where nothing is wrong."""


class Backlog:
    """Gives every failure and every pattern its vectors.

    Args:
        database: holds them.
        spaces: the embedders in use.
        endpoint: the preferred embedder's, asked for what it costs; None where only the offline one is in use.
        max_usd: the most that the vectors of one model may cost.
        patience: what is known of the endpoint.
        ask_price: leave the endpoint alone where its price is unknown.
        grace_s: seconds for which the vectors of a model that nobody uses are kept.
    """

    def __init__(
        self,
        database: Database,
        spaces: Spaces,
        endpoint: Endpoint | None = None,
        *,
        max_usd: float = 1.0,
        patience: Patience | None = None,
        ask_price: bool = False,
        grace_s: float = GRACE_S,
    ) -> None:
        self._database = database
        self._spaces = spaces
        self._endpoint = endpoint
        self.max_usd = max_usd
        self._ask_price = ask_price
        self.patience = patience or Patience()
        self._grace_s = grace_s

    @property
    def read_only(self) -> bool:
        """Whether the database lets nothing be stored."""
        return bool(self._database.read_only)

    async def work(
        self, on_progress: OnProgress | None = None, *, more_usd: float | None = None, settled_s: float = 0.0
    ) -> Progress:
        """Embed what can be embedded now: by the offline embedder first, then by the endpoint.

        Args:
            on_progress: told after each batch.
            more_usd: the most that this call may cost, in place of what one model may cost in all.
            settled_s: seconds for which the endpoint is not asked about a new row: whoever made it asks at once.

        Returns:
            How it ended; its numbers are those of the last model that lacked something.
        """
        tell = on_progress or (lambda progress: None)
        purse = Purse(self.max_usd, more_usd, self._ask_price)
        # What is done is not done again, so the whole may be repeated when the server was away.
        return await self._database.persist(lambda: self._work(tell, purse, settled_s))

    async def _work(self, tell: OnProgress, purse: Purse, settled_s: float) -> Progress:
        async with alone(self._database, BACKLOG_LOCK) as mine:
            if mine is None:
                return Progress(state="elsewhere", reason="another process works on it")
            ended = await Pass(self._database, *self._spaces.offline, tell).run()
            if self._spaces.preferred is None or self._endpoint is None:
                await self._forget_unused(mine)
                return ended
            embedder, vectors = self._spaces.preferred
            last = await Pass(
                self._database, embedder, vectors, tell, self._endpoint, purse, self.patience, settled_s
            ).run()
            model = await vectors.model(afresh=True)
            if last.state == "done" and not model.active:
                await _index(mine, vectors, model.model_id)
                await self._database.run(lambda connection: _activate(connection, model.model_id))
                await vectors.model(afresh=True)
            await self._forget_unused(mine)
            return last if last.total or last.state != "done" else ended

    async def forget(self, name: str) -> Forgotten:
        """Remove every vector of a model, of whatever length, that neither this Miracle nor another one uses."""
        if name in {embedder.name for embedder, _ in self._spaces.stored()}:
            return "used"
        async with alone(self._database, BACKLOG_LOCK) as mine:
            if mine is None:
                return "elsewhere"
            known = await mine.execute(
                "SELECT model_id, used_at > now() - make_interval(secs => %s) FROM embed_model WHERE name = %s",
                (USED_S, name),
            )
            found = await known.fetchall()
            if any(used for _, used in found):
                return "used"
            for model_id, _ in found:
                await _drop(mine, model_id)
            # Of each length, as the cache names them.
            await mine.execute("DELETE FROM embedding_cache WHERE regexp_replace(model, '/[0-9]+$', '') = %s", (name,))
        return "forgotten" if found else "unknown"

    async def _forget_unused(self, connection: "psycopg.AsyncConnection[tuple[Any, ...]]") -> None:
        """Drop the vectors of models that nobody used for a while, once those in use are complete.

        An endpoint's vectors were paid for: only another endpoint's model takes their place.
        """
        models = [await vectors.model() for _, vectors in self._spaces.stored()]
        used = [one.model_id for one in models]
        await connection.execute("UPDATE embed_model SET used_at = now() WHERE model_id = ANY (%s)", (used,))
        if not all(one.active for one in models):
            return
        old = await connection.execute(
            "SELECT model_id FROM embed_model WHERE NOT model_id = ANY (%s) AND (%s OR name LIKE 'hashed-ngrams-%%') "
            "AND used_at <= now() - make_interval(secs => %s)",
            (used, self._spaces.preferred is not None, self._grace_s),
        )
        for (model_id,) in await old.fetchall():
            await _drop(connection, model_id)


async def _drop(connection: "psycopg.AsyncConnection[tuple[Any, ...]]", model_id: int) -> None:
    async with connection.transaction():
        # The row first: whoever holds it goes through the tables just now.
        await connection.execute("DELETE FROM embed_model WHERE model_id = %s", (model_id,))
        for view in VIEWS:
            table = sql.Identifier(f"emb_{model_id}_{view}")
            await connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))


async def _index(connection: "psycopg.AsyncConnection[tuple[Any, ...]]", vectors: Vectors, model_id: int) -> None:
    """Index what has been filled, while others go on writing; what an earlier try left unfinished is made anew."""
    for view in VIEWS:
        table = f"emb_{model_id}_{view}"
        known = await connection.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", (f"ix_{table}_v",)
        )
        row = await known.fetchone()
        if row is not None and row[0]:
            continue
        if row is not None:
            await connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(f"ix_{table}_v")))
        await connection.execute(vectors.index_statement(table, concurrently=True).encode())


async def _activate(connection: AsyncConnection, model_id: int) -> None:
    await connection.execute(text("UPDATE embed_model SET active = true WHERE model_id = :id"), {"id": model_id})


async def standing(database: Database) -> list[Standing]:
    """What a database has of each model's vectors, of models that are no longer in use as well."""

    async def read(connection: AsyncConnection) -> list[Standing]:
        models = (await connection.execute(text("SELECT * FROM embed_model ORDER BY model_id"))).all()
        missing = [await lacking(connection, one.model_id) for one in models]
        return [
            Standing(one.name, one.dimensions, one.active, count, one.spent_usd, one.problem)
            for one, count in zip(models, missing, strict=True)
        ]

    return await database.run(read)
