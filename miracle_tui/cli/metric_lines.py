"""The figures as lines for a person."""

from collections.abc import Sequence

from config.amounts import dollars, duration, plural, short_count
from memory.metric_figures import Grouping, Metrics, Usage
from miracle_tui.cli.console import table
from miracle_tui.cli.inert import one_line

BAR = 24
"""Cells of a whole bar."""
MOST_ROWS = 10
"""Rows of a table; `--json` has them all."""
GROUPINGS: tuple[Grouping, ...] = ("agent", "model", "day")


def metric_lines(found: Metrics) -> list[str]:
    """Everything there is to say; where there are no runs, how to get some."""
    sort = "scripted" if found.filters.scripted else "real"
    if not found.runs:
        lines = [f"There is no {sort} run that this is about."]
        if found.others:
            other, flag = ("real", "--real") if found.filters.scripted else ("scripted", "--scripted")
            lines.append(f"→ counted apart: {plural(found.others, f'{other} run')}:  miracle metrics {flag}")
        else:
            lines.append('→ start one:  miracle run -t "what you want"   or see one:  miracle demo')
        return lines
    return [
        f"▸ {plural(found.runs, f'{sort} run')}, {_outcomes(found)}",
        *_runs(found),
        *_pass_rates(found),
        *_usage(found),
        *_errors(found),
        *_memory(found),
        *_approvals(found),
    ]


def _outcomes(found: Metrics) -> str:
    words = {"success": "green", "failed": "failed", "cancelled": "cancelled", "open": "not over"}
    return ", ".join(f"{found.outcomes[name]} {word}" for name, word in words.items() if found.outcomes.get(name))


def _runs(found: Metrics) -> list[str]:
    iterations, seconds = found.iterations_to_success, found.time_to_green_s
    return [
        f"  success                 {found.success}",
        f"  iterations to success   {iterations.words(lambda value: f'{value:.3g}')}",
        f"  time to green           {seconds.words(duration)}",
    ]


def _pass_rates(found: Metrics) -> list[str]:
    rows = [
        (str(step.place), str(step.n), f"{step.pass_rate:4.0%}", bar(step.pass_rate), str(step.green))
        for step in found.steps[:MOST_ROWS]
        if step.n
    ]
    return _section("Tests that pass, by iteration", rows, ("ITERATION", "RUNS", "PASS", " " * BAR, "GREEN HERE"))


def _usage(found: Metrics) -> list[str]:
    lines: list[str] = []
    for grouping in GROUPINGS:
        groups = found.used_by(grouping)
        groups = groups[-MOST_ROWS:] if grouping == "day" else groups
        top = max((one.tokens for _, one in groups), default=0) or 1
        rows = [
            (one_line(name, 40) or "-", str(one.calls), short_count(one.tokens), _cost(one), bar(one.tokens / top))
            for name, one in groups[:MOST_ROWS]
        ]
        lines += _section(f"Tokens and cost by {grouping}", rows, (grouping.upper(), "CALLS", "TOKENS", "COST", ""))
    return lines


def _cost(usage: Usage) -> str:
    if usage.unpriced_calls == usage.calls:
        return "unknown"
    return dollars(usage.cost_usd) + ("+" if usage.unpriced_calls else "")


def _errors(found: Metrics) -> list[str]:
    top = max((count for _, count in found.errors), default=1)
    rows = [(one_line(name, 60), str(count), bar(count / top)) for name, count in found.errors]
    return _section("Failures by type of error", rows, ("TYPE", "FAILURES", ""))


def _memory(found: Metrics) -> list[str]:
    memory = found.memory
    if not memory.recalled.of:
        return []
    return [
        "▸ Memory",
        f"  offered something       {memory.recalled} failures",
        f"  used by the reflector   {memory.used}",
        f"  better after use        {memory.improved_with}",
        f"  better without          {memory.improved_without}",
        "  · these are counts, not causes: what memory knows may be what is easy anyway",
    ]


def _approvals(found: Metrics) -> list[str]:
    rows = [(one.topic, str(one.asked), str(one.answered), str(one.denied), str(one.by_rule)) for one in found.topics]
    lines = _section("Questions", rows, ("ABOUT", "ASKED", "ANSWERED", "DENIED", "BY RULE"))
    return [*lines, f"  · a person answered after: {found.approval_wait_s.words(duration)}"] if lines else []


def _section(title: str, rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> list[str]:
    return [f"▸ {title}", *(f"  {line}" for line in table(rows, header))] if rows else []


def bar(share: float) -> str:
    """A share in [0, 1] as a bar of eighths of cells."""
    eighths = round(min(1.0, max(0.0, share)) * BAR * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + ("" if not rest else " ▏▎▍▌▋▊▉"[rest])
