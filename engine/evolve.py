"""The fold: `evolve(state, recorded) -> state`, pure, for any prefix of any log.

One small function an event kind; an event that does not fit the state changes nothing but the place in the log, so
that a log written by another version still folds.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from engine import events as e
from engine.fold_session import FOLD_SESSION
from engine.state import Approval, Iteration, Phase, State
from engine.task import Plan

Fold = Callable[[State, Any, datetime], State]


def evolve(state: State, recorded: e.Recorded) -> State:
    """The state after one more event.

    Args:
        state: the state before.
        recorded: the event with its place; one at or before `state.seq` changes nothing, so reading twice is harmless.
    """
    if recorded.seq <= state.seq:
        return state
    fold = _FOLDS.get(type(recorded.event))
    after = fold(state, recorded.event, recorded.at) if fold else state
    return replace(
        after,
        run_id=recorded.run_id,
        seq=recorded.seq,
        started_at=state.started_at or recorded.at,
        updated_at=recorded.at,
    )


def fold(log: Iterable[e.Recorded], state: State | None = None) -> State:
    """The state after a whole log, or after a prefix of it."""
    folded = state or State()
    for recorded in log:
        folded = evolve(folded, recorded)
    return folded


def change_iteration(state: State, **changes: Any) -> State:
    """The state with its newest iteration changed."""
    if not state.iterations:
        return state
    return replace(state, iterations=(*state.iterations[:-1], replace(state.iterations[-1], **changes)))


def _change_phase(before: State, phase_id: str, **changes: Any) -> State:
    phases = tuple(replace(phase, **changes) if phase.id == phase_id else phase for phase in before.phases)
    return replace(before, phases=phases)


def _run_started(state: State, event: e.RunStarted, at: datetime) -> State:
    return replace(
        state,
        task=event.task,
        task_id=event.task_id,
        budget_usd=event.task.budget_usd,
        max_iterations=event.task.max_iterations,
    )


def _workspace_prepared(state: State, event: e.WorkspacePrepared, at: datetime) -> State:
    return replace(state, workspace=event)


def _run_paused(state: State, event: e.RunPaused, at: datetime) -> State:
    return state if state.outcome else replace(state, paused=event)


def _run_resumed(state: State, event: e.RunResumed, at: datetime) -> State:
    resumed = replace(
        state,
        paused=None,
        budget_usd=state.budget_usd + event.add_budget_usd,
        max_iterations=state.max_iterations + event.add_iterations,
    )
    if state.session:
        fresh = replace(state.session, model_index=0, strikes=0, turns=0, error="", hint="", fatal=False, calling="")
        resumed = replace(resumed, session=fresh)
    last = state.iteration
    if last and last.report and last.report.reason in ("backend_lost", "cancelled"):
        resumed = change_iteration(resumed, report=None)
    return resumed


def _run_cancelled(state: State, event: e.RunCancelled, at: datetime) -> State:
    if state.outcome:
        return state
    return replace(state, outcome="cancelled", reason=f"cancelled by {event.by}", session=None, paused=None)


def _steered(state: State, event: e.Steered, at: datetime) -> State:
    return replace(state, steers=(*state.steers, event.text))


def _warned(state: State, event: e.Warned, at: datetime) -> State:
    return replace(state, warned=state.warned | {event.topic}, warnings=(*state.warnings, event.text))


def _spec_submitted(state: State, event: e.SpecSubmitted, at: datetime) -> State:
    return replace(state, spec=event.spec, session=None)


def _plan_submitted(state: State, event: e.PlanSubmitted, at: datetime) -> State:
    return replace(state, plan=event.plan, plan_feedback="", session=None)


def _plan_edited(state: State, event: e.PlanEdited, at: datetime) -> State:
    return state if state.plan_approved else replace(state, plan=event.plan)


def _iteration_started(state: State, event: e.IterationStarted, at: datetime) -> State:
    ended = change_iteration(state, ended_at=at)
    begun = Iteration(number=event.number, phase_id=event.phase_id, hypothesis=event.hypothesis, started_at=at)
    return _change_phase(replace(ended, iterations=(*ended.iterations, begun)), event.phase_id, state="active")


def _work_submitted(state: State, event: e.WorkSubmitted, at: datetime) -> State:
    return replace(change_iteration(state, work=event.summary), session=None)


def _tests_submitted(state: State, event: e.TestsSubmitted, at: datetime) -> State:
    tested = replace(change_iteration(state, tests=event.files), session=None)
    last = tested.iteration
    if last is None:
        return tested
    known = next((phase.test_files for phase in tested.phases if phase.id == last.phase_id), ())
    return _change_phase(tested, last.phase_id, test_files=tuple(dict.fromkeys((*known, *event.files))))


def _review_submitted(state: State, event: e.ReviewSubmitted, at: datetime) -> State:
    return replace(change_iteration(state, review=event), session=None)


def _audit_submitted(state: State, event: e.AuditSubmitted, at: datetime) -> State:
    return replace(change_iteration(state, audit=event), session=None)


def _reflection_submitted(state: State, event: e.ReflectionSubmitted, at: datetime) -> State:
    return replace(change_iteration(state, reflection=event, ended_at=at), session=None)


def _checkpointed(state: State, event: e.Checkpointed, at: datetime) -> State:
    changes = {"files": event.files, "diff": event.diff, f"{event.step}_commit": event.commit}
    return change_iteration(state, **changes)


def _scan_finished(state: State, event: e.ScanFinished, at: datetime) -> State:
    return change_iteration(state, scan=event.findings)


def _tests_finished(state: State, event: e.TestsFinished, at: datetime) -> State:
    return change_iteration(state, report=event.report, ended_at=at)


def _recalled(state: State, event: e.Recalled, at: datetime) -> State:
    return change_iteration(state, recalled=event.items)


def _phase_finished(state: State, event: e.PhaseFinished, at: datetime) -> State:
    return _change_phase(state, event.phase_id, state="green")


def _proof_finished(state: State, event: e.ProofFinished, at: datetime) -> State:
    if event.receipt is not None:
        return replace(change_iteration(state, proved=True), receipt=event.receipt)
    reopened = change_iteration(state, report=event.report, recalled=None, ended_at=at)
    return _change_phase(reopened, event.phase_id, state="active")


def _approval_requested(state: State, event: e.ApprovalRequested, at: datetime) -> State:
    if any(approval.request.approval_id == event.approval_id for approval in state.approvals):
        return state
    return replace(state, approvals=(*state.approvals, Approval(request=event, asked_at=at)))


def _approval_answered(state: State, event: e.ApprovalAnswered, at: datetime) -> State:
    found = next((a for a in state.pending_approvals if a.request.approval_id == event.approval_id), None)
    if found is None:
        return state
    answered = replace(found, answer=event)
    state = replace(state, approvals=tuple(answered if a is found else a for a in state.approvals))
    if found.request.topic != "plan" or state.plan is None:
        return state
    if event.decision == "deny":
        return replace(state, plan_feedback=event.reason or "The person did not want this plan and gave no reason.")
    return replace(state, plan_approved=True, phases=_phases(state.plan))


def _phases(plan: Plan) -> tuple[Phase, ...]:
    return tuple(Phase(subtask=s, tier=index) for index, tier in enumerate(plan.tiers(), 1) for s in tier)


def _run_finished(state: State, event: e.RunFinished, at: datetime) -> State:
    if state.outcome:
        return state
    return replace(state, outcome=event.outcome, reason=event.reason, session=None, paused=None)


def _promoted(state: State, event: e.Promoted, at: datetime) -> State:
    return replace(state, promoted=event)


_FOLDS: dict[type, Fold] = {
    e.RunStarted: _run_started,
    e.WorkspacePrepared: _workspace_prepared,
    e.RunPaused: _run_paused,
    e.RunResumed: _run_resumed,
    e.RunCancelled: _run_cancelled,
    e.Steered: _steered,
    e.Warned: _warned,
    e.SpecSubmitted: _spec_submitted,
    e.PlanSubmitted: _plan_submitted,
    e.PlanEdited: _plan_edited,
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
    e.ProofFinished: _proof_finished,
    e.ApprovalRequested: _approval_requested,
    e.ApprovalAnswered: _approval_answered,
    e.RunFinished: _run_finished,
    e.Promoted: _promoted,
    **FOLD_SESSION,
}
