"""What the figures look like as plots and tables: pure, so that it can be tested without a screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import TYPE_CHECKING, Literal

from config.amounts import duration
from widgets.inert import inert_line

if TYPE_CHECKING:
    from memory.metric_figures import Grouping, Metrics, Share, Usage

Topic = Literal["success", "iterations", "usage", "errors", "memory", "questions"]
Unit = Literal["tokens", "cost"]
TOPICS: tuple[Topic, ...] = ("success", "iterations", "usage", "errors", "memory", "questions")
LABEL_CELLS = 18
"""Of a name beside its bar."""
MOST_BARS = 12
MOST_DAYS = 60


@dataclass(frozen=True)
class Chart:
    """One plot."""

    title: str
    kind: Literal["line", "bars"]
    labels: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    percent: bool = False
    """Whether the values are shares in [0, 1]."""
    colour: str = "primary"
    """A variable of the theme."""
    nothing: str = "Nothing to draw yet."
    """What is said where there are no values."""


@dataclass(frozen=True)
class MetricTable:
    """What a plot shows, in numbers; the last line says how to read them."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def headline(found: Metrics, topic: Topic) -> tuple[str, str]:
    """A topic's name and its most telling figure."""
    match topic:
        case "success":
            return "Success", short(found.success)
        case "iterations":
            spread = found.iterations_to_success
            return (
                "Iterations to success",
                "-" if spread.median is None else f"{spread.median:g} · p90 {spread.p90:.3g}",
            )
        case "usage":
            spent = found.spent
            return "Tokens and cost", f"{_count(spent.tokens)} · {_cost(spent)}"
        case "errors":
            return "Failures", _count(found.memory.recalled.of)
        case "memory":
            return "Memory had something", short(found.memory.recalled)
        case "questions":
            return "Questions answered", short(found.answered)


def charts(found: Metrics, topic: Topic, grouping: Grouping, unit: Unit) -> list[Chart]:
    """The plots of a topic, the most telling first."""
    match topic:
        case "success":
            return _success(found)
        case "iterations":
            steps = [step for step in found.steps if step.n]
            places = tuple(str(step.place) for step in steps)
            passing = tuple(step.pass_rate for step in steps)
            green = tuple(float(step.green) for step in found.steps)
            return [
                Chart("tests that pass, by iteration", "line", places, passing, percent=True, colour="success"),
                Chart("runs that were green after", "bars", tuple(str(step.place) for step in found.steps), green),
            ]
        case "usage":
            first = _usage(found, grouping, unit)
            return [first, _usage(found, grouping, "cost" if unit == "tokens" else "tokens")]
        case "errors":
            return [_bars("failures by type of error", [(name, n) for name, n in found.errors], colour="error")]
        case "memory":
            return _memory(found)
        case "questions":
            asked = [(one.topic, one.asked) for one in found.topics]
            return [_bars("questions by topic", asked, colour="accent")]


def _success(found: Metrics) -> list[Chart]:
    days = found.days[-MOST_DAYS:]
    labels, hits, ran, rates = tuple(f"{one.day:%m-%d}" for one in days), 0, 0, []
    for one in days:
        hits, ran = hits + one.success.hits, ran + one.success.of
        rates.append(hits / ran)
    outcomes = [(name, found.outcomes.get(name, 0)) for name in ("success", "failed", "cancelled", "open")]
    # A line of one point says less than a bar.
    kind: Literal["line", "bars"] = "line" if len(days) > 1 else "bars"
    return [
        Chart("success so far, by day", kind, labels, tuple(rates), percent=True, colour="success"),
        _bars("runs by outcome", outcomes),
    ]


def _usage(found: Metrics, grouping: Grouping, unit: Unit) -> Chart:
    title = f"{'tokens' if unit == 'tokens' else 'US dollars'} by {grouping}"
    if unit == "cost" and 0 < found.spent.calls == found.spent.unpriced_calls:
        return Chart(title, "bars", nothing="No call has a known price.")
    pairs = [(name, one.tokens if unit == "tokens" else one.cost_usd) for name, one in found.used_by(grouping)]
    colour = "primary" if unit == "tokens" else "accent"
    if grouping == "day":
        days = pairs[-MOST_DAYS:]
        labels = tuple(name[5:] for name, _ in days)
        kind: Literal["line", "bars"] = "line" if len(days) > 1 else "bars"
        return Chart(title, kind, labels, tuple(float(value) for _, value in days), colour=colour)
    return _bars(title, pairs, colour=colour)


def _memory(found: Metrics) -> list[Chart]:
    from memory.metric_figures import Share

    memory = found.memory
    better = [(name, share.rate or 0.0) for name, share in _help(found) if share.of]
    known = [("something known", memory.recalled), ("used", Share(memory.used.hits, memory.recalled.of))]
    reach = [(name, share.rate or 0.0) for name, share in known if share.of]
    return [
        _bars("failures better in the next iteration", better, percent=True, colour="success"),
        _bars("failures that memory reached", reach, percent=True),
    ]


def _help(found: Metrics) -> list[tuple[str, Share]]:
    return [("memory used", found.memory.improved_with), ("without", found.memory.improved_without)]


def _bars(title: str, pairs: Sequence[tuple[str, float]], *, percent: bool = False, colour: str = "primary") -> Chart:
    shown = pairs[:MOST_BARS]
    labels = tuple(inert_line(name or "-", LABEL_CELLS) for name, _ in shown)
    return Chart(title, "bars", labels, tuple(float(value) for _, value in shown), percent, colour)


def table(found: Metrics, topic: Topic, grouping: Grouping) -> MetricTable:
    """The numbers of a topic."""
    match topic:
        case "success":
            days = tuple((str(one.day), short(one.success), _interval(one.success)) for one in reversed(found.days))
            return MetricTable(("DAY", "SUCCESS", "95% INTERVAL"), days, f"All: {found.success}.")
        case "iterations":
            rows = tuple((str(one.place), str(one.n), f"{one.pass_rate:.0%}", str(one.green)) for one in found.steps)
            wait = found.time_to_green_s.words(duration)
            return MetricTable(("ITERATION", "RUNS", "PASS", "GREEN HERE"), rows, f"Time to green: {wait}.")
        case "usage":
            groups = found.used_by(grouping)
            rows = tuple(
                (inert_line(name or "-", 24), str(one.calls), _count(one.tokens), _cost(one))
                for name, one in (reversed(groups) if grouping == "day" else groups)
            )
            note = f"{found.spent.unpriced_calls} calls have no known price." if found.spent.unpriced_calls else ""
            return MetricTable((grouping.upper(), "CALLS", "TOKENS", "COST"), rows, note)
        case "errors":
            return MetricTable(("TYPE", "FAILURES"), tuple((inert_line(name, 32), str(n)) for name, n in found.errors))
        case "memory":
            return _memory_table(found)
        case "questions":
            asked = tuple(
                (one.topic, str(one.asked), str(one.answered), str(one.denied), str(one.by_rule))
                for one in found.topics
            )
            note = f"A person answered after: {found.approval_wait_s.words(duration)}."
            return MetricTable(("ABOUT", "ASKED", "ANSWERED", "DENIED", "BY RULE"), asked, note)


def _memory_table(found: Metrics) -> MetricTable:
    shares = [("had something", found.memory.recalled), ("was used", found.memory.used)]
    shares += [("better after use", found.memory.improved_with), ("better without", found.memory.improved_without)]
    rows = tuple((name, short(share), _interval(share)) for name, share in shares)
    return MetricTable(
        ("MEMORY", "FAILURES", "95% INTERVAL"),
        rows,
        "Counts, not causes: what memory knows may be what is easy anyway.",
    )


def short(share: Share) -> str:
    """`67% of 3`."""
    return "-" if share.rate is None else f"{share.rate:.0%} of {share.of:,}"


def _interval(share: Share) -> str:
    return "-" if share.interval is None else f"{share.interval[0]:.0%} to {share.interval[1]:.0%}"


def _cost(usage: Usage) -> str:
    if usage.calls and usage.unpriced_calls == usage.calls:
        return "unknown"
    return f"${usage.cost_usd:,.2f}" + ("+" if usage.unpriced_calls else "")


def _count(number: float) -> str:
    for size, letter in ((1_000_000, "M"), (1000, "k")):
        if number >= size:
            return f"{number / size:.3g}{letter}" if number / size < 1000 else f"{number / size:,.0f}{letter}"
    return f"{number:g}"


def axis_top(chart: Chart) -> float:
    """Where the axis of values ends, so that its quarters are round numbers."""
    if chart.percent:
        return 1.0
    most = max((*chart.values, 0.0))
    if not most:
        return 1.0
    size = 10.0 ** floor(log10(most))
    top = next(step * size for step in (1, 2, 4, 6, 8, 10) if step * size >= most)
    return max(top, 4.0) if all(value == int(value) for value in chart.values) else top


def tick(value: float, chart: Chart) -> str:
    """A value at an axis."""
    return f"{value:.0%}" if chart.percent else _count(round(value, 6))
