"""The steps of an agent's conversation: its first prompt, a model call, a tool call, the submission."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import ValidationError

from config.held_back import HeldBack
from engine import commands as c
from engine import events as e
from engine.agents.agent import Agent
from engine.agents.registry import agent_for
from engine.bus import Delta, StreamVoid
from engine.evolve import evolve
from engine.gates.budget import may_fit_later, short_of, unpriced
from engine.llm.errors import KeyMissing, KeyRejected, ModelError, QuotaExhausted, StreamCut
from engine.llm.protocol import Answer, ModelRequest
from engine.llm.tokens import most_tokens
from engine.run_context import RunContext
from engine.state import Session, State
from engine.steps.request import call_request, first_prompt, model_of
from memory.billing import billed

FATAL = (KeyMissing, KeyRejected, QuotaExhausted)
"""Errors that the next model of the same server would answer with too."""


async def open_session(run: RunContext, command: c.OpenSession) -> None:
    """Write the first prompt and keep it in the log, so that a resumed session says the same."""
    agent = agent_for(command.role)
    state = run.state.focused(command.phase_id)
    with billed() as bill:
        prompt = await first_prompt(run, agent, state, command.phase_id)
    await run.log.append(
        e.SessionOpened(
            session_id=uuid4().hex[:12],
            role=agent.role,
            phase_id=command.phase_id,
            iteration=command.iteration,
            visit=state.visit(agent.role, command.phase_id) + 1,
            steers=len(state.said),
            messages=prompt.messages,
            sections=prompt.sections,
            shown=prompt.shown,
            asked_usd=bill.usd,
        )
    )


async def call_model(run: RunContext, command: c.CallModel) -> None:
    """One paid call: reserved before it is made, its answer committed as the very next thing after it arrives."""
    reserved = await _reserve(run, command.session_id)
    if reserved is None:
        return
    started, request = reserved
    try:
        await _call(run, request, started)
    finally:
        run.calls.discard(started.call_id)


async def _call(run: RunContext, request: ModelRequest, started: e.CallStarted) -> None:
    cut: list[ModelError] = []
    try:
        answer = await _ask(run, request, started.session_id, cut)
    except ModelError as error:
        failed = e.CallFailed(
            session_id=started.session_id,
            call_id=started.call_id,
            model=request.model,
            error=type(error).__name__,
            detail=run.redact(error.title),
            hint=error.hint,
            fatal=isinstance(error, FATAL),
            cut=len(cut) + isinstance(error, StreamCut),
        )
        await run.log.append(failed)
        return
    received = e.AnswerReceived(session_id=started.session_id, call_id=started.call_id, answer=answer, cut=len(cut))
    await _keep(run, received)


async def _reserve(run: RunContext, session_id: str) -> tuple[e.CallStarted, ModelRequest] | None:
    """Put the call and its worst case into the log, so that no other phase can spend the same money.

    Returns:
        The call and its request; None where it may not be made now: the run is paused at its cap, or waits for what
        calls of other phases leave over.
    """
    while True:
        state = run.state
        session = state.session_by(session_id)
        if session is None or state.task is None or state.paused:
            return None
        started = e.CallStarted(
            session_id=session.id,
            call_id=uuid4().hex[:12],
            model=model_of(run, state, session.role, session.model_index),
            steers=len(state.said) - session.heard,
        )
        asked = await call_request(run, state, _begun(state, started) or session, started)
        if isinstance(asked, e.CallFailed):
            if await run.log.append_at(state.seq, asked):
                return None
            continue
        started, request = asked
        worst = await asyncio.to_thread(run.model.worst_case_usd, request)
        most = most_tokens(request, run.config.openai.parameters.max_tokens)
        refused = _refusal(run, state, request, worst, most)
        if refused is None:
            run.calls.add(started.call_id)
            reserved = started.model_copy(update={"reserved_usd": worst, "reserved_tokens": most})
            if await run.log.append_at(state.seq, reserved):
                return started, request
            run.calls.discard(started.call_id)
        elif may_fit_later(state, run.calls, worst, most):
            await run.log.wait_past(state.seq)
        elif await run.log.append_at(state.seq, refused):
            return None


def _refusal(
    run: RunContext, state: State, request: ModelRequest, worst_usd: float | None, tokens: int
) -> e.RunPaused | None:
    """Why the call may not be made now; None when it may."""
    if worst_usd is None and run.config.settings.cost_control.unknown_price == "ask":
        return unpriced(state, request.model) or short_of(state, None, tokens)
    return short_of(state, worst_usd, tokens)


def _begun(state: State, started: e.CallStarted) -> Session | None:
    """The session as it is once the call is recorded: with the person's messages that the call carries."""
    at = state.updated_at or datetime.now(UTC)
    begun = evolve(state, e.Recorded(run_id=state.run_id, seq=state.seq + 1, at=at, event=started))
    return begun.session_by(started.session_id)


async def _ask(run: RunContext, request: ModelRequest, session_id: str, cut: list[ModelError]) -> Answer:
    """Make the call and show its text as it comes.

    Args:
        run: the run.
        request: what is asked.
        session_id: for the screen.
        cut: takes the errors of attempts that broke off and are made again.

    Raises:
        ModelError: the call failed for good.
    """

    stream = HeldBack(run.secrets)

    def publish(text: str) -> None:
        if text:
            run.bus.publish(Delta(run.run_id, session_id, request.role, text, request.phase))

    def show(text: str) -> None:
        publish(stream.feed(text))

    def announce_retry(error: ModelError, wait_s: float, attempt: int) -> None:
        stream.clear()
        run.bus.publish(StreamVoid(run.run_id, session_id, request.phase))
        if isinstance(error, StreamCut):
            cut.append(error)
        run.notice(f"{error.title}; attempt {attempt + 1} in {wait_s:.0f} s")

    answer = await run.model.complete(request, show, announce_retry)
    publish(stream.flush())
    return answer


async def _keep(run: RunContext, received: e.AnswerReceived) -> None:
    """Append a paid answer, even when the engine is being closed around it."""
    keeping = asyncio.ensure_future(run.log.append(received))
    try:
        await asyncio.shield(keeping)
    except asyncio.CancelledError:
        await keeping
        raise


async def accept_submission(run: RunContext, command: c.AcceptSubmission) -> None:
    """Validate the submit call's arguments; what is wrong with them goes back to the model."""
    session = run.state.session_by(command.session_id)
    if session is None:
        return
    agent = agent_for(session.role)
    try:
        result = agent.result.model_validate_json(command.call.arguments or "{}")
    except ValidationError as error:
        await run.log.append(_returned(session, command, _describe(agent, error)))
        return
    if reason := agent.refuse(run.state.focused(session.phase_id), result):
        await run.log.append(_returned(session, command, reason))
        return
    await run.log.append(agent.to_event(session.id, result))


def _returned(session: Session, command: c.AcceptSubmission, reason: str) -> e.ToolFinished:
    return e.ToolFinished(
        session_id=session.id,
        tool_call_id=command.call.id,
        name=command.call.name,
        ok=False,
        output=reason,
        strike=True,
    )


def _describe(agent: Agent, error: ValidationError) -> str:
    problems = [
        f"- {'.'.join(str(part) for part in problem['loc']) or 'arguments'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)[:10]
    ]
    return f"{agent.submit} was not accepted. Call it again with valid JSON arguments:\n" + "\n".join(problems)
