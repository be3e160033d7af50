"""The isolation backend that this process uses: chosen and probed once, when it is first needed."""

import asyncio
import logging
from collections.abc import Callable

from config.config import Config
from sandbox.choose import choose_backend
from sandbox.environments_kept import DAY_S, GIB, collect
from sandbox.protocol import Backend
from sandbox.scratch import STEP, sweep

COLLECTED_EVERY_S = 3600.0
"""Environments are as large as they are many: looking through them at every start would cost more than a start."""
_logger = logging.getLogger(__name__)


class SandboxService:
    """Hands out one probed backend; a failed choice is tried again at the next call."""

    def __init__(self, config: Config, *, unsafe_local: bool, tell: Callable[[str, str], None]) -> None:
        self.unsafe_local = unsafe_local
        self._config = config
        self._tell = tell
        self._turn = asyncio.Lock()
        self._backend: Backend | None = None
        self._cleaning: asyncio.Task[None] | None = None

    async def backend(self) -> Backend:
        """The backend.

        Raises:
            NoBackend: nothing here can isolate code, and nobody allowed to go without.
        """
        async with self._turn:
            if self._backend is None:
                self._tell("sandbox", "starting")
                try:
                    self._backend = await choose_backend(
                        self._config.settings.sandbox, self._config.paths, unsafe_local=self.unsafe_local
                    )
                except Exception:
                    self._tell("sandbox", "failed")
                    raise
                await self._backend.reap()
                self._cleaning = asyncio.create_task(self._collect(), name="environments that nobody needs")
                self._tell("sandbox", self._backend.name)
            return self._backend

    async def _collect(self) -> None:
        """Give back the room of environments that are old, or too many, and of steps that were killed half-way."""
        settings = self._config.settings.sandbox
        try:
            await asyncio.to_thread(sweep, STEP, self._config.paths.cache)
            await asyncio.to_thread(
                collect,
                self._config.paths.environments,
                max_bytes=settings.environments_max_gb * GIB,
                max_age_s=settings.environments_max_age_days * DAY_S,
                every_s=COLLECTED_EVERY_S,
            )
        except OSError as exc:
            _logger.warning("environments cannot be cleaned up: %s", exc)

    async def close(self) -> None:
        """Let the backend go, with whatever it still runs."""
        if self._cleaning is not None:
            await self._cleaning
        if self._backend is not None:
            await self._backend.close()
