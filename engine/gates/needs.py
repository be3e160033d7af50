"""What a goal cannot do without, and where it says so: the scan asks about such a finding instead of blocking it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from config.rules import Need, SafetyRules
from engine.state import State
from sandbox.report import ScanFinding

QUOTED = 160
"""Characters of a requirement that a reason quotes."""


def reasons_of(state: State, phase_id: str, needs: Mapping[str, Need]) -> dict[str, str]:
    """What the run needs, each with the place of the goal, the spec or the plan that makes it needed."""
    found: dict[str, str] = {}
    for name, need in needs.items():
        if (reason := _reason(state, phase_id, need)) is not None:
            found[name] = reason
    return found


def with_needs(
    findings: Iterable[ScanFinding], reasons: Mapping[str, str], rules: SafetyRules
) -> tuple[ScanFinding, ...]:
    """The findings; those that the goal needs want an approval and say why.

    Args:
        findings: of one scan.
        reasons: what is needed, as `reasons_of` says.
        rules: which rules a need is about.
    """
    return tuple(_with_need(finding, reasons, rules) for finding in findings)


def _with_need(finding: ScanFinding, reasons: Mapping[str, str], rules: SafetyRules) -> ScanFinding:
    if finding.verdict == "warning":
        return finding
    for name, reason in reasons.items():
        need = rules.needs[name]
        if any(fnmatchcase(finding.rule, rule) for rule in need.rules):
            return finding.model_copy(
                update={
                    "verdict": "approval_required",
                    "severity": rules.severity_levels.get("approval_required", finding.severity),
                    "need": name,
                    "message": f"{finding.message} The goal needs {need.title}: {reason}.",
                }
            )
    return finding


def _reason(state: State, phase_id: str, need: Need) -> str | None:
    spec = state.spec
    if spec is not None and spec.project_type in need.project_types:
        return f"the spec says that it is a {spec.project_type}"
    if not need.words:
        return None
    wanted = re.compile(rf"\b(?:{'|'.join(re.escape(word) for word in need.words)})s?\b", re.IGNORECASE)
    for place, text in _texts(state, phase_id):
        if wanted.search(text):
            return f"{place}, {_quoted(text)}"
    return None


def _texts(state: State, phase_id: str) -> Iterator[tuple[str, str]]:
    """What a person and the agents said about the goal, each with its place."""
    spec, phase = state.spec, state.phase_by(phase_id)
    if spec is not None:
        yield from ((f"requirement {number}", text) for number, text in enumerate(spec.requirements, 1))
        yield from ((f"acceptance {number}", text) for number, text in enumerate(spec.acceptance, 1))
    if phase is not None:
        yield f"phase {phase.id} of the plan", phase.subtask.title
        yield f"phase {phase.id} of the plan", phase.subtask.description
    if state.task is not None:
        yield "the goal", state.task.goal


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line if len(line) <= QUOTED else line[:QUOTED] + '…'}”"
