"""The part of the fold that follows one agent's conversation."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from engine import events as e
from engine.llm.protocol import Message, ToolCall
from engine.state import Session, Spend, State

MAX_SQUEEZES = 3
"""Times that a conversation is cut further because a server called it too long."""


def _session_opened(state: State, event: e.SessionOpened, at: datetime) -> State:
    others = tuple(v for v in state.visits if v[:2] != (event.role, event.phase_id))
    session = Session(
        id=event.session_id,
        role=event.role,
        phase_id=event.phase_id,
        iteration=event.iteration,
        visit=event.visit,
        messages=event.messages,
    )
    return replace(
        state,
        session=session,
        # A message that arrived while the prompt was being written is not in it, and goes with the next call.
        steers=() if event.steers is None else state.steers[max(event.steers, 0) :],
        visits=(*others, (event.role, event.phase_id, event.visit)),
    )


def _in_session(state: State, session_id: str) -> Session | None:
    return state.session if state.session and state.session.id == session_id else None


def _call_started(state: State, event: e.CallStarted, at: datetime) -> State:
    session = _in_session(state, event.session_id)
    if session is None:
        return state
    carried = len(state.steers) if event.steers is None else max(event.steers, 0)
    told = tuple(Message(role="user", content=f"A message from the person:\n{text}") for text in state.steers[:carried])
    begun = replace(session, calling=event.call_id, messages=session.messages + told)
    return replace(state, session=begun, steers=state.steers[carried:])


def _answer_received(state: State, event: e.AnswerReceived, at: datetime) -> State:
    answer = event.answer
    spend = state.spend
    state = replace(
        state,
        spend=Spend(
            usd=spend.usd + (answer.cost_usd or 0.0),
            input_tokens=spend.input_tokens + answer.usage.input_tokens,
            output_tokens=spend.output_tokens + answer.usage.output_tokens,
            calls=spend.calls + 1,
            unpriced_calls=spend.unpriced_calls + (answer.cost_usd is None),
        ),
    )
    if state.iterations:
        last = state.iterations[-1]
        spent = replace(
            last,
            cost_usd=last.cost_usd + (answer.cost_usd or 0.0),
            tokens=last.tokens + answer.usage.input_tokens + answer.usage.output_tokens,
        )
        state = replace(state, iterations=(*state.iterations[:-1], spent))
    session = _in_session(state, event.session_id)
    if session is None:
        return state
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
    return replace(state, session=heard)


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
    session = _in_session(state, event.session_id)
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
    return replace(state, session=failed)


def _answer_rejected(state: State, event: e.AnswerRejected, at: datetime) -> State:
    session = _in_session(state, event.session_id)
    if session is None:
        return state
    told = Message(role="user", content=event.reason)
    return replace(state, session=replace(session, messages=(*session.messages, told), strikes=session.strikes + 1))


def _tool_finished(state: State, event: e.ToolFinished, at: datetime) -> State:
    session = _in_session(state, event.session_id)
    if session is None or all(call.id != event.tool_call_id for call in session.pending):
        return state
    result = Message(role="tool", content=event.output, tool_call_id=event.tool_call_id)
    done = replace(
        session,
        messages=(*session.messages, result),
        pending=tuple(call for call in session.pending if call.id != event.tool_call_id),
        strikes=session.strikes + 1 if event.strike else 0,
    )
    return replace(state, session=done)


FOLD_SESSION: dict[type, Callable[[State, Any, datetime], State]] = {
    e.SessionOpened: _session_opened,
    e.CallStarted: _call_started,
    e.AnswerReceived: _answer_received,
    e.CallFailed: _call_failed,
    e.AnswerRejected: _answer_rejected,
    e.ToolFinished: _tool_finished,
}
