"""Embeddings from a model server, checked before anything stores them, and what they cost."""

import base64
import binascii
import math
import struct
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.llm.connection import Connection
from engine.llm.errors import ContextTooLong, EmbeddingInvalid, RequestRejected
from engine.llm.prices import PriceList
from engine.llm.protocol import OnRetry, Usage
from engine.llm.retry import with_retries
from engine.llm.tokens import TokenCounter, estimated_tokens
from engine.llm.translate import translated
from memory.embedders import Counted, shorten

if TYPE_CHECKING:
    from openai.types import CreateEmbeddingResponse

_BATCH = 256
_FEWEST_CHARACTERS = 400
"""A text that is still too long for the model when it is cut to this is not the reason of the refusal."""
_FIX = "Check models.embedding and embedding.dimensions in openai.yaml, or set memory.embedder to offline."


class OpenAIEmbeddings:
    """The embeddings endpoint of an OpenAI-compatible server."""

    def __init__(self, connection: Connection, on_retry: OnRetry | None = None) -> None:
        self._connection = connection
        self._on_retry = on_retry
        self._prices = PriceList(connection.settings, connection.base_url, TokenCounter())
        self._without_dimensions: set[str] = set()
        self._characters: dict[str, int] = {}
        """Characters that a model of a small window can read."""

    async def embed(self, texts: list[str], model: str, dimensions: int) -> Counted:
        """Embed texts, in batches.

        Args:
            texts: What is embedded; an empty text counts as a space, because servers reject it.
            model: The embedding model.
            dimensions: Length that every vector must have.

        Returns:
            float[len(texts)][dimensions], in the order of the texts, and what they cost; a server that does not count
            tokens has them estimated.

        Raises:
            EmbeddingInvalid: The server returned another number or length of vectors, or numbers that say nothing.
            ModelError: The call failed.
        """
        vectors: list[list[float]] = []
        tokens = 0
        for start in range(0, len(texts), _BATCH):
            batch = [text or " " for text in texts[start : start + _BATCH]]
            answer, used = await with_retries(
                partial(self._batch, batch, model, dimensions),
                self._connection.settings.retry,
                self._on_retry,
            )
            vectors += answer
            tokens += used
        return Counted(vectors, self._usd(model, tokens))

    def price_usd(self, texts: Sequence[str], model: str) -> float | None:
        """What embedding the texts will cost, about; None where the model's price is unknown."""
        return self._usd(model, sum(estimated_tokens(text) for text in texts))

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    def _usd(self, model: str, tokens: int) -> float | None:
        return self._prices.cost_usd(model, Usage(input_tokens=tokens, output_tokens=0))

    async def _batch(self, texts: list[str], model: str, dimensions: int) -> tuple[list[list[float]], int]:
        """(vectors, tokens); texts lose their middle until the model can read them."""
        longest = max(map(len, texts))
        while True:
            limit = self._characters.get(model, longest)
            sent = [shorten(text, limit) for text in texts]
            try:
                response = await self._asked(sent, model, dimensions)
            except ContextTooLong:
                shorter = min(limit, longest) // 2
                if shorter < _FEWEST_CHARACTERS:
                    raise
                self._characters[model] = shorter
                continue
            vectors = checked_vectors(response, len(texts), dimensions)
            used = getattr(getattr(response, "usage", None), "prompt_tokens", None)
            counted = used if isinstance(used, int) and used > 0 else sum(map(estimated_tokens, sent))
            return vectors, counted

    async def _asked(self, texts: list[str], model: str, dimensions: int) -> "CreateEmbeddingResponse":
        try:
            return await self._call(texts, model, dimensions)
        except RequestRejected as error:
            # Models of a fixed length reject the parameter, some without a name for it; the check holds them to it.
            if error.parameter not in ("", "dimensions") or model in self._without_dimensions:
                raise
            response = await self._call(texts, model, None)
            self._without_dimensions.add(model)
            return response

    async def _call(self, texts: list[str], model: str, dimensions: int | None) -> "CreateEmbeddingResponse":
        client = await self._connection.client()
        import openai

        length: dict[str, Any] = {}
        if dimensions is not None and model not in self._without_dimensions:
            length["dimensions"] = dimensions
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
    rows = getattr(response, "data", None)
    rows = rows if isinstance(rows, list) else []
    if len(rows) != count:
        raise EmbeddingInvalid(f"The embeddings endpoint returned {len(rows)} vectors for {count} texts", _FIX)
    places = [getattr(row, "index", None) for row in rows]
    if set(places) == set(range(count)):
        rows = [rows[places.index(place)] for place in range(count)]
    elif set(places) - {None, 0}:
        raise EmbeddingInvalid("The embeddings endpoint numbered its vectors so that their order is unknown", _FIX)
    return [_checked(getattr(row, "embedding", None), dimensions) for row in rows]


def _checked(given: Any, dimensions: int) -> list[float]:
    vector = _decoded(given) if isinstance(given, str) else given
    if not isinstance(vector, list) or not all(isinstance(number, float | int) for number in vector):
        raise EmbeddingInvalid("The embeddings endpoint returned something else than numbers", _FIX)
    if len(vector) != dimensions:
        raise EmbeddingInvalid(
            f"The embeddings endpoint returned vectors of {len(vector)} numbers instead of {dimensions}", _FIX
        )
    if not all(map(math.isfinite, vector)):
        raise EmbeddingInvalid("The embeddings endpoint returned numbers that are not finite", _FIX)
    length = math.sqrt(math.fsum(number * number for number in vector))
    if not 0 < length < math.inf:
        raise EmbeddingInvalid("The embeddings endpoint returned a vector without a direction, all zero", _FIX)
    # Half precision, in which vectors are stored, holds no large numbers; only the direction counts.
    return [number / length for number in vector]


def _decoded(text: str) -> list[float]:
    """Little-endian float32 in base64, which some servers send whatever they are asked for."""
    try:
        raw = base64.b64decode(text, validate=True)
        return list(struct.unpack(f"<{len(raw) // 4}f", raw))
    except (binascii.Error, ValueError, struct.error):
        raise EmbeddingInvalid("The embeddings endpoint returned vectors that cannot be decoded", _FIX) from None
