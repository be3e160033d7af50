"""Fit the offline embedder's table of inverse document frequencies.

The documents are the failures of the retrieval benchmark's fitting side: real reports of pytest and node:test, of
programs that the benchmark never asks about. The table is shipped frozen: fit it anew only with a new name in
`memory/offline.py`.

    python scripts/fit_idf.py
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from memory.hashed_ngrams import BUCKETS, IDF_TABLE, features
from memory.normalise import mask
from tests.bench.retrieval.corpus import read_corpus
from tests.bench.retrieval.split import fitting_side

SHARPNESS = 1.4
"""Chosen on the fitting side, one half of it against the other."""


def main() -> None:
    """Write the table beside the embedder."""
    reports = [one.report for one in fitting_side(read_corpus())]
    idf = fitted(reports)
    step = float(idf.max()) / 255
    np.savez_compressed(IDF_TABLE, quantised=np.round(idf / step).astype(np.uint8), step=np.float64(step))
    print(f"{len(reports)} reports, {int((idf < idf.max()).sum())} buckets, {IDF_TABLE.stat().st_size} bytes")


def fitted(reports: Sequence[str]) -> NDArray[np.float64]:
    """The inverse document frequency of each bucket, sharpened."""
    seen = np.zeros(BUCKETS)
    for report in reports:
        buckets = np.unique(features(mask(report)) & np.uint64(BUCKETS - 1)).astype(np.int64)
        seen[buckets] += 1
    return np.asarray((np.log((1 + len(reports)) / (1 + seen)) + 1) ** SHARPNESS, dtype=np.float64)


if __name__ == "__main__":
    main()
