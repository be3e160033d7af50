"""Where vectors come from: the seam, and the endpoint's embedder. The offline one is in `memory.offline`."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from memory.billing import charge
from memory.errors import EmbeddingFailed

Vector = Sequence[float]


@dataclass(frozen=True)
class Counted:
    """Vectors, and what they cost."""

    vectors: list[list[float]]
    usd: float | None
    """In US dollars; None where the model's price is unknown."""


EmbedCall = Callable[[list[str], str, int], Awaitable[Counted]]
"""embed(texts, model, dimensions) -> one vector a text."""


class Endpoint(Protocol):
    """An embeddings endpoint; the engine supplies it from its model server's settings."""

    async def embed(self, texts: list[str], model: str, dimensions: int) -> Counted: ...
    def price_usd(self, texts: Sequence[str], model: str) -> float | None: ...


API_THRESHOLD = 0.4
"""Relevant pairs of the large endpoint models lie near 0.44."""
API_CHARACTERS = 24_000
"""Longest text that is sent; the models read 8,191 tokens."""
API_BATCH = 64
API_BATCH_CHARACTERS = 400_000
"""Most characters of one request: servers bound the tokens of all its texts together."""


class Embedder(Protocol):
    """A source of vectors of unit length."""

    @property
    def name(self) -> str:
        """Names the vectors' space: vectors of different names are never compared."""

    @property
    def dimensions(self) -> int:
        """Length of the vectors."""

    @property
    def threshold(self) -> float:
        """Least cosine similarity that means something in this space."""

    @property
    def foreign_threshold(self) -> float:
        """The same for failures of other projects, which are seldom about the same code however alike they read."""

    @property
    def sparse(self) -> bool:
        """Whether the vectors are hashed features, which an hnsw index needs more links to walk."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text.

        Raises:
            EmbeddingFailed: no vectors can be had now.
        """


class Around:
    """What embedders around another one have of it: all but the way in which texts are embedded.

    Args:
        inner: where vectors come from.
    """

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner

    @property
    def name(self) -> str:
        """The inner embedder's name."""
        return self._inner.name

    @property
    def dimensions(self) -> int:
        """Length of the vectors."""
        return self._inner.dimensions

    @property
    def threshold(self) -> float:
        """Least cosine similarity that means something."""
        return self._inner.threshold

    @property
    def foreign_threshold(self) -> float:
        """The same for failures of other projects."""
        return self._inner.foreign_threshold

    @property
    def sparse(self) -> bool:
        """As the inner embedder."""
        return self._inner.sparse


class ApiEmbedder:
    """Vectors from an embeddings endpoint; what they cost is charged to whoever asked.

    Args:
        call: carries the request out.
        model: the endpoint's name of the model.
        dimensions: asked length of the vectors.
    """

    sparse = False

    def __init__(self, call: EmbedCall, model: str, dimensions: int, threshold: float = API_THRESHOLD) -> None:
        self._call = call
        self._model = model
        self._dimensions = dimensions
        self._threshold = threshold

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model

    @property
    def dimensions(self) -> int:
        """Length of the vectors."""
        return self._dimensions

    @property
    def threshold(self) -> float:
        """Least cosine similarity that means something."""
        return self._threshold

    @property
    def foreign_threshold(self) -> float:
        """The same: no better one is known of an endpoint's model."""
        return self._threshold

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text, in batches; long texts lose their middle."""
        vectors: list[Vector] = []
        for batch in batches(texts):
            try:
                answer = await self._call(batch, self._model, self._dimensions)
            except Exception as error:
                raise failed(error) from error
            charge(answer.usd)
            if len(answer.vectors) != len(batch) or any(len(one) != self._dimensions for one in answer.vectors):
                raise EmbeddingFailed(
                    f"The embeddings endpoint answered with other vectors than {len(batch)} of {self._dimensions}",
                    "Set embedding.dimensions in openai.yaml to the model's.",
                )
            vectors += answer.vectors
        return vectors


def failed(error: Exception) -> EmbeddingFailed:
    """The error for one of the engine's call, whose kinds are unknown here; it keeps its words."""
    known = EmbeddingFailed(f"The embeddings endpoint failed: {error}", getattr(error, "hint", ""))
    known.of_request = bool(getattr(error, "of_request", False))
    return known


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in requests of a bearable size; long texts lose their middle, and none is empty."""
    batch: list[str] = []
    size = 0
    for whole in texts:
        text = shorten(whole, API_CHARACTERS) or " "
        if batch and (len(batch) == API_BATCH or size + len(text) > API_BATCH_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def shorten(text: str, limit: int) -> str:
    """The text, or its beginning and its end where it is longer: a report's first and last lines say most."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return text[:half] + "\n" + text[-half:]
