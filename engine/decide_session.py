"""What may be done next while an agent is in the middle of its conversation."""

from engine import commands as c
from engine import events as e
from engine.agents.registry import submit_function
from engine.state import Session, State

MAX_STRIKES = 3
"""Answers in a row that cannot be used before the next model is tried."""


def next_in_session(state: State, session: Session) -> tuple[c.Command, ...]:
    """The session's next step: a tool call of the last answer, a correction, a pause, or the next answer."""
    if session.pending:
        return _next_call(state, session)
    if stuck := _stuck(state, session):
        return (c.Record(stuck),)
    last = session.messages[-1] if session.messages else None
    if last is not None and last.role == "assistant" and not last.tool_calls:
        rejected = e.AnswerRejected(session_id=session.id, call_id=session.last_call_id, reason=_why_rejected(session))
        return (c.Record(rejected),)
    return (c.CallModel(session.id),)


def _next_call(state: State, session: Session) -> tuple[c.Command, ...]:
    call = session.pending[0]
    if call.name == submit_function(session.role):
        return (c.AcceptSubmission(session.id, call),)
    questions = state.answer_to("questions", session_id=session.id, tool_call_id=call.id)
    asked = questions or state.answer_to("command", session_id=session.id, tool_call_id=call.id)
    if asked is None:
        return (c.RunTool(session.id, call),)
    if asked.answer is None:
        return ()
    if asked.request.topic == "questions":
        told = _answers(asked.request.questions, asked.answer)
    elif asked.answer.decision == "deny":
        told = "A person denied this. " + (asked.answer.reason or "No reason was given; find another way.")
    else:
        return (c.RunTool(session.id, call),)
    denied = asked.answer.decision == "deny" and asked.request.topic != "questions"
    result = e.ToolFinished(session_id=session.id, tool_call_id=call.id, name=call.name, ok=not denied, output=told)
    return (c.Record(result),)


def _answers(questions: tuple[str, ...], answer: e.ApprovalAnswered) -> str:
    if answer.decision == "deny" or not any(answer.answers):
        return "The person skipped the questions. Choose sensible defaults and name them in the spec."
    pairs = zip(questions, (*answer.answers, *[""] * len(questions)), strict=False)
    return "\n".join(
        f"Q: {question}\nA: {said or '(no answer; choose a sensible default)'}" for question, said in pairs
    )


def _why_rejected(session: Session) -> str:
    submit = submit_function(session.role)
    if session.last_refusal:
        said = session.last_refusal[:500]
        return f"You refused: {said} If the task itself is impossible, call {submit} and say why in it."
    if session.last_finish == "length":
        return f"Your answer was cut off at the token limit. Work in smaller steps: one tool call each, then {submit}."
    if session.last_finish == "content_filter":
        return f"The server's content filter cut your answer. Go on with a tool call, and end with {submit}."
    return f"Your answer calls no function. Go on with a tool call; when you are done, call {submit}."


def _stuck(state: State, session: Session) -> e.Event | None:
    task = state.task
    models = task.models.get(session.role, ()) if task else ()
    if session.strikes >= MAX_STRIKES:
        return e.CallFailed(
            session_id=session.id,
            call_id=session.last_call_id,
            model=models[session.model_index] if session.model_index < len(models) else "",
            error="UnusableAnswers",
            detail=f"The {session.role} gave {MAX_STRIKES} answers in a row that could not be used.",
            hint="Try another model for this agent in openai.yaml, then resume the run.",
        )
    if session.fatal or session.model_index >= max(len(models), 1):
        return e.RunPaused(
            reason="model",
            detail=session.error or f"No model is left for the {session.role}.",
            hint=session.hint or "Check the model server, then resume the run.",
        )
    if task and session.turns >= task.max_turns:
        return e.RunPaused(
            reason="model",
            detail=f"The {session.role} made {session.turns} calls without submitting its work.",
            hint="Send it a message (steer) or choose another model, then resume the run.",
        )
    return None
