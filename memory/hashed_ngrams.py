"""Hashed character and word n-grams, weighted by a shipped table of document frequencies.

The features and the table together are the model of `memory.offline`: a change of either is a new name there.
"""

import re
import zlib
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory.embedders import shorten

BUCKETS = 1 << 16
SIGNED_BUCKETS = 8
"""Places of the vector that one feature adds to; several keep collisions from looking like likeness."""
CHARACTERS = 20_000
IDF_TABLE = Path(__file__).with_name("offline_idf_2.npz")

_WORD = re.compile(r"\w+|[^\w\s]")
_PRIME = np.uint64(1_099_511_628_211)
_SALT = 0x9E3779B97F4A7C15

Hashes = NDArray[np.uint64]


def embed_text(text: str, dimensions: int = 384) -> NDArray[np.float64]:
    """The text's vector.

    Returns:
        float[dimensions] of unit length; all zero for an empty text.
    """
    hashes, counts = np.unique(features(text), return_counts=True)
    weights = (1.0 + np.log(counts)) * _idf()[(hashes & np.uint64(BUCKETS - 1)).astype(np.int64)]
    vector = np.zeros(dimensions)
    for place in range(1, SIGNED_BUCKETS + 1):
        mixed = _mix(hashes + np.uint64(_SALT * place % 2**64))
        signs = 1.0 - 2.0 * (mixed & np.uint64(1)).astype(np.float64)
        index = ((mixed >> np.uint64(1)) % np.uint64(dimensions)).astype(np.int64)
        vector += np.bincount(index, weights=weights * signs, minlength=dimensions)
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def features(text: str) -> Hashes:
    """Hashes of the text's features, one for each occurrence: character 3- to 5-grams, words, pairs of words."""
    lower = shorten(text, CHARACTERS).lower()
    points = np.frombuffer(lower.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    words = [zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in _WORD.findall(lower)]
    return np.concatenate(
        [
            *(_grams(points, size, kind=size) for size in (3, 4, 5)),
            *(_grams(np.array(words, dtype=np.uint64), size, kind=size + 5) for size in (1, 2)),
        ]
    )


def _grams(items: Hashes, size: int, kind: int) -> Hashes:
    count = len(items) - size + 1
    if count <= 0:
        return np.empty(0, dtype=np.uint64)
    rolled = np.full(count, kind, dtype=np.uint64)
    for offset in range(size):
        rolled = rolled * _PRIME + items[offset : offset + count]
    return _mix(rolled)


def _mix(values: Hashes) -> Hashes:
    # The finaliser of splitmix64: every bit of the input moves every bit of the output.
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@cache
def _idf() -> NDArray[np.float64]:
    with np.load(IDF_TABLE) as table:
        quantised: NDArray[np.uint8] = table["quantised"]
        return quantised.astype(np.float64) * float(table["step"])
