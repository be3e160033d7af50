"""The part of the fold that follows phases: their iterations, how these are judged, how their work comes together."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from engine import events as e
from engine.frozen import replace
from engine.state import Iteration, Phase, State
from engine.task import Plan

Fold = Callable[[State, Any, datetime], State]


_IN_THE_RUN = {"worktree": "", "branch": "", "base_commit": "", "commit": ""}
"""Where a phase is that does not work apart."""


def phases_of(plan: Plan) -> tuple[Phase, ...]:
    """The phases of an approved plan, tier by tier."""
    return tuple(Phase(subtask=s, tier=index) for index, tier in enumerate(plan.tiers(), 1) for s in tier)


def change_iteration(state: State, number: int, /, **changes: Any) -> State:
    """The state with one iteration changed; the newest where the number is 0."""
    wanted = number or (state.iterations[-1].number if state.iterations else 0)
    for place in range(len(state.iterations) - 1, -1, -1):
        if state.iterations[place].number == wanted:
            changed = replace(state.iterations[place], **changes)
            return replace(state, iterations=(*state.iterations[:place], changed, *state.iterations[place + 1 :]))
    return state


def change_phase(state: State, phase_id: str, /, **changes: Any) -> State:
    """The state with one phase changed."""
    phases = tuple(replace(phase, **changes) if phase.id == phase_id else phase for phase in state.phases)
    return replace(state, phases=phases)


def submitted(state: State, session_id: str, **changes: Any) -> State:
    """The state with a conversation over and its result in the iteration that it belongs to."""
    session = state.session_by(session_id)
    changed = change_iteration(state, session.iteration if session else 0, **changes) if changes else state
    return replace(changed, sessions=tuple(one for one in state.sessions if one.id != session_id))


def _phase_opened(state: State, event: e.PhaseOpened, at: datetime) -> State:
    return change_phase(
        state, event.phase_id, worktree=event.worktree, branch=event.branch, base_commit=event.base_commit
    )


def _iteration_started(state: State, event: e.IterationStarted, at: datetime) -> State:
    before = state.iteration_of(event.phase_id)
    ended = change_iteration(state, before.number, ended_at=before.ended_at or at) if before else state
    begun = Iteration(
        number=event.number,
        phase_id=event.phase_id,
        hypothesis=event.hypothesis,
        base_commit=state.tip_of(event.phase_id),
        started_at=at,
        block_severity=state.task.block_severity if state.task else "critical",
    )
    return change_phase(replace(ended, iterations=(*ended.iterations, begun)), event.phase_id, state="active")


def _work_submitted(state: State, event: e.WorkSubmitted, at: datetime) -> State:
    return submitted(state, event.session_id, work=event.summary)


def _tests_submitted(state: State, event: e.TestsSubmitted, at: datetime) -> State:
    session = state.session_by(event.session_id)
    phase_id = session.phase_id if session else (state.iteration.phase_id if state.iteration else "")
    tested = submitted(state, event.session_id, tests=event.files)
    phase = tested.phase_by(phase_id)
    if phase is None:
        return tested
    return change_phase(tested, phase_id, test_files=tuple(dict.fromkeys((*phase.test_files, *event.files))))


def _review_submitted(state: State, event: e.ReviewSubmitted, at: datetime) -> State:
    return submitted(state, event.session_id, review=event)


def _audit_submitted(state: State, event: e.AuditSubmitted, at: datetime) -> State:
    return submitted(state, event.session_id, audit=event)


def _reflection_submitted(state: State, event: e.ReflectionSubmitted, at: datetime) -> State:
    return submitted(state, event.session_id, reflection=event, ended_at=at)


def _checkpointed(state: State, event: e.Checkpointed, at: datetime) -> State:
    changes = {"files": event.files, "diff": event.diff, "tree": event.tree, f"{event.step}_commit": event.commit}
    kept = change_iteration(state, event.number, **changes)
    phase = kept.phase_by(event.phase_id)
    if phase is not None and phase.apart:
        return change_phase(kept, phase.id, commit=event.commit)
    return replace(kept, tip=event.commit)


def _scan_finished(state: State, event: e.ScanFinished, at: datetime) -> State:
    if event.step == "tests":
        return change_iteration(state, event.number, scan=event.findings)
    blocked = any(finding.verdict == "blocked" for finding in event.findings)
    # What is blocked is judged by nothing else: this is the iteration's scan.
    found = {"code_scan": event.findings, **({"scan": event.findings} if blocked else {})}
    return change_iteration(state, event.number, **found)


def _tests_finished(state: State, event: e.TestsFinished, at: datetime) -> State:
    return change_iteration(state, event.number, report=event.report, ended_at=at)


def _recalled(state: State, event: e.Recalled, at: datetime) -> State:
    state = replace(state, spend=state.spend.plus(event.asked_usd))
    return change_iteration(state, event.number, recalled=event.items, inherited=False)


def _phase_finished(state: State, event: e.PhaseFinished, at: datetime) -> State:
    return change_phase(state, event.phase_id, state="green")


def _tier_merged(state: State, event: e.TierMerged, at: datetime) -> State:
    """Merged phases are done; one that was in conflict goes on in the run's own worktree, on top of the others."""
    for phase_id in event.merged:
        state = change_phase(state, phase_id, **_IN_THE_RUN)
    for conflict in event.conflicts:
        last = state.iteration_of(conflict.phase_id)
        if last is not None:
            state = change_iteration(state, last.number, conflict=conflict.paths, ended_at=at)
        state = change_phase(state, conflict.phase_id, state="active", test_files=(), **_IN_THE_RUN)
    return replace(state, tip=event.commit)


def _proof_finished(state: State, event: e.ProofFinished, at: datetime) -> State:
    if event.receipt is not None:
        return replace(change_iteration(state, event.number, proved=True), receipt=event.receipt)
    reopened = change_iteration(state, event.number, report=event.report, recalled=None, ended_at=at)
    return change_phase(reopened, event.phase_id, state="active")


def _iterations_summarised(state: State, event: e.IterationsSummarised, at: datetime) -> State:
    return replace(state, summary=event)


def _escalated(state: State, event: e.Escalated, at: datetime) -> State:
    phase = state.phase_by(event.phase_id)
    if phase is None:
        return state
    shift = phase.model_shift + (event.step == "model")
    return change_phase(state, phase.id, escalations=(*phase.escalations, event), model_shift=shift)


def _phase_replanned(state: State, event: e.PhaseReplanned, at: datetime) -> State:
    """The subtask changes; its id and what it depends on are the plan's and stay."""
    phase = state.phase_by(event.phase_id)
    state = submitted(state, event.session_id)
    if phase is None:
        return state
    frame = {"id": phase.subtask.id, "depends_on": phase.subtask.depends_on}
    subtask = event.subtask.model_copy(update=frame)
    plan = state.plan
    if plan is not None:
        others = tuple(subtask if one.id == phase.id else one for one in plan.subtasks)
        state = replace(state, plan=plan.model_copy(update={"subtasks": others}))
    return change_phase(state, phase.id, subtask=subtask, replanned=True)


FOLD_PHASE: dict[type, Fold] = {
    e.PhaseOpened: _phase_opened,
    e.IterationStarted: _iteration_started,
    e.WorkSubmitted: _work_submitted,
    e.TestsSubmitted: _tests_submitted,
    e.ReviewSubmitted: _review_submitted,
    e.AuditSubmitted: _audit_submitted,
    e.ReflectionSubmitted: _reflection_submitted,
    e.Checkpointed: _checkpointed,
    e.ScanFinished: _scan_finished,
    e.TestsFinished: _tests_finished,
    e.Recalled: _recalled,
    e.PhaseFinished: _phase_finished,
    e.TierMerged: _tier_merged,
    e.ProofFinished: _proof_finished,
    e.IterationsSummarised: _iterations_summarised,
    e.Escalated: _escalated,
    e.PhaseReplanned: _phase_replanned,
}
