"""What is decided about the scan's findings: stop, ask a person once, or go on."""

from engine import commands as c
from engine.events import ApprovalRequested
from engine.gates.blast import of_scan
from engine.state import Approval, Iteration, State
from sandbox.report import ScanFinding

NEED = "need:"
"""Begins a line of a question's subject that names what the goal needs."""


def stopped(findings: tuple[ScanFinding, ...] | None) -> bool:
    """Whether a scan stops the code, whatever anybody says."""
    return any(finding.verdict == "blocked" for finding in findings or ())


def unallowed(state: State, last: Iteration) -> tuple[ScanFinding, ...]:
    """Findings that want a person's approval and have none for this run.

    What the goal needs is allowed for the run by any yes of a person: nobody is asked about it twice.
    """
    return tuple(
        finding
        for finding in last.scan or ()
        if finding.verdict == "approval_required"
        and not state.allows("scan", finding.rule)
        and not (finding.need and _answered(state, finding.need, yes=True))
    )


def scan_approval(state: State, last: Iteration) -> Approval | c.Record | None:
    """None when nothing needs approval; the question to ask; or the question that was asked and is open or denied."""
    asked_about = unallowed(state, last)
    if not asked_about:
        return None
    asked = state.answer_to("scan", number=last.number)
    if asked is not None:
        return None if asked.answer is not None and asked.answer.decision != "deny" else asked
    for finding in asked_about:
        if finding.need and (denied := _answered(state, finding.need, yes=False)) is not None:
            return denied
    return c.Record(_question(state, last, asked_about))


def _question(state: State, last: Iteration, findings: tuple[ScanFinding, ...]) -> ApprovalRequested:
    rules = tuple(dict.fromkeys(finding.rule for finding in findings))
    needs = tuple(dict.fromkeys(finding.need for finding in findings if finding.need))
    title = f"The code uses what needs approval: {', '.join(rules)}"
    if all(finding.need for finding in findings):
        titled = ", ".join(need.replace("_", " ") for need in needs)
        title = f"The goal needs this ({titled}): let the run have it? {', '.join(rules)}"
    return ApprovalRequested(
        approval_id=state.next_approval_id,
        topic="scan",
        subject="\n".join((*rules, *(f"{NEED}{need}" for need in needs))),
        title=title,
        detail="\n".join(f"{f.path}:{f.line} {f.rule}: {f.message}" for f in findings),
        blast_radius=of_scan(last.scan or ()),
        phase_id=last.phase_id,
        number=last.number,
    )


def _answered(state: State, need: str, *, yes: bool) -> Approval | None:
    """The newest answer about a need that was not a standing rule's, which is about files and not about the run."""
    for approval in reversed(state.approvals):
        answer = approval.answer
        if approval.request.topic != "scan" or answer is None or answer.by in ("rule", "timeout"):
            continue
        if f"{NEED}{need}" in approval.request.subject.split("\n") and (answer.decision != "deny") == yes:
            return approval
    return None
