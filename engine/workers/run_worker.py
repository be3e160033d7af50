"""A worker: takes runs from the queue and works on each until it is over, paused, or waits for a person.

It outlives outages of the database. A run whose lease is in doubt, and every run when the worker is asked to stop, is
left as a process leaves its runs at its end: nothing new begins, and an answer that is paid for may still arrive.
"""

import asyncio
import logging
import random
import socket
from collections.abc import Callable
from typing import Any

from procrastinate import App, JobContext
from procrastinate.exceptions import ConnectorException
from psycopg.errors import OperationalError

from config.errors import ConfigError
from engine import events as e
from engine.engine import Engine
from engine.errors import EngineError
from engine.gates.expiry import next_expiry
from engine.run_log import RunLog
from engine.state import State
from engine.workers.dispatch import put_in_line
from engine.workers.site import site_of
from memory.errors import LeaseLost, MemoryStoreError
from memory.queue import TASK, RunQueue, queue_of
from memory.queue_jobs import QueueJobs, queue_connector

SWEEP_S = 1.0
POLL_S = 1.5
"""Seconds after which the queue is looked at though nobody told of a new run."""
BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 30.0
LEAVE_S = 60.0
"""How long an answer that is paid for may take to arrive when a run is left."""
LAST_WORDS_S = 5.0
"""How long a worker that ends waits for a database that is away, to say what became of its runs."""
_OUTAGE = (ConnectorException, MemoryStoreError, OperationalError, OSError)
_logger = logging.getLogger(__name__)

Tell = Callable[[str, str], None]
"""Told (run, what came of it)."""


class RunWorker:
    """One worker over an open engine, which must be one that works on runs itself.

    Args:
        engine: does the work.
        name: how the worker is called to people.
        concurrency: runs at the same time.
        tell: told when a run is begun and how it was left.
    """

    def __init__(self, engine: Engine, name: str, concurrency: int, tell: Tell = lambda run_id, text: None) -> None:
        self.name = name
        self.site = site_of(engine.config.paths)
        self._engine = engine
        self._settings = engine.config.settings.workers
        self._concurrency = concurrency
        self._tell = tell
        self._queue = RunQueue(engine.memory.database)
        self._stopping = asyncio.Event()
        self._jobs: QueueJobs | None = None

    def stop(self) -> None:
        """Take no more runs, and leave those at work to the other workers."""
        self._stopping.set()
        if self._jobs is not None:
            self._jobs.patience_s = LAST_WORDS_S

    async def run(self) -> None:
        """Work until `stop`.

        Raises:
            DatabaseUnsuitable: the queue cannot be used with this Miracle.
        """
        await self._queue.prepare()
        sweeper = asyncio.create_task(self._sweep(), name="sweep")
        try:
            while not self._stopping.is_set():
                try:
                    await self._serve()
                except _OUTAGE as error:
                    _logger.warning("the queue is out of reach: %s", error)
                    await self._wait(BACKOFF_S)
        finally:
            sweeper.cancel()
            await asyncio.gather(sweeper, return_exceptions=True)

    async def _serve(self) -> None:
        """Take runs until the worker is stopped."""
        connector = queue_connector(self._engine.memory.database.parameters)
        about = {"name": self.name, "host": socket.gethostname(), "site": self.site, "concurrency": self._concurrency}
        app = App(connector=connector)
        self._jobs = app.job_manager = QueueJobs(connector, self._settings.max_runs_per_project, about)
        app.task(name=TASK, pass_context=True)(self._work)
        async with app.open_async():
            serving = asyncio.create_task(
                app.run_worker_async(
                    queues=[queue_of(self.site)],
                    name=self.name,
                    concurrency=self._concurrency,
                    fetch_job_polling_interval=POLL_S,
                    install_signal_handlers=False,
                    update_heartbeat_interval=self._settings.heartbeat_s,
                    stalled_worker_timeout=max(60.0, 2 * self._settings.dead_after_s),
                )
            )
            stopping = asyncio.create_task(self._stopping.wait())
            try:
                await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if serving.done():
                    serving.result()
            finally:
                stopping.cancel()
                # Cancelled, procrastinate's worker takes nothing more and waits for the runs, which see `_stopping`.
                serving.cancel()
                await asyncio.gather(serving, stopping, return_exceptions=True)

    async def _sweep(self) -> None:
        """Put the runs of dead workers in line again, as long as this worker is itself sure to be alive."""
        healthy = 0
        while True:
            await asyncio.sleep(SWEEP_S * random.uniform(0.8, 1.2))
            try:
                # After an outage everybody looks dead until everybody had the time to give a sign of life.
                dead_after_s = self._settings.dead_after_s if healthy * SWEEP_S > self._settings.heartbeat_s else 1e9
                for run_id in await self._queue.sweep(dead_after_s):
                    _logger.warning("run taken from a dead worker or found at rest", extra={"run_id": run_id})
                healthy += 1
            except MemoryStoreError as error:
                healthy = 0
                _logger.warning("the queue cannot be swept: %s", error)

    async def _work(self, context: JobContext, /, run_id: str, **_: Any) -> None:
        """The task: work on a run as long as there is something to do."""
        attempt = context.job.attempts
        delay_s: float | None = min(BACKOFF_S * 2 ** min(attempt, 10), LONGEST_BACKOFF_S)
        self._tell(run_id, "taken")
        try:
            state = await self._attend(run_id)
            delay_s = 0.0 if state is None else None
            self._tell(run_id, "left to other workers" if state is None else str(state.status))
        except LeaseLost as error:
            self._tell(run_id, error.title)
        except MemoryStoreError as error:
            self._tell(run_id, f"{error.title}; it is tried again")
        except (EngineError, ConfigError) as error:
            await self._pause(run_id, error.title, error.hint)
            self._tell(run_id, f"paused: {error.title}")
            delay_s = None
        finally:
            if delay_s is not None and self._jobs is not None and context.job.id is not None:
                self._jobs.again[context.job.id] = delay_s

    async def _attend(self, run_id: str) -> State | None:
        """The state in which the run settled; None when it was left though there is something to be done.

        Raises:
            LeaseLost, MemoryStoreError, EngineError, ConfigError: what ended the work.
        """
        self._engine.drive(run_id)
        settled = asyncio.create_task(self._engine.settled(run_id))
        others = {
            asyncio.create_task(self._engine.fleet.doubted(run_id)),
            asyncio.create_task(self._stopping.wait()),
        }
        try:
            await asyncio.wait({settled, *others}, return_when=asyncio.FIRST_COMPLETED)
            if settled.done():
                settled.result()
        finally:
            for task in (settled, *others):
                task.cancel()
            await asyncio.gather(settled, *others, return_exceptions=True)
            await self._engine.fleet.leave_run(run_id, LEAVE_S)
        return await self._conclude(run_id) if settled.done() and not settled.cancelled() else None

    async def _conclude(self, run_id: str) -> State:
        """What is left to do for a run that needs nobody but a person: look after its questions' time, or nothing."""
        state = await self._engine.state(run_id)
        if state.outcome:
            await self._queue.forget(run_id)
        elif (at := next_expiry(state)) is not None:
            await put_in_line(self._queue, state, self.site, at)
        return state

    async def _pause(self, run_id: str, title: str, hint: str) -> None:
        log = RunLog(self._engine.memory.store, run_id)
        if (await log.load()).outcome is None:
            await log.append(e.RunPaused(reason="error", detail=title, hint=hint))

    async def _wait(self, seconds: float) -> None:
        waiting = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({waiting}, timeout=seconds)
        waiting.cancel()
