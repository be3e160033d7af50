"""What reviewer, auditor and scan found, as lines of text: the gravest first, with place, evidence and remedy."""

from collections.abc import Sequence

from engine.task import Finding
from miracle_tui.cli.inert import inert, one_line
from sandbox.report import ScanFinding

MAX_LISTED = 10
"""Findings, and other things of a list, that are shown; the rest is counted."""
MAX_LINES = 6
"""Lines of a text that are shown."""
WIDTH = 400
_ORDER = ("critical", "major", "minor", "info")
_WORDS = {"blocked": "blocked", "approval_required": "needs an approval", "warning": "warning"}


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """Findings of a reviewer or an auditor."""
    ranked = sorted(findings, key=lambda finding: _ORDER.index(finding.severity))
    lines = [line for finding in ranked[:MAX_LISTED] for line in _finding(finding)]
    return lines + _more(len(ranked))


def scan_lines(findings: Sequence[ScanFinding]) -> list[str]:
    """Findings of the safety scan: those that stop the code first."""
    ranked = sorted(findings, key=lambda finding: list(_WORDS).index(finding.verdict))
    lines = [
        f"  {'✗' if one.verdict == 'blocked' else '!'} scan: {one_line(one.message)}"
        f" ({one_line(one.path)}:{one.line}, {_WORDS[one.verdict]}, {one_line(one.rule)})"
        for one in ranked[:MAX_LISTED]
    ]
    return lines + _more(len(ranked))


def _finding(finding: Finding) -> list[str]:
    mark = "✗" if finding.severity == "critical" else "!"
    line = f":{finding.line}" if finding.line else ""
    place = f" ({one_line(finding.path)}{line})" if finding.path else ""
    category = f" [{one_line(finding.category)}]" if finding.category.strip() else ""
    lines = [f"    {mark} {finding.severity}: {one_line(finding.title)}{place}{category}"]
    for label, text in (("·", finding.detail), ("· shown by", finding.evidence), ("→", finding.fix)):
        lines += _text(label, text)
    return lines


def _text(label: str, text: str) -> list[str]:
    told = [one_line(line, WIDTH) for line in inert(text).split("\n") if line.strip()]
    if not told:
        return []
    cut = [f"        and {len(told) - MAX_LINES} lines more"] if len(told) > MAX_LINES else []
    return [f"      {label} {told[0]}", *(f"        {line}" for line in told[1:MAX_LINES]), *cut]


def _more(count: int) -> list[str]:
    return [f"    · and {count - MAX_LISTED} more"] if count > MAX_LISTED else []
