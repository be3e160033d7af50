"""Where vectors come from: the seam, and the endpoint's embedder. The offline one is in `memory.offline`."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from memory.errors import EmbeddingFailed

Vector = Sequence[float]
EmbedCall = Callable[[list[str], str, int], Awaitable[list[list[float]]]]
"""embed(texts, model, dimensions) -> one vector a text; the engine supplies it from its model client."""

API_THRESHOLD = 0.4
"""Relevant pairs of the large endpoint models lie near 0.44."""
API_CHARACTERS = 24_000
"""Longest text that is sent; the models read 8,191 tokens."""
API_BATCH = 64


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
    def sparse(self) -> bool:
        """Whether the vectors are hashed features, which an hnsw index needs more links to walk."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text.

        Raises:
            EmbeddingFailed: no vectors can be had now.
        """


class ApiEmbedder:
    """Vectors from an embeddings endpoint.

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

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text, in batches; long texts lose their middle."""
        vectors: list[Vector] = []
        for start in range(0, len(texts), API_BATCH):
            batch = [shorten(text, API_CHARACTERS) or " " for text in texts[start : start + API_BATCH]]
            try:
                answer = await self._call(batch, self._model, self._dimensions)
            except Exception as error:
                # The call is the engine's, whose errors are unknown here.
                raise EmbeddingFailed(f"The embeddings endpoint failed: {error}") from error
            if len(answer) != len(batch) or any(len(vector) != self._dimensions for vector in answer):
                raise EmbeddingFailed(
                    f"The embeddings endpoint answered with other vectors than {len(batch)} of {self._dimensions}",
                    "Set embedding.dimensions in openai.yaml to the model's.",
                )
            vectors += answer
        return vectors


def shorten(text: str, limit: int) -> str:
    """The text, or its beginning and its end where it is longer: a report's first and last lines say most."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return text[:half] + "\n" + text[-half:]
