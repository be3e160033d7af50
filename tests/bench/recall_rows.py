"""Rows for the benchmark of recall's size: vectors of the shipped embedder, in clusters as real failures have them.

A report's vector is nearly the sum of its parts'. So parts are embedded (functions of the standard library, lines
of errors, names of tests), and rows are sums of them: common functions fail often, a run fails at one place several
times, and some failures are the same one again.
"""

import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory.hashed_ngrams import embed_text
from memory.offline import DIMENSIONS

Floats = NDArray[np.float32]

FUNCTIONS = 3000
ERRORS = 400
TESTS = 1500
PROJECTS = 500
BURST = 8
"""Failures that one run stores one after the other, in one project and language."""
AGAIN = 0.1
"""Share of rows that repeat an earlier one to the last bit."""
RARE = 0.01
"""Share of the rows in the rare language."""
WEIGHTS = (1.0, 0.45, 0.5, 0.4)
"""Of a function, an error, a test and the values in a report's vector."""
COMMON_LANGUAGE, RARE_LANGUAGE = "python", "node"


@dataclass(frozen=True)
class Chunk:
    """Some rows."""

    first: int
    projects: NDArray[np.int64]
    rare: NDArray[np.bool_]
    vectors: Floats
    """float32[rows, 384], rounded to what half precision holds."""


class RowSource:
    """Draws rows and queries.

    Args:
        seed: the same seed, the same rows.
    """

    def __init__(self, seed: int) -> None:
        self._chance = np.random.default_rng(seed)
        functions = _functions()
        words = sorted({word for text in functions for word in re.findall(r"[a-z_]{4,}", text)})
        pick = np.random.default_rng(1)
        errors = [f"E       {kind}: {' '.join(pick.choice(words, 5))}" for kind in _kinds() for _ in range(ERRORS // 8)]
        tests = [f"def test_{a}_{b}():\n>       assert {a}({b}) == {c}" for a, b, c in pick.choice(words, (TESTS, 3))]
        self._functions, self._errors, self._tests = (_embedded(texts) for texts in (functions, errors, tests))

    def chunks(self, rows: int, size: int = 50_000) -> Iterator[Chunk]:
        """The rows, chunk by chunk."""
        for first in range(0, rows, size):
            count = min(size, rows - first)
            bursts = -(-count // BURST)
            projects = np.repeat((PROJECTS * self._chance.random(bursts) ** 1.5).astype(np.int64), BURST)[:count]
            rare = np.repeat(self._chance.random(bursts) < RARE, BURST)[:count]
            yield Chunk(first, projects, rare, self.vectors(count))

    def vectors(self, count: int) -> Floats:
        """Unit vectors: a function that some few favour, an error that it likes to raise, a test, its own values."""
        chance = self._chance
        place = (FUNCTIONS * chance.random(-(-count // BURST)) ** 2).astype(np.int64)
        function = np.repeat(place, BURST)[:count]
        stray = chance.random(count) < 0.3
        function[stray] = chance.integers(0, FUNCTIONS, int(stray.sum()))
        error = (function * 7 + chance.integers(0, 4, count)) % len(self._errors)
        test = (function * 3 + chance.integers(0, 6, count)) % len(self._tests)
        values = chance.standard_normal((count, DIMENSIONS), dtype=np.float32) / np.float32(DIMENSIONS**0.5)
        weights = chance.uniform(0.7, 1.3, (count, 4)).astype(np.float32) * np.array(WEIGHTS, dtype=np.float32)
        vectors = sum_of(weights, self._functions[function], self._errors[error], self._tests[test], values)
        again = np.flatnonzero(chance.random(count) < AGAIN)
        vectors[again] = vectors[chance.integers(0, count, len(again))]
        return vectors.astype(np.float16).astype(np.float32)


def sum_of(weights: Floats, *parts: Floats) -> Floats:
    """The weighted sum of the parts, row by row, of unit length."""
    total = np.zeros_like(parts[0])
    for number, part in enumerate(parts):
        total += weights[:, number, None] * part
    return np.asarray(total / np.linalg.norm(total, axis=1, keepdims=True), dtype=np.float32)


def _kinds() -> tuple[str, ...]:
    return (
        "AssertionError",
        "KeyError",
        "TypeError",
        "ValueError",
        "IndexError",
        "AttributeError",
        "NameError",
        "OSError",
    )


def _functions() -> list[str]:
    """Functions of the standard library, as a report shows them."""
    found = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        starts = [number for number, line in enumerate(lines) if re.match(r"\s*def \w+", line)]
        found += ["\n".join([*lines[at : at + 14], f"{path.name}:N: "]) for at in starts]
    return [found[int(at)] for at in np.linspace(0, len(found) - 1, FUNCTIONS)]


def _embedded(texts: list[str]) -> Floats:
    return np.array([embed_text(text) for text in texts], dtype=np.float32)
