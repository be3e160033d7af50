"""When an embeddings endpoint that failed is asked again, and who may ask first."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from memory.embedders import Around, Embedder, Vector
from memory.errors import EmbeddingFailed

FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 1800.0
Tell = Callable[[str], None]
_logger = logging.getLogger(__name__)


class Patience:
    """What all who ask one endpoint know together: its last failure, and until when it is left alone.

    Args:
        tell: told once of each failure in a row, not of each text.
        first_pause_s: seconds after the first failure; each further one doubles them.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        tell: Tell | None = None,
        first_pause_s: float = FIRST_PAUSE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tell = tell
        self.trouble: EmbeddingFailed | None = None
        """Why it is left alone; None while it works."""
        self._first_pause_s = self._pause_s = first_pause_s
        self._clock = clock
        self._until = 0.0
        self._urgent = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    def left_s(self) -> float:
        """Seconds until it may be asked again."""
        return max(self._until - self._clock(), 0.0)

    def check(self) -> None:
        """Raise what went wrong while the endpoint is left alone.

        Raises:
            EmbeddingFailed: it failed a short while ago.
        """
        if self.trouble is not None and self.left_s > 0:
            raise self.trouble

    def failed(self, error: EmbeddingFailed) -> None:
        """Leave it alone for a while, longer each time."""
        if self.left_s > 0:
            return
        first = self.trouble is None or self.trouble.title != error.title
        self.trouble = error
        self._until = self._clock() + self._pause_s
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        if first:
            text = f"{error.title}. Memory goes on with the offline embedder. {error.hint}".strip()
            _logger.warning("%s", text)
            if self.tell is not None:
                self.tell(text)

    def worked(self) -> None:
        """It answered: forget what was."""
        if self.trouble is not None and self.tell is not None:
            self.tell("The embeddings endpoint works again.")
        self.trouble = None
        self._until = 0.0
        self._pause_s = self._first_pause_s

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """Somebody waits for an answer: what can wait keeps off meanwhile."""
        self._urgent += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._urgent -= 1
            if not self._urgent:
                self._quiet.set()

    async def quiet(self) -> None:
        """Wait until nobody waits for an answer."""
        await self._quiet.wait()


class PatientEmbedder(Around):
    """An endpoint's embedder that is left alone for a while when it failed.

    Args:
        inner: asks the endpoint.
        patience: what is known of the endpoint.
    """

    def __init__(self, inner: Embedder, patience: Patience) -> None:
        super().__init__(inner)
        self._patience = patience

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text, at once or not at all while the endpoint is left alone."""
        self._patience.check()
        try:
            with self._patience.urgent():
                vectors = await self._inner.embed(texts)
        except EmbeddingFailed as error:
            self._patience.failed(error)
            raise
        self._patience.worked()
        return vectors
