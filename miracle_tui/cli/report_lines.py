"""Test reports and the proof of green as lines of text."""

from config.amounts import plural
from engine.events import ProofFinished
from miracle_tui.cli.inert import inert, one_line
from sandbox.report import TestReport

MAX_FAILURES = 10
"""Failing tests that are named; the rest is counted."""
MAX_OUTPUT_LINES = 12

REASONS = {
    "timeout": "stopped: it took too long",
    "oom": "stopped: it used too much memory",
    "output_limit": "stopped: it wrote too much output",
    "pids": "stopped: it started too many processes",
    "disk": "stopped: it wrote too much to the disk",
    "backend_lost": "the sandbox went away",
    "incomplete": "the run of the tests did not come to its end",
    "cancelled": "cancelled",
}


def report_lines(report: TestReport, what: str = "tests") -> list[str]:
    """How a run of the tests ended, with the tests that failed."""
    counts = [f"{report.passed} passed"]
    counts += [f"{report.failed} failed"] if report.failed else []
    counts += [f"{report.skipped} skipped"] if report.skipped else []
    line = f"  {'✓' if report.green else '✗'} {what}: {', '.join(counts)} in {report.duration_s:.1f} s"
    if report.reason in REASONS:
        line += f" ({REASONS[report.reason]})"
    bad = [case for case in report.cases if case.outcome in ("failed", "error", "xpassed")]
    lines = [line, *(_case_line(case.id, case.message) for case in bad[:MAX_FAILURES])]
    if len(bad) > MAX_FAILURES:
        lines.append(f"    · and {len(bad) - MAX_FAILURES} more")
    if report.detail and not report.green:
        lines += _tail(report.detail)
    elif not report.green and not bad:
        lines += _tail(report.output)
    return lines


def full_report_lines(report: TestReport) -> list[str]:
    """Every test with its outcome, what the failing ones reported, and the output."""
    lines = report_lines(report)[:1]
    for case in report.cases:
        mark = "✓" if case.outcome in ("passed", "xfailed") else "·" if case.outcome == "skipped" else "✗"
        lines.append(f"  {mark} {one_line(case.id)} ({case.outcome}, {case.duration_s:.2f} s)")
        lines += [f"      {line}" for line in inert(case.message).split("\n") if line.strip()]
    for title, text in (("what went wrong", report.detail), ("output", report.output)):
        if text.strip():
            lines += [f"▸ {title}", *(f"  {line}" for line in inert(text).rstrip("\n").split("\n"))]
    return lines


def proof_lines(event: ProofFinished) -> list[str]:
    """Whether the whole held in a fresh sandbox from a clean checkout."""
    lines = report_lines(event.report, "proof")
    if event.verify_ok is not None:
        lines.append(f"  {'✓ the acceptance check holds' if event.verify_ok else '✗ the acceptance check failed'}")
    if event.verify_ok is False:
        lines += _tail(event.verify_output)
    if event.receipt:
        receipt = event.receipt
        signed = f", signed by key {one_line(receipt.key[:16])}" if receipt.key else ""
        lines.append(
            f"  ✓ receipt: commit {receipt.commit[:10]}, {plural(len(receipt.tests), 'test')} "
            f"in {one_line(receipt.backend)}, output sha256 {receipt.output_sha256[:12]}{signed}"
        )
    return lines


def _case_line(name: str, message: str) -> str:
    """A failing test with the line of its report that says most: the last that names an error, else the first."""
    report = [line.strip() for line in message.split("\n") if line.strip()]
    errors = [line for line in report if line.startswith("E ")]
    words = (errors[0][1:] if errors else report[0] if report else "").strip()
    return f"    ✗ {one_line(name)}" + (f": {one_line(words)}" if words else "")


def _tail(text: str) -> list[str]:
    lines = [line for line in inert(text).split("\n") if line.strip()]
    return [f"      {line[:200]}" for line in lines[-MAX_OUTPUT_LINES:]]
