"""The one door to memory: the log, its projections and the failures, over one open database."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from config.config import Config
from memory.database import Database

if TYPE_CHECKING:
    from memory.backlog import Backlog
    from memory.embedders import Embedder, Endpoint
    from memory.failures import FailureMemory
    from memory.history import History
    from memory.marks import MarkStore
    from memory.patience import Patience
    from memory.projections import Projections
    from memory.rules import RuleStore
    from memory.spaces import Former
    from memory.store import EventStore


@dataclass(frozen=True)
class MemoryService:
    """Everything that outlives a process; made by `open`, ended by `close`."""

    database: Database
    store: "EventStore"
    projections: "Projections"
    failures: "FailureMemory"
    rules: "RuleStore"
    marks: "MarkStore"
    history: "History"
    backlog: "Backlog"

    @classmethod
    async def open(
        cls, config: Config, endpoint: "Endpoint | None" = None, tell: Callable[[str], None] | None = None
    ) -> Self:
        """Open the configured database and everything over it.

        Args:
            config: names the database and the embedding model.
            endpoint: the embeddings endpoint; None leaves the offline embedder.
            tell: told in words what takes long, from another thread.

        Raises:
            DatabaseUnavailable: the database does not answer.
            DatabaseUnsuitable: it answers but cannot be used.
            DiskFull: there is no room for it.
        """
        database = await Database.open(config, tell=tell)
        try:
            return await asyncio.to_thread(cls._assemble, config, database, endpoint)
        except BaseException:
            await database.close()
            raise

    @classmethod
    def _assemble(cls, config: Config, database: Database, endpoint: "Endpoint | None") -> Self:
        # In a thread: numpy and SQLAlchemy take their time to import, and the app's loop must not wait.
        from memory.backlog import Backlog
        from memory.failures import FailureMemory
        from memory.history import History
        from memory.marks import MarkStore
        from memory.patience import Patience
        from memory.projections import Projections
        from memory.rules import RuleStore
        from memory.store import EventStore

        if config.settings.memory.embedder == "offline":
            endpoint = None
        patience = Patience()
        embedder, former = _embedders(config, database, endpoint, patience)
        failures = FailureMemory(database, embedder, config.database.pgvector, former)
        backlog = Backlog(
            database,
            failures.spaces,
            endpoint,
            max_usd=config.settings.memory.reembed_max_usd,
            patience=patience,
            ask_price=config.settings.cost_control.unknown_price == "ask",
        )
        history = History(database, config.database.pgvector)
        projections, rules, marks = Projections(database), RuleStore(database), MarkStore(database)
        return cls(database, EventStore(database), projections, failures, rules, marks, history, backlog)

    async def close(self) -> None:
        """Close the database; the embedded server ends with its last user."""
        await self.database.close()


def _embedders(
    config: Config, database: Database, endpoint: "Endpoint | None", patience: "Patience"
) -> "tuple[Embedder, Former | None]":
    """The preferred embedder, and what makes those of the endpoint's other models."""
    from memory.offline import OfflineEmbedder
    from memory.patience import Patience

    if endpoint is None:
        return OfflineEmbedder(), None
    preferred = _of_endpoint(config, database, endpoint, patience)
    # That the endpoint has a former model no more says nothing of the one in use.
    former = _of_endpoint(config, database, endpoint, Patience())
    return preferred(config.openai.embedding_model, config.openai.embedding.dimensions), former


def _of_endpoint(config: Config, database: Database, endpoint: "Endpoint", patience: "Patience") -> "Former":
    from memory.embedders import ApiEmbedder
    from memory.embedding_cache import CachedEmbedder
    from memory.patience import PatientEmbedder

    def made(model: str, dimensions: int) -> "Embedder":
        api = PatientEmbedder(ApiEmbedder(endpoint.embed, model, dimensions), patience)
        return CachedEmbedder(api, database, config.settings.memory.embedding_cache_ttl)

    return made
