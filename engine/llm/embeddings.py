"""Embeddings from the model server, checked before anything stores them."""

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.llm.connection import Connection
from engine.llm.errors import EmbeddingInvalid, RequestRejected
from engine.llm.protocol import OnRetry
from engine.llm.retry import with_retries
from engine.llm.translate import translated

if TYPE_CHECKING:
    from openai.types import CreateEmbeddingResponse

_BATCH = 256
_FIX = "Check models.embedding and embedding.dimensions in openai.yaml, or set memory.embedder to offline."


class OpenAIEmbeddings:
    """The embeddings endpoint of an OpenAI-compatible server."""

    def __init__(self, connection: Connection, on_retry: OnRetry | None = None) -> None:
        self._connection = connection
        self._on_retry = on_retry
        self._without_dimensions: set[str] = set()

    async def embed(self, texts: list[str], model: str, dimensions: int) -> list[list[float]]:
        """Embed texts, in batches.

        Args:
            texts: What is embedded; an empty text counts as a space, because servers reject it.
            model: The embedding model.
            dimensions: Length that every vector must have.

        Returns:
            float[len(texts)][dimensions], in the order of the texts.

        Raises:
            EmbeddingInvalid: The server returned another number or length of vectors, or numbers that are not finite.
            ModelError: The call failed.
        """
        vectors: list[list[float]] = []
        for start in range(0, len(texts), _BATCH):
            batch = [text or " " for text in texts[start : start + _BATCH]]
            vectors += await with_retries(
                partial(self._batch, batch, model, dimensions),
                self._connection.settings.retry,
                self._on_retry,
            )
        return vectors

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def _batch(self, texts: list[str], model: str, dimensions: int) -> list[list[float]]:
        try:
            response = await self._call(texts, model, dimensions)
        except RequestRejected as error:
            # Models of a fixed length reject the parameter; the check below still holds them to it.
            if error.parameter != "dimensions" or model in self._without_dimensions:
                raise
            self._without_dimensions.add(model)
            response = await self._call(texts, model, dimensions)
        return checked_vectors(response, len(texts), dimensions)

    async def _call(self, texts: list[str], model: str, dimensions: int) -> "CreateEmbeddingResponse":
        client = await self._connection.client()
        import openai

        length: dict[str, Any] = {} if model in self._without_dimensions else {"dimensions": dimensions}
        try:
            return await client.embeddings.create(input=texts, model=model, encoding_format="float", **length)
        except (openai.APIError, ValueError) as error:
            failure = translated(error, self._connection.place(model))
            if failure is None:
                raise EmbeddingInvalid("The embeddings endpoint returned no vectors", _FIX) from error
            raise failure from error


def checked_vectors(response: "CreateEmbeddingResponse", count: int, dimensions: int) -> list[list[float]]:
    """The response's vectors in order: float[count][dimensions].

    Raises:
        EmbeddingInvalid: It holds anything else.
    """
    rows = getattr(response, "data", None) or []
    vectors = [row.embedding for row in sorted(rows, key=lambda row: row.index)]
    if len(vectors) != count:
        raise EmbeddingInvalid(f"The embeddings endpoint returned {len(vectors)} vectors for {count} texts", _FIX)
    for vector in vectors:
        if len(vector) != dimensions:
            raise EmbeddingInvalid(
                f"The embeddings endpoint returned vectors of {len(vector)} numbers instead of {dimensions}", _FIX
            )
        if not all(isinstance(number, float | int) and math.isfinite(number) for number in vector):
            raise EmbeddingInvalid("The embeddings endpoint returned numbers that are not finite", _FIX)
    return vectors
