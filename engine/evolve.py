"""The fold: `evolve(state, recorded) -> state`, pure, for any prefix of any log.

One small function an event kind; an event that does not fit the state changes nothing but the place in the log, so
that a log written by another version still folds.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from engine import events as e
from engine.fold_dependencies import FOLD_DEPENDENCIES
from engine.fold_fork import forked
from engine.fold_hooks import FOLD_HOOKS
from engine.fold_integrity import FOLD_INTEGRITY
from engine.fold_phase import FOLD_PHASE, change_iteration, phases_of, submitted
from engine.fold_session import FOLD_SESSION, first_model
from engine.frozen import fresh, replace
from engine.llm.protocol import Message
from engine.state import Approval, Session, State

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
    place = {
        "run_id": recorded.run_id,
        "seq": recorded.seq,
        "started_at": after.started_at or recorded.at,
        "updated_at": recorded.at,
    }
    return replace(state, **place) if after is state else fresh(after, **place)


def fold(log: Iterable[e.Recorded], state: State | None = None) -> State:
    """The state after a whole log, or after a prefix of it."""
    folded = state or State()
    for recorded in log:
        folded = evolve(folded, recorded)
    return folded


def _run_started(state: State, event: e.RunStarted, at: datetime) -> State:
    return replace(
        state,
        task=event.task,
        task_id=event.task_id,
        budget_usd=event.task.budget_usd,
        max_tokens=event.task.max_tokens,
        max_iterations=event.task.max_iterations,
    )


def _workspace_prepared(state: State, event: e.WorkspacePrepared, at: datetime) -> State:
    # A fork's files begin where its prefix left them, another run's with what the person has.
    return replace(state, workspace=event, tip=state.tip or event.base_commit)


def _run_paused(state: State, event: e.RunPaused, at: datetime) -> State:
    return state if state.outcome else replace(state, paused=event)


def _run_resumed(state: State, event: e.RunResumed, at: datetime) -> State:
    resumed = replace(
        state,
        paused=None,
        budget_usd=state.budget_usd + event.add_budget_usd,
        max_tokens=state.max_tokens + event.add_tokens,
        max_iterations=state.max_iterations + event.add_iterations,
        price_waived=state.price_waived or (state.paused is not None and state.paused.reason == "price"),
        sessions=tuple(_afresh(state, session) for session in state.sessions),
    )
    for phase in state.phases:
        last = state.iteration_of(phase.id)
        if last and last.report and last.report.reason in ("backend_lost", "cancelled"):
            resumed = change_iteration(resumed, last.number, report=None)
    return resumed


def _afresh(state: State, session: Session) -> Session:
    """The conversation with every model of its sequence to be tried again; a call under way stays one."""
    first = first_model(state, session.role, session.phase_id)
    return replace(session, model_index=first, strikes=0, turns=0, error="", hint="", fatal=False)


def _run_cancelled(state: State, event: e.RunCancelled, at: datetime) -> State:
    if state.outcome:
        return state
    return replace(state, outcome="cancelled", reason=f"cancelled by {event.by}", sessions=(), paused=None)


def _steered(state: State, event: e.Steered, at: datetime) -> State:
    if event.by == "miracle":
        # Said about the moment, and to nobody who begins later.
        told = Message(role="user", content=event.text)
        hearing = tuple(replace(one, messages=(*one.messages, told)) for one in state.sessions)
        return replace(state, sessions=hearing)
    return replace(state, said=(*state.said, event.text))


def _warned(state: State, event: e.Warned, at: datetime) -> State:
    return replace(state, warned=state.warned | {event.topic}, warnings=(*state.warnings, event.text))


def _spec_submitted(state: State, event: e.SpecSubmitted, at: datetime) -> State:
    return replace(submitted(state, event.session_id), spec=event.spec)


def _plan_submitted(state: State, event: e.PlanSubmitted, at: datetime) -> State:
    used = tuple(dict.fromkeys((*state.patterns_used, *event.used_memories)))
    return replace(submitted(state, event.session_id), plan=event.plan, plan_feedback="", patterns_used=used)


def _plan_edited(state: State, event: e.PlanEdited, at: datetime) -> State:
    return state if state.plan_approved else replace(state, plan=event.plan)


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
    if found.request.topic == "stuck" and event.decision != "deny" and event.reason:
        return replace(state, said=(*state.said, event.reason))
    if found.request.topic != "plan" or state.plan is None:
        return state
    if event.decision == "deny":
        return replace(state, plan_feedback=event.reason or "The person did not want this plan and gave no reason.")
    return replace(state, plan_approved=True, phases=phases_of(state.plan))


def _run_finished(state: State, event: e.RunFinished, at: datetime) -> State:
    if state.outcome:
        return state
    return replace(state, outcome=event.outcome, reason=event.reason, sessions=(), paused=None)


def _promoted(state: State, event: e.Promoted, at: datetime) -> State:
    return replace(state, promoted=event, undone=None)


def _undone(state: State, event: e.Undone, at: datetime) -> State:
    return replace(state, undone=event)


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
    e.ApprovalRequested: _approval_requested,
    e.ApprovalAnswered: _approval_answered,
    e.RunFinished: _run_finished,
    e.Promoted: _promoted,
    e.Undone: _undone,
    e.Forked: forked,
    **FOLD_PHASE,
    **FOLD_HOOKS,
    **FOLD_INTEGRITY,
    **FOLD_DEPENDENCIES,
    **FOLD_SESSION,
}
