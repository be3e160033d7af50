"""What reviewer and auditor are told besides the diff: what was measured, and what sends the work back."""

from engine.context.section import Material
from engine.state import Iteration, State
from sandbox.report import Coverage

MOST = 40
"""Findings that are told one by one."""


def measured(state: State, material: Material) -> str:
    """The scan of the code at hand, and how much of the changed lines the newest tests ran."""
    last = state.iteration
    if last is None:
        return ""
    return "\n\n".join(part for part in (_scanned(last), _covered(state, last)) if part)


def blocking(state: State, material: Material) -> str:
    """How bad a finding has to be to end the iteration."""
    severity = state.task.block_severity if state.task else "critical"
    if severity == "none":
        return "No finding does: they are shown to the person."
    worse = "" if severity == "critical" else " or worse"
    return f"A finding of severity {severity}{worse} ends the iteration: the coder mends it before any test runs."


def describe_coverage(coverage: Coverage) -> str:
    """A coverage in a line, and the lines that nothing ran."""
    told = [f"changed lines covered {coverage.covered}/{coverage.total}"]
    told += [f"- {file.path}: not run: {spans(file.missing)}" for file in coverage.files if file.missing]
    return "\n".join(told[: MOST + 1])


def spans(lines: tuple[int, ...]) -> str:
    """Line numbers with runs of them joined: `3, 7-9`."""
    found: list[list[int]] = []
    for line in lines:
        if found and line == found[-1][1] + 1:
            found[-1][1] = line
        else:
            found.append([line, line])
    return ", ".join(str(first) if first == end else f"{first}-{end}" for first, end in found)


def _scanned(last: Iteration) -> str:
    findings = last.scan if last.scan is not None else last.code_scan
    if findings is None:
        return ""
    if not findings:
        return "The safety scan of the changed files found nothing."
    told = [f"- {f.path}:{f.line} {f.rule} ({f.verdict}): {f.message}" for f in findings[:MOST]]
    more = [f"and {len(findings) - MOST} more"] if len(findings) > MOST else []
    return "\n".join(["The safety scan of the changed files found:", *told, *more])


def _covered(state: State, last: Iteration) -> str:
    """The newest coverage of the phase: these changes are not tested yet."""
    for iteration in reversed(state.iterations_of(last.phase_id)):
        if iteration.report is not None and iteration.report.coverage is not None:
            return f"In iteration {iteration.number}, {describe_coverage(iteration.report.coverage)}"
    return ""
