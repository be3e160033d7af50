"""The forecast: how many iterations runs like this one took, and what they cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.amounts import dollars

if TYPE_CHECKING:
    from memory.forecasts import PastRun

ENOUGH = 3
"""Runs below which nothing is foretold."""
NOTHING_KNOWN = "no runs like this yet"
_LOW, _MEDIAN, _HIGH = 0.1, 0.5, 0.9


@dataclass(frozen=True)
class Span:
    """The middle 80 % of what was seen, and its median."""

    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Forecast:
    """What to expect of a run."""

    runs: int
    """How many past runs it rests on."""
    own_project: bool
    """Whether they are all of the same folder."""
    iterations: Span
    cost_usd: Span | None
    """None where the price of too many of them was not known."""

    @property
    def text(self) -> str:
        """The forecast in a line."""
        low, high = round(self.iterations.low), round(self.iterations.high)
        trips = f"{low}" if low == high else f"{low}-{high}"
        told = f"{trips} iteration{'s' if high != 1 else ''} (median {self.iterations.median:.3g})"
        if self.cost_usd is not None:
            told += f", {_money(self.cost_usd)} (median {dollars(self.cost_usd.median)})"
        return f"{self.runs} runs like this{' in this folder' if self.own_project else ''}: {told}"


def forecast(past: "Sequence[PastRun]", project_type: str, phases: int = 0) -> Forecast | None:
    """What past runs in the same language say; None where too few of them are like this one.

    The runs of the same folder say most. Where they are too few, those of the same project type are taken; of either,
    first those whose plan has as many phases.

    Args:
        past: the runs, the newest first.
        project_type: of the task.
        phases: of the plan; 0 while there is none.
    """
    likeness: tuple[Callable[[PastRun], bool], ...] = (
        lambda run: run.own_project and run.phases == phases,
        lambda run: run.own_project,
        lambda run: run.project_type == project_type and run.phases == phases,
        lambda run: run.project_type == project_type,
    )
    for like in likeness:
        found = [run for run in past if like(run)]
        if len(found) >= ENOUGH:
            return _of(found)
    return None


def _of(found: "list[PastRun]") -> Forecast:
    costs = [run.cost_usd for run in found if run.cost_usd > 0]
    return Forecast(
        runs=len(found),
        own_project=all(run.own_project for run in found),
        iterations=_span([run.iterations for run in found]),
        cost_usd=_span(costs) if len(costs) >= ENOUGH else None,
    )


def _span(values: Sequence[float]) -> Span:
    return Span(_quantile(values, _LOW), _quantile(values, _MEDIAN), _quantile(values, _HIGH))


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _money(span: Span) -> str:
    low, high = dollars(span.low), dollars(span.high)
    return low if low == high else f"{low}-{high.removeprefix('$')}"
