"""The one door to memory: the log, its projections and the failures, over one open database."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from config.config import Config
from memory.database import Database

if TYPE_CHECKING:
    from memory.embedders import EmbedCall, Embedder
    from memory.failures import FailureMemory
    from memory.history import History
    from memory.marks import MarkStore
    from memory.projections import Projections
    from memory.rules import RuleStore
    from memory.store import EventStore

DEFAULT_MODEL = "text-embedding-3-large"


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

    @classmethod
    async def open(cls, config: Config, embed: "EmbedCall | None" = None) -> Self:
        """Open the configured database and everything over it.

        Args:
            config: names the database and the embedding model.
            embed: asks the embeddings endpoint; None leaves the offline embedder.

        Raises:
            DatabaseUnavailable: the database does not answer.
            DatabaseUnsuitable: it answers but cannot be used.
            DiskFull: there is no room for it.
        """
        database = await Database.open(config)
        try:
            return await asyncio.to_thread(cls._assemble, config, database, embed)
        except BaseException:
            await database.close()
            raise

    @classmethod
    def _assemble(cls, config: Config, database: Database, embed: "EmbedCall | None") -> Self:
        # In a thread: numpy and SQLAlchemy take their time to import, and the app's loop must not wait.
        from memory.failures import FailureMemory
        from memory.history import History
        from memory.marks import MarkStore
        from memory.projections import Projections
        from memory.rules import RuleStore
        from memory.store import EventStore

        embedder = choose_embedder(config, database, embed)
        failures = FailureMemory(database, embedder, config.database.pgvector)
        history = History(database, config.database.pgvector)
        projections, rules, marks = Projections(database), RuleStore(database), MarkStore(database)
        return cls(database, EventStore(database), projections, failures, rules, marks, history)

    async def close(self) -> None:
        """Close the database; the embedded server ends with its last user."""
        await self.database.close()


def choose_embedder(config: Config, database: Database, embed: "EmbedCall | None") -> "Embedder":
    """The endpoint's embedder behind the cache if it is wanted and can be asked, else the offline one."""
    from memory.embedders import ApiEmbedder
    from memory.embedding_cache import CachedEmbedder
    from memory.offline import OfflineEmbedder

    memory = config.settings.memory
    if embed is None or memory.embedder == "offline":
        return OfflineEmbedder()
    model = config.openai.models.get("embedding", DEFAULT_MODEL)
    api = ApiEmbedder(embed, model, config.openai.embedding.dimensions)
    return CachedEmbedder(api, database, memory.embedding_cache_ttl)
