"""Keeps a conversation within what a model can read: old tool results and old file contents are cut, newest last.

Never cut are the rules, what a person said (the goal, messages, answers to questions, reasons of a refusal), the spec
and the plan. Only the request is cut: the log keeps everything. The same conversation always gives the same request.
"""

import json
from collections.abc import Callable

from engine.agent_events import SectionSize
from engine.context.cut import LEFT_OUT, cut_to_tokens
from engine.context.prompt import BETWEEN, opening_parts, shrink
from engine.llm.protocol import Message, ToolCall
from engine.llm.tokens import estimated_tokens
from engine.state import Session, State

PROMPT_TOKENS = 100_000
"""What a request may take where nothing is known of the model."""
OPENING = 2
"""The prompt that a session begins with: the rules, and the sections."""
RECENT = 6
"""Messages at the end that are cut last, and less."""
OLD_TOKENS = 120
RECENT_TOKENS = 1_200
PER_MESSAGE = 4
"""Tokens that a message or a call takes besides its text."""


def fit(
    messages: tuple[Message, ...],
    squeezes: int = 0,
    *,
    budget: int = PROMPT_TOKENS,
    sections: tuple[SectionSize, ...] = (),
    kept: frozenset[str] = frozenset(),
) -> tuple[Message, ...]:
    """The conversation, with its least important parts cut as far as the budget asks for.

    It may still be over the budget: then nothing is left of it but what is never cut.

    Args:
        messages: the whole conversation.
        squeezes: how often a server called it too long; each time halves the budget.
        budget: tokens that the messages may take.
        sections: what the opening is made of; without them all of it is kept.
        kept: ids of tool calls whose results are a person's words.
    """
    allowed = budget >> squeezes
    fitted = _Fitting(list(messages), allowed, kept)
    recent = max(OPENING, len(messages) - RECENT)
    old, new = range(OPENING, recent), range(recent, len(messages))
    fitted.cut(old, lambda message: _shorter(message, OLD_TOKENS))
    fitted.cut(new, lambda message: _shorter(message, RECENT_TOKENS))
    fitted.cut(range(1, OPENING), lambda message: _opening(message, sections, fitted.total - allowed))
    fitted.cut(old, _bare)
    fitted.cut(new, _bare)
    return tuple(fitted.messages)


def sent(state: State, session: Session) -> tuple[Message, ...]:
    """The messages as the newest call of a session carried them.

    Args:
        state: what was so when the call began.
        session: the conversation then.
    """
    budget = session.budget_tokens or PROMPT_TOKENS
    kept = person_words(state, session.id)
    return fit(session.messages, session.squeezes, budget=budget, sections=session.sections, kept=kept)


def request_tokens(messages: tuple[Message, ...]) -> int:
    """What the messages of a request take, by estimate."""
    return sum(map(message_tokens, messages))


def message_tokens(message: Message) -> int:
    """What a message takes, by estimate."""
    calls = sum(estimated_tokens(call.name + call.arguments) + PER_MESSAGE for call in message.tool_calls)
    return estimated_tokens(message.content) + calls + PER_MESSAGE


def person_words(state: State, session_id: str) -> frozenset[str]:
    """The tool calls of a session whose results are a person's words: answers to questions, reasons of a refusal."""
    return frozenset(
        approval.request.tool_call_id
        for approval in state.approvals
        if approval.request.session_id == session_id
        and approval.answer is not None
        and (approval.request.topic == "questions" or approval.answer.decision == "deny")
    )


class _Fitting:
    """A conversation that is being cut, and what it takes by now."""

    def __init__(self, messages: list[Message], allowed: int, kept: frozenset[str]) -> None:
        self.messages = messages
        self.total = sum(map(message_tokens, messages))
        self._allowed = allowed
        self._kept = kept

    def cut(self, places: range, shorter: Callable[[Message], Message]) -> None:
        """Cut these messages one after the other until all of it fits."""
        for place in places:
            if self.total <= self._allowed or place >= len(self.messages):
                return
            whole = self.messages[place]
            if whole.tool_call_id in self._kept and whole.role == "tool":
                continue
            self.messages[place] = shorter(whole)
            self.total -= message_tokens(whole) - message_tokens(self.messages[place])


def _opening(message: Message, sections: tuple[SectionSize, ...], over: int) -> Message:
    parts = opening_parts(message.content, sections) if message.role == "user" else {}
    if not parts:
        return message
    within = shrink(parts, estimated_tokens(message.content) - over)
    return message.model_copy(update={"content": BETWEEN.join(within.values())})


def _shorter(message: Message, tokens: int) -> Message:
    if message.role not in ("assistant", "tool"):
        return message
    calls = tuple(_shorter_call(call, tokens) for call in message.tool_calls)
    return message.model_copy(update={"content": cut_to_tokens(message.content, tokens), "tool_calls": calls})


def _shorter_call(call: ToolCall, tokens: int) -> ToolCall:
    """The call with its long texts cut; its arguments stay JSON, which servers insist on."""
    if estimated_tokens(call.arguments) <= tokens:
        return call
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        return call.model_copy(update={"arguments": "{}"})
    cut = json.dumps({name: _shorter_value(value, tokens) for name, value in arguments.items()})
    # What is cut is written with escapes, which may take more room than the text did.
    return call.model_copy(update={"arguments": cut if len(cut) < len(call.arguments) else "{}"})


def _shorter_value(value: object, tokens: int) -> object:
    text = value if isinstance(value, str) else json.dumps(value)
    return cut_to_tokens(text, tokens) if estimated_tokens(text) > tokens else value


def _bare(message: Message) -> Message:
    """The message without its text: only its place in the conversation is left, which servers insist on."""
    if message.role not in ("assistant", "tool"):
        return message
    calls = tuple(
        call.model_copy(update={"arguments": "{}"}) if len(call.arguments) > 2 else call for call in message.tool_calls
    )
    content = cut_to_tokens(message.content, 0 if calls else estimated_tokens(LEFT_OUT))
    return message.model_copy(update={"content": content, "tool_calls": calls})
