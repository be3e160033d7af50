"""BM25 over words, as a measure for the others; nothing that is shipped uses it."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

K1, B = 1.2, 0.75
_WORD = re.compile(r"[A-Za-z_]\w*|\d+|[^\w\s]")


class BM25:
    """An index of texts.

    Args:
        texts: to be found.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(words(text)) for text in texts]
        self._vocabulary = {word: at for at, word in enumerate(sorted({word for one in counts for word in one}))}
        lengths = np.array([sum(one.values()) for one in counts], dtype=np.float64)
        known = np.zeros((len(counts), len(self._vocabulary)), dtype=np.float32)
        for row, one in enumerate(counts):
            known[row, [self._vocabulary[word] for word in one]] = list(one.values())
        seen = (known > 0).sum(axis=0)
        idf = np.log(1 + (len(counts) - seen + 0.5) / (seen + 0.5))
        norm = K1 * (1 - B + B * lengths / lengths.mean())
        self._weights = (idf * known * (K1 + 1) / (known + norm[:, None])).astype(np.float32)

    def scores(self, text: str) -> NDArray[np.float32]:
        """How well each of the texts answers this one."""
        columns = [self._vocabulary[word] for word in words(text) if word in self._vocabulary]
        return np.asarray(self._weights[:, columns].sum(axis=1), dtype=np.float32)


def words(text: str) -> list[str]:
    """Words, numbers and signs, in lower case."""
    return [word.lower() for word in _WORD.findall(text)]
