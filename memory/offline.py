"""The offline embedder: it needs no key, no network and no model, and finds the same failure again better than small
neural models do. numpy comes in with the first text: whoever only looks at runs does without.
"""

import asyncio
from collections.abc import Sequence

from memory.embedders import Vector

NAME = "hashed-ngrams-2"
DIMENSIONS = 384
THRESHOLD = 0.3
FOREIGN_THRESHOLD = 0.8
"""Fitted by the retrieval benchmark on one half of its programs, and held against the other: at most one in five of the
failures that memory knows nothing of recalls something."""


class OfflineEmbedder:
    """Vectors of 384 dimensions, the same on every machine and in every process."""

    name = NAME
    dimensions = DIMENSIONS
    threshold = THRESHOLD
    foreign_threshold = FOREIGN_THRESHOLD
    sparse = True

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text; a millisecond or two each, in a thread, for the table is read at the first use."""
        return await asyncio.to_thread(_vectors, texts)


def _vectors(texts: Sequence[str]) -> list[Vector]:
    from memory.hashed_ngrams import embed_text

    return [embed_text(text, DIMENSIONS).tolist() for text in texts]
