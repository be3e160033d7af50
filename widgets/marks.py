"""The glyphs and colours by which panes say how a run, an iteration, a phase or a test ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from widgets.inert import inert_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.state import Iteration
    from engine.task import Finding

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

STAGE_STYLES = {
    "INIT": "$foreground-muted",
    "PLANNING": "$text-secondary",
    "CODING": "$text-primary",
    "REVIEW": "$text-accent",
    "AUDIT": "$text-accent",
    "TESTING": "$text-warning",
    "REFLECTING": "$text-secondary",
    "SUCCESS": "$text-success",
    "FAILED": "$text-error",
    "CANCELLED": "$foreground-muted",
}

OUTCOME_MARKS = {
    "passed": ("✓", "$text-success"),
    "xfailed": ("✓", "$text-success"),
    "failed": ("✗", "$text-error"),
    "error": ("✗", "$text-error"),
    "xpassed": ("✗", "$text-error"),
    "skipped": ("–", "$text-warning"),
    "running": ("●", "$text-primary"),
    "waiting": ("○", "$foreground-muted"),
}

OUTCOME_STYLES = {
    **dict.fromkeys(("success", "green", "solved", "improved"), "$text-success"),
    **dict.fromkeys(("failed", "red", "cancelled", "unchanged"), "$text-error"),
}
"""Of runs, iterations and failures."""

DIFF_STYLES = {"+": "$text-success", "-": "$text-error", "@": "$text-primary"}
"""By the first character of a line of a diff."""

SEVERITY_STYLES = {
    "critical": "$text-error bold",
    "major": "$text-warning",
    "minor": "$text-secondary",
    "info": "$foreground-muted",
}
"""The worst first."""

_RANKS = list(SEVERITY_STYLES)


def iteration_mark(iteration: Iteration) -> tuple[str, str, str]:
    """(glyph, style, counts) of an iteration: passed of collected tests once they ran."""
    report = iteration.report
    if report is not None:
        total = max(report.collected, len(report.cases))
        counts = f"{report.passed}/{total}" if total else str(report.reason).replace("_", " ")
        return ("✓", "$text-success", counts) if report.green else ("✗", "$text-error", counts)
    if iteration.sent_back:
        return "↺", "$text-warning", "sent back"
    return "…", "$text-primary", ""


def failing(iteration: Iteration) -> int | None:
    """How many tests did not pass; None when none ran."""
    report = iteration.report
    if report is None:
        return None
    return max(report.collected, len(report.cases)) - report.passed - report.skipped


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by severity."""
    return sorted(findings, key=lambda found: _RANKS.index(found.severity))


def place_mark(path: str, line: int) -> str:
    """Where a finding is, set off from its title: `  src/a.py:12`; empty where it has no place."""
    return f"  {inert_line(path, 120)}{f':{line}' if line else ''}" if path else ""
