"""The words for what happens at each moment of a run; an event that has none is no moment."""

from collections.abc import Callable
from typing import Any, Literal

from engine import events as e
from engine.dependency_events import DependenciesFound, DependenciesInstalled, DependenciesResolved
from engine.hook_events import HookFinished
from engine.integrity_events import MutantsTried, RedFirst, TestsCompared, TestsReturned

MomentKind = Literal[
    "start",
    "session",
    "prompt",
    "answer",
    "trouble",
    "tool",
    "spec",
    "plan",
    "iteration",
    "work",
    "review",
    "checkpoint",
    "scan",
    "packages",
    "tests",
    "recall",
    "reflection",
    "phase",
    "question",
    "reply",
    "pause",
    "resume",
    "steer",
    "warning",
    "escalation",
    "summary",
    "merge",
    "proof",
    "fork",
    "end",
    "taken",
]
"""`taken` is a promotion or its undoing; `work` is what a coder or a tester submitted."""

Told = tuple[MomentKind, str, bool | None]
"""Kind, title, and whether it went well where that is a question."""

TITLE = 100
"""Characters of a title."""


def told(event: e.Event, role: str) -> Told | None:
    """The kind and title of an event, or None when it is no moment.

    Args:
        event: the event.
        role: the agent whose conversation it belongs to; empty when it belongs to none.
    """
    tell = _TOLD.get(type(event))
    return tell(event, role) if tell else None


def short(text: str) -> str:
    """The text on one short line, without a character that is not printed."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: TITLE * 8]).split())
    return line if len(line) <= TITLE else line[: TITLE - 1].rstrip() + "…"


def _answer(event: e.AnswerReceived, role: str) -> Told:
    calls = ", ".join(call.name for call in event.answer.tool_calls)
    said = event.answer.text or event.answer.refusal or "nothing"
    return "answer", f"{role} calls {calls}" if calls else f"{role} says: {said}", None


def _tests(event: e.TestsFinished, role: str) -> Told:
    return "tests", _counts(event.report.passed, event.report.failed, event.report.reason), event.report.green


def _proof(event: e.ProofFinished, role: str) -> Told:
    counts = _counts(event.report.passed, event.report.failed, event.report.reason)
    return "proof", f"Proof: {counts}", event.receipt is not None


def _counts(passed: int, failed: int, reason: str) -> str:
    ended = "" if reason in ("ok", "failed") else f" ({reason.replace('_', ' ')})"
    return f"{passed} passed, {failed} failed{ended}"


def _review(event: e.ReviewSubmitted | e.AuditSubmitted, role: str) -> Told:
    approved = event.verdict == "approve"
    found = f", {len(event.findings)} findings" if event.findings else ""
    return "review", f"{role} {'approves' if approved else 'sends it back'}{found}", approved


def _scan(event: e.ScanFinished, role: str) -> Told:
    blocked = sum(finding.verdict == "blocked" for finding in event.findings)
    title = f"Scan: {len(event.findings)} findings, {blocked} blocked" if event.findings else "Scan: nothing found"
    return "scan", title, blocked == 0


def _checkpoint(event: e.Checkpointed, role: str) -> Told:
    added, removed = sum(file.added for file in event.files), sum(file.removed for file in event.files)
    return "checkpoint", f"Checkpoint {event.commit[:10]} ({event.step}): +{added} -{removed}", None


def _merge(event: e.TierMerged, role: str) -> Told:
    stuck = f", {len(event.conflicts)} in conflict" if event.conflicts else ""
    return "merge", f"Tier {event.tier}: {len(event.merged)} phases merged{stuck}", not event.conflicts


def _end(event: e.RunFinished, role: str) -> Told:
    good = event.outcome == "success"
    return "end", f"{'Green' if good else event.outcome.capitalize()}: {event.reason}".rstrip(": "), good


def _reply(event: e.ApprovalAnswered, role: str) -> Told:
    words = {"once": "Allowed once", "run": "Allowed for this run", "always": "Allowed always", "deny": "Denied"}
    reason = f": {event.reason}" if event.reason else ""
    return "reply", f"{words[event.decision]} by {event.by}{reason}", event.decision != "deny"


def _resolved(event: DependenciesResolved, role: str) -> Told:
    refused = f"; not {', '.join(one.name for one in event.refused)}" if event.refused else ""
    found = f"{len(event.packages)} packages found" if event.packages else "No package will be installed"
    return "packages", f"{found}{refused}", not event.refused


def _compared(event: TestsCompared, role: str) -> Told:
    title = f"The tests hold to less in {len(event.losses)} ways" if event.losses else "The tests hold to all they did"
    return "tests", title, not event.losses


def _red_first(event: RedFirst, role: str) -> Told:
    proving = sum(result.proves for result in event.results)
    title = f"Red first: {proving} of {len(event.results)} new tests" if event.results else "Red first: no new test"
    return "tests", title, proving == len(event.results)


def _mutants(event: MutantsTried, role: str) -> Told:
    return "tests", f"Tests caught {event.caught}/{event.tried} mutants", event.caught == event.tried


_TOLD: dict[type, Callable[[Any, str], Told]] = {
    e.RunStarted: lambda event, role: ("start", f"Goal: {event.task.goal}", None),
    e.SessionOpened: lambda event, role: ("session", f"{event.role} begins", None),
    e.CallStarted: lambda event, role: ("prompt", f"{role} asks {event.model}", None),
    e.AnswerReceived: _answer,
    e.CallFailed: lambda event, role: ("trouble", f"{event.model} failed: {event.detail}", False),
    e.AnswerRejected: lambda event, role: ("trouble", f"Answer not usable: {event.reason}", False),
    e.ToolFinished: lambda event, role: ("tool", f"{event.name} {event.target}", event.ok),
    e.SpecSubmitted: lambda event, role: ("spec", f"Spec: {event.spec.title}", None),
    e.PlanSubmitted: lambda event, role: ("plan", f"Plan: {len(event.plan.subtasks)} phases", None),
    e.PlanEdited: lambda event, role: ("plan", f"Plan changed by {event.by}", None),
    e.PhaseReplanned: lambda event, role: ("plan", f"Phase planned again: {event.subtask.title}", None),
    e.IterationStarted: lambda event, role: (
        "iteration",
        f"Iteration {event.number}" + (f": {event.hypothesis}" if event.hypothesis else ""),
        None,
    ),
    e.WorkSubmitted: lambda event, role: ("work", f"Work: {event.summary}", None),
    e.TestsSubmitted: lambda event, role: ("work", f"Tests written: {', '.join(event.files) or 'none'}", None),
    e.ReviewSubmitted: _review,
    e.AuditSubmitted: _review,
    e.Checkpointed: _checkpoint,
    e.ScanFinished: _scan,
    e.TestsFinished: _tests,
    e.Recalled: lambda event, role: ("recall", f"Memory offers {len(event.items)}", None),
    e.ReflectionSubmitted: lambda event, role: ("reflection", f"Cause: {event.cause}", None),
    e.PhaseOpened: lambda event, role: ("phase", f"Phase {event.phase_id} has a worktree", None),
    e.PhaseFinished: lambda event, role: ("phase", f"Phase {event.phase_id} is green", True),
    e.ApprovalRequested: lambda event, role: ("question", event.title, None),
    e.ApprovalAnswered: _reply,
    e.RunPaused: lambda event, role: ("pause", f"Paused ({event.reason}): {event.detail}".rstrip(": "), None),
    e.RunResumed: lambda event, role: ("resume", f"Resumed by {event.by}", None),
    e.RunCancelled: lambda event, role: ("end", f"Cancelled by {event.by}", False),
    e.Steered: lambda event, role: ("steer", f"{event.by} says: {event.text}", None),
    e.Warned: lambda event, role: ("warning", event.text, None),
    e.Escalated: lambda event, role: ("escalation", f"Stuck ({event.step}): {event.reason}", False),
    e.IterationsSummarised: lambda event, role: ("summary", f"Iterations to {event.through} summed up", None),
    e.TierMerged: _merge,
    e.ProofFinished: _proof,
    e.RunFinished: _end,
    DependenciesFound: lambda event, role: (
        "packages",
        f"Needs {', '.join(one.name for one in event.wanted)}",
        not any(one.standing == "blocked" for one in event.wanted),
    ),
    DependenciesResolved: _resolved,
    DependenciesInstalled: lambda event, role: (
        "packages",
        f"Installed {', '.join(one.pin for one in event.packages if one.direct)}",
        True,
    ),
    HookFinished: lambda event, role: ("tool", f"Hook {event.moment}: {event.command}", event.end == "ok"),
    TestsCompared: _compared,
    RedFirst: _red_first,
    MutantsTried: _mutants,
    TestsReturned: lambda event, role: ("tests", f"Back to the {event.to}: {event.reason}", False),
    e.Promoted: lambda event, role: ("taken", f"Taken ({event.how}): {event.detail}".rstrip(": "), True),
    e.Undone: lambda event, role: ("taken", f"Taken back by {event.by}", None),
    e.Forked: lambda event, role: ("fork", f"Forked from {event.source_run_id} at {event.source_seq}", None),
}
