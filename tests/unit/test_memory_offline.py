"""The offline embedder."""

import math
import subprocess
import sys

import numpy as np
import pytest

from memory.hashed_ngrams import embed_text
from memory.offline import DIMENSIONS, OfflineEmbedder

FAILURE = "E   KeyError: 'amount'\n  shop.py:12: in total\n    return row['amount']"


async def test_vectors_have_unit_length() -> None:
    embedder = OfflineEmbedder()
    full, empty = await embedder.embed([FAILURE, ""])
    assert len(full) == len(empty) == DIMENSIONS == embedder.dimensions
    assert math.isclose(sum(x * x for x in full), 1.0)
    assert not any(empty)


@pytest.mark.parametrize("text", ["a", "\x00", "\ud800", "😀" * 3, "x" * 100_000, " \n"])
def test_any_text_has_a_vector(text: str) -> None:
    assert np.isfinite(embed_text(text)).all()


def test_likeness_follows_the_text() -> None:
    here = embed_text(FAILURE)
    near = embed_text(FAILURE.replace("amount", "price"))
    far = embed_text("ConnectionRefusedError: [Errno 111] on port 8080 of the server under test")
    assert here @ near > 0.5 > 0.2 > here @ far


def test_vectors_are_the_same_in_every_process() -> None:
    code = f"from memory.hashed_ngrams import embed_text; print(embed_text({FAILURE!r}).round(9).tolist())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str(embed_text(FAILURE).round(9).tolist())


def test_the_model_is_frozen() -> None:
    """Stored vectors are compared with new ones: another sum needs another name of the model."""
    vector = embed_text(FAILURE)
    assert round(float(np.abs(vector).sum()), 6) == FROZEN


FROZEN = 15.170135
