"""The part of the fold that follows one agent's conversation."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from engine import events as e
from engine.fold_phase import change_iteration
from engine.frozen import replace
from engine.llm.protocol import Message, ToolCall
from engine.state import Session, State

MAX_SQUEEZES = 3
"""Times that a conversation is cut further because a server called it too long."""


def first_model(state: State, role: str, phase_id: str) -> int:
    """Where an agent's model sequence begins: further on in a phase that was stuck, but never past its end."""
    phase = state.phase_by(phase_id)
    models = state.task.models.get(role, ()) if state.task else ()
    return min(phase.model_shift, max(len(models) - 1, 0)) if phase else 0


def _session_opened(state: State, event: e.SessionOpened, at: datetime) -> State:
    others = tuple(v for v in state.visits if v[:2] != (event.role, event.phase_id))
    heard = len(state.said) if event.steers is None else min(max(event.steers, 0), len(state.said))
    session = Session(
        id=event.session_id,
        role=event.role,
        phase_id=event.phase_id,
        iteration=event.iteration,
        visit=event.visit,
        messages=event.messages,
        sections=event.sections,
        heard=heard,
        model_index=first_model(state, event.role, event.phase_id),
    )
    known = {item.memory_id for item in state.patterns_shown}
    shown = tuple(item for item in event.shown if item.kind == "pattern" and item.memory_id not in known)
    return replace(
        state,
        spend=state.spend.plus(event.asked_usd),
        patterns_shown=(*state.patterns_shown, *shown),
        sessions=(*(one for one in state.sessions if one.phase_id != event.phase_id), session),
        # A message that arrived while the prompt was being written is not in it, and goes with the next call.
        told=max(state.told, heard),
        visits=(*others, (event.role, event.phase_id, event.visit)),
    )


def _with(state: State, session: Session) -> State:
    return replace(state, sessions=tuple(session if one.id == session.id else one for one in state.sessions))


def _call_started(state: State, event: e.CallStarted, at: datetime) -> State:
    session = state.session_by(event.session_id)
    if session is None:
        return state
    unheard = state.said[session.heard :]
    carried = unheard if event.steers is None else unheard[: max(event.steers, 0)]
    heard = session.heard + len(carried)
    told = tuple(Message(role="user", content=f"A message from the person:\n{text}") for text in carried)
    begun = replace(
        session,
        calling=event.call_id,
        reserved_usd=event.reserved_usd or 0.0,
        reserved_tokens=event.reserved_tokens,
        messages=session.messages + told,
        heard=heard,
        prompt_tokens=event.prompt_tokens,
        budget_tokens=event.budget_tokens,
        window_tokens=event.window_tokens,
    )
    if session.calling:
        # The executor died on that call: the provider may have answered it, and charged for it.
        state = _perhaps_charged(state, session.reserved_usd)
    return replace(_with(state, begun), told=max(state.told, heard))


def _perhaps_charged(state: State, usd: float) -> State:
    return replace(state, spend=replace(state.spend, uncertain_usd=state.spend.uncertain_usd + usd))


def _answer_received(state: State, event: e.AnswerReceived, at: datetime) -> State:
    answer = event.answer
    session = state.session_by(event.session_id)
    state = _perhaps_charged(state, event.cut * session.reserved_usd) if session and event.cut else state
    spend = state.spend
    state = replace(
        state,
        spend=replace(
            spend,
            usd=spend.usd + (answer.cost_usd or 0.0),
            input_tokens=spend.input_tokens + answer.usage.input_tokens,
            output_tokens=spend.output_tokens + answer.usage.output_tokens,
            calls=spend.calls + 1,
            unpriced_calls=spend.unpriced_calls + (answer.cost_usd is None),
        ),
    )
    if session is None:
        return state
    spent = state.iteration_of(session.phase_id)
    if spent is not None and spent.number == session.iteration:
        tokens = answer.usage.input_tokens + answer.usage.output_tokens
        cost = spent.cost_usd + (answer.cost_usd or 0.0)
        state = change_iteration(state, spent.number, cost_usd=cost, tokens=spent.tokens + tokens)
    calls = _named_apart(session, event)
    said = Message(role="assistant", content=answer.text, tool_calls=calls)
    heard = replace(
        session,
        messages=(*session.messages, said),
        pending=calls,
        turns=session.turns + 1,
        calling="",
        last_finish=answer.finish_reason,
        last_refusal=answer.refusal,
        last_call_id=event.call_id,
    )
    return _with(state, heard)


def _named_apart(session: Session, event: e.AnswerReceived) -> tuple[ToolCall, ...]:
    """The answer's calls, each with an id of its own: some servers send none, or begin again with every answer.

    Results and approvals are found by this id; with one id twice, a person's yes to one command would cover another.
    """
    taken = {call.id for message in session.messages for call in message.tool_calls}
    named: list[ToolCall] = []
    for call in event.answer.tool_calls:
        own = call.id if call.id and call.id not in taken else f"call_{event.call_id}_{len(taken)}"
        taken.add(own)
        named.append(call if own == call.id else call.model_copy(update={"id": own}))
    return tuple(named)


def _call_failed(state: State, event: e.CallFailed, at: datetime) -> State:
    session = state.session_by(event.session_id)
    if session is None:
        return state
    squeezed = event.error == "ContextTooLong" and session.squeezes < MAX_SQUEEZES
    failed = replace(
        session,
        calling="",
        # A server that reads less gets less, for nothing; only then is the next model asked.
        model_index=session.model_index + (not squeezed),
        strikes=0,
        error=event.detail,
        hint=event.hint,
        fatal=event.fatal,
        squeezes=session.squeezes + squeezed,
    )
    return _with(_perhaps_charged(state, event.cut * session.reserved_usd) if event.cut else state, failed)


def _answer_rejected(state: State, event: e.AnswerRejected, at: datetime) -> State:
    session = state.session_by(event.session_id)
    if session is None:
        return state
    told = Message(role="user", content=event.reason)
    return _with(state, replace(session, messages=(*session.messages, told), strikes=session.strikes + 1))


def _tool_finished(state: State, event: e.ToolFinished, at: datetime) -> State:
    session = state.session_by(event.session_id)
    if session is None or all(call.id != event.tool_call_id for call in session.pending):
        return state
    result = Message(role="tool", content=event.output, tool_call_id=event.tool_call_id)
    done = replace(
        session,
        messages=(*session.messages, result),
        pending=tuple(call for call in session.pending if call.id != event.tool_call_id),
        strikes=session.strikes + 1 if event.strike else 0,
    )
    return _with(state, done)


FOLD_SESSION: dict[type, Callable[[State, Any, datetime], State]] = {
    e.SessionOpened: _session_opened,
    e.CallStarted: _call_started,
    e.AnswerReceived: _answer_received,
    e.CallFailed: _call_failed,
    e.AnswerRejected: _answer_rejected,
    e.ToolFinished: _tool_finished,
}
