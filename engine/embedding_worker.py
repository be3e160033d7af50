"""Gives memories their vectors in the background, and tells how far it is."""

import asyncio
import logging
import time

from engine.bus import Bus, Notice
from memory.backlog import Backlog
from memory.backlog_pass import Progress

FIRST_S = 1.0
"""Seconds before the first look, in which whatever was asked for begins."""
IDLE_S = 300.0
"""Seconds between two looks for memories without vectors."""
SOON_S = 60.0
SETTLED_S = 30.0
"""Seconds for which a new memory is left to the run that made it, so that its vectors are paid for once."""
TOLD_S = 5.0
"""Least seconds between two lines about how far it is."""
_logger = logging.getLogger(__name__)


class EmbeddingWorker:
    """Works on the backlog as long as it is open.

    Args:
        backlog: what lacks vectors.
        bus: whoever watches any run is told.
    """

    def __init__(self, backlog: Backlog, bus: Bus) -> None:
        self._backlog = backlog
        self._bus = bus
        self._task: asyncio.Task[None] | None = None
        self._told_at = 0.0
        self._capped = ""
        self.progress = Progress()
        """How far it is, or how it ended."""
        backlog.patience.tell = self._say

    def start(self) -> None:
        """Begin, unless it has begun or nothing can be stored."""
        if self._task is None and not self._backlog.read_only:
            self._task = asyncio.create_task(self._work(), name="embeddings")

    async def close(self) -> None:
        """Stop; what is embedded stays, the rest is embedded another time."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _work(self) -> None:
        pause_s = FIRST_S
        while True:
            await asyncio.sleep(pause_s)
            pause_s = await self._once()

    async def _once(self) -> float:
        """One look; seconds until the next."""
        try:
            ended = await self._backlog.work(self._show, settled_s=SETTLED_S)
        except Exception:
            # A worker's edge: no run may end because vectors are missing.
            _logger.exception("the backlog of embeddings stopped")
            return SOON_S
        self.progress = ended
        if ended.state == "failed":
            return max(self._backlog.patience.left_s, 1.0)
        if ended.state == "capped" and ended.reason != self._capped:
            self._capped = ended.reason
            self._say(f"{ended.line}: {ended.reason}")
        elif ended.state == "done" and ended.done and self._told_at:
            self._say(f"Embedded {ended.done:,} memories · ${ended.usd:.2f}")
        self._told_at = 0.0
        return SOON_S if ended.state == "elsewhere" else IDLE_S

    def _show(self, progress: Progress) -> None:
        self.progress = progress
        now = time.monotonic()
        # A batch is soon done: only what lasts is worth a line.
        if progress.done < progress.total and now - self._told_at >= TOLD_S:
            self._told_at = now
            self._say(progress.line)

    def _say(self, text: str) -> None:
        self._bus.publish(Notice("", text))
