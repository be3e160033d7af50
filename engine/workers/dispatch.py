"""Hands runs to the workers: what `orchestrator.execution: queue` puts in the place of working on them here."""

import asyncio
import logging
from datetime import datetime

from config.config import Config
from engine.bus import Bus, Notice
from engine.decide import decide
from engine.gates.expiry import next_expiry
from engine.lessons import project_of
from engine.llm.client import OpenAIModel
from engine.llm.protocol import ModelClient
from engine.run_log import RunLog
from engine.state import State
from engine.workers.site import site_of
from memory.errors import MemoryStoreError
from memory.memory import MemoryService
from memory.queue import QueuedRun, RunQueue
from memory.store import EventStore

NOBODY = "No worker serves this data folder, so the run waits in the queue. Start one here: miracle worker"
_logger = logging.getLogger(__name__)


def dispatch_of(config: Config, model: ModelClient, memory: MemoryService, bus: Bus) -> "Dispatch | None":
    """The way to the workers, where they do the work; a model that only this process can ask is never theirs."""
    if config.settings.orchestrator.execution != "queue" or model.scripted or not isinstance(model, OpenAIModel):
        return None
    return Dispatch(config, RunQueue(memory.database), memory.store, bus)


class Dispatch:
    """Puts runs in line for workers, whenever there is something to do that nobody does."""

    def __init__(self, config: Config, queue: RunQueue, store: EventStore, bus: Bus) -> None:
        self._config = config
        self._queue = queue
        self._store = store
        self._bus = bus
        self._sending: dict[str, asyncio.Task[None]] = {}

    def drive(self, run_id: str, make_context: object = None) -> None:
        """Put a run in line soon; harmless when it waits there, is worked on, or has nothing to be done."""
        if run_id not in self._sending:
            task = asyncio.create_task(self._send_quietly(run_id), name=f"queue {run_id}")
            self._sending[run_id] = task
            task.add_done_callback(lambda _: self._sending.pop(run_id, None))

    async def send(self, run_id: str) -> None:
        """Put a run in line if anything can be done, now or when a question's time is over.

        Raises:
            MemoryStoreError: the queue cannot be written.
        """
        state = await RunLog(self._store, run_id).load()
        ready = bool(decide(state))
        at = None if ready else next_expiry(state)
        if ready or at is not None:
            await put_in_line(self._queue, state, site_of(self._config.paths), at)
        if ready:
            await self._tell(run_id)

    async def close(self) -> None:
        """Wait until everything is in line."""
        await asyncio.gather(*self._sending.values(), return_exceptions=True)

    async def _send_quietly(self, run_id: str) -> None:
        try:
            await self.send(run_id)
        except (MemoryStoreError, OSError) as error:
            _logger.error("run not queued: %s", error, extra={"run_id": run_id})
            self._bus.publish(Notice(run_id, f"{error} {getattr(error, 'hint', '')}".strip()))

    async def _tell(self, run_id: str) -> None:
        live = await self._queue.workers(self._config.settings.workers.dead_after_s)
        if not any(worker.site == site_of(self._config.paths) for worker in live):
            self._bus.publish(Notice(run_id, NOBODY))


async def put_in_line(queue: RunQueue, state: State, site: str, at: datetime | None) -> None:
    """Queue a run as its task says; its site stays that of whoever queued it first."""
    priority = state.task.priority if state.task else 0
    await queue.add(QueuedRun(state.run_id, site, project_of(state), priority), at)
