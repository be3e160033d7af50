"""Which stored failures are worth recalling for a query, and how well a method finds them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tests.bench.retrieval.corpus import Failure

Kind = Literal["T1", "T3", "T4", "T5"]
KINDS: tuple[Kind, ...] = ("T1", "T3", "T4", "T5")
"""The same function; the same line; another program with the same kind of bug and type of error; T3 renamed."""
TOP = 5
RESAMPLED = 300

Scores = NDArray[np.float64]
"""float64[queries, stored]; minus infinity where a method does not answer with it."""
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Question:
    """What is asked, of what, and what would be right."""

    queries: Sequence[Failure]
    stored: Sequence[Failure]

    def relevant(self, kind: Kind) -> Flags:
        """bool[queries, stored]."""
        same_program = self._same(lambda one: one.program)
        if kind == "T1":
            named = np.array([bool(one.function) for one in self.queries])
            return np.asarray(same_program & self._same(lambda one: one.function) & named[:, None])
        if kind == "T4":
            typed = np.array([bool(one.error_type) for one in self.queries])
            alike = self._same(lambda one: one.kind) & self._same(lambda one: one.error_type)
            return np.asarray(~same_program & alike & typed[:, None])
        return np.asarray(same_program & self._same(lambda one: one.line))

    def same_program(self) -> Flags:
        """bool[queries, stored]."""
        return self._same(lambda one: one.program)

    def _same(self, of: Callable[[Failure], str | int]) -> Flags:
        asked = np.array([of(one) for one in self.queries])
        known = np.array([of(one) for one in self.stored])
        return np.asarray(asked[:, None] == known[None, :], dtype=np.bool_)


@dataclass(frozen=True)
class Figure:
    """A mean over queries with the 95 % interval that other programs would give."""

    mean: float
    low: float
    high: float
    count: int


def recall_and_rank(scores: Scores, relevant: Flags) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each query recall@5, capped by what there is, and the reciprocal rank; NaN where nothing is relevant."""
    recalls, ranks = np.full(len(scores), np.nan), np.full(len(scores), np.nan)
    for number, (row, wanted) in enumerate(zip(scores, relevant, strict=True)):
        if not wanted.any():
            continue
        order = np.argsort(-row, kind="stable")
        order = order[np.isfinite(row[order])]
        hits = np.flatnonzero(wanted[order])
        recalls[number] = (hits < TOP).sum() / min(TOP, wanted.sum())
        ranks[number] = 1 / (hits[0] + 1) if len(hits) else 0.0
    return recalls, ranks


def figure(values: NDArray[np.float64], programs: Sequence[str], seed: int = 1) -> Figure:
    """The mean of what is known, and its interval when whole programs are drawn anew."""
    names = np.array(programs)
    fit = ~np.isnan(values)
    groups = [values[fit & (names == name)] for name in sorted(set(programs))]
    groups = [group for group in groups if len(group)]
    chance = np.random.default_rng(seed)
    sums = np.array([group.sum() for group in groups])
    counts = np.array([len(group) for group in groups])
    drawn = chance.integers(0, len(groups), (RESAMPLED, len(groups)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Figure(float(values[fit].mean()), float(low), float(high), int(fit.sum()))
