"""The figures of many runs: what `memory.metrics` reads, as values. docs/metrics.md defines each in a line."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from math import sqrt
from typing import Literal

Z = 1.959963984540054
"""Of the normal distribution, for an interval that holds in 95 of 100 cases."""


@dataclass(frozen=True)
class MetricFilters:
    """Which runs count. Real and scripted ones are never mixed."""

    since: datetime | None = None
    """Begun at this moment or later."""
    until: datetime | None = None
    """Begun before this moment."""
    project: str = ""
    """The absolute folder that they are about; empty for all."""
    language: str = ""
    scripted: bool = False


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    hits: int
    of: int

    @property
    def rate(self) -> float | None:
        """In [0, 1]; None of nothing."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's interval at 95 %: where the true rate is, as far as so few cases can say."""
        if not self.of:
            return None
        rate, n = self.hits / self.of, self.of
        middle = (rate + Z * Z / (2 * n)) / (1 + Z * Z / n)
        reach = Z * sqrt(rate * (1 - rate) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
        return max(0.0, middle - reach), min(1.0, middle + reach)

    def __str__(self) -> str:
        """`67% of 3 (21% to 94%)`: the share, and where the true one is."""
        if self.interval is None:
            return "none yet"
        low, high = self.interval
        return f"{self.hits / self.of:.0%} of {self.of} ({low:.0%} to {high:.0%})"


@dataclass(frozen=True)
class Spread:
    """A quantity over several runs."""

    n: int = 0
    total: float = 0.0
    median: float | None = None
    p90: float | None = None

    def words(self, show: Callable[[float], str]) -> str:
        """`median 2, p90 4 (n 5)`, each value as `show` writes it."""
        if self.median is None or self.p90 is None:
            return "none yet"
        return f"median {show(self.median)}, p90 {show(self.p90)} (n {self.n})"


@dataclass(frozen=True)
class Usage:
    """What model calls took."""

    agent: str = ""
    model: str = ""
    day: date | None = None
    calls: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    unpriced_calls: int = 0
    """Calls whose price is unknown; they are not in `cost_usd`."""


@dataclass(frozen=True)
class DayOutcome:
    """The runs that began on a day, in UTC, and ended by themselves."""

    day: date
    success: Share


@dataclass(frozen=True)
class IterationStep:
    """The iterations with one place in their runs: the first of each, the second of each."""

    place: int
    n: int
    pass_rate: float
    """The mean share of tests that passed."""
    green: int
    """Runs that succeeded with exactly so many iterations."""


@dataclass(frozen=True)
class Topic:
    """Questions to a person about one topic."""

    topic: str
    asked: int
    answered: int
    denied: int
    by_rule: int
    """Answered by a standing rule."""


@dataclass(frozen=True)
class MemoryFigures:
    """What memory did for failures. Whether it is the cause of anything, these numbers cannot say."""

    recalled: Share = Share(0, 0)
    """Failures for which memory offered something, of all."""
    used: Share = Share(0, 0)
    """Failures whose reflector said it used some of it, of those."""
    improved_with: Share = Share(0, 0)
    """Failures that the next iteration solved or improved after such use, of those whose outcome is known."""
    improved_without: Share = Share(0, 0)
    """The same without any use."""


Grouping = Literal["agent", "model", "day"]


@dataclass(frozen=True)
class Metrics:
    """All figures of the runs that the filters choose."""

    filters: MetricFilters
    outcomes: dict[str, int] = field(default_factory=dict)
    """Runs by `success`, `failed`, `cancelled`, `open`."""
    others: int = 0
    """Runs of the other sort, scripted or real, which are not counted."""
    iterations_to_success: Spread = Spread()
    time_to_green_s: Spread = Spread()
    days: tuple[DayOutcome, ...] = ()
    steps: tuple[IterationStep, ...] = ()
    usage: tuple[Usage, ...] = ()
    """By agent and model."""
    usage_days: tuple[Usage, ...] = ()
    """By day, in UTC."""
    errors: tuple[tuple[str, int], ...] = ()
    """Failures by type of error, the most frequent first; `other` ends what is cut."""
    memory: MemoryFigures = MemoryFigures()
    topics: tuple[Topic, ...] = ()
    approval_wait_s: Spread = Spread()
    """Seconds until a person answered."""

    @property
    def success(self) -> Share:
        """Runs that succeeded, of those that ended by themselves."""
        hits = self.outcomes.get("success", 0)
        return Share(hits, hits + self.outcomes.get("failed", 0))

    @property
    def runs(self) -> int:
        """All that were chosen."""
        return sum(self.outcomes.values())

    @property
    def answered(self) -> Share:
        """Questions that have an answer, of all."""
        return Share(sum(one.answered for one in self.topics), sum(one.asked for one in self.topics))

    @property
    def spent(self) -> Usage:
        """All model calls together."""
        return total(self.usage)

    def used_by(self, grouping: Grouping) -> list[tuple[str, Usage]]:
        """What calls took by agent or model, the most tokens first, or by day, the oldest first."""
        if grouping == "day":
            return [(str(one.day), one) for one in self.usage_days]
        groups: dict[str, list[Usage]] = {}
        for one in self.usage:
            groups.setdefault(one.agent if grouping == "agent" else one.model, []).append(one)
        summed = [(name, total(ones)) for name, ones in groups.items()]
        return sorted(summed, key=lambda pair: (-pair[1].tokens, pair[0]))


def total(parts: "tuple[Usage, ...] | list[Usage]") -> Usage:
    """Several usages as one."""
    return Usage(
        calls=sum(one.calls for one in parts),
        tokens=sum(one.tokens for one in parts),
        cost_usd=sum(one.cost_usd for one in parts),
        unpriced_calls=sum(one.unpriced_calls for one in parts),
    )
