"""Keeps a conversation within what a model can read: old tool results and old file contents are cut, newest last.

Only the request is cut. The log keeps everything, and the same conversation always gives the same request.
"""

import json

from engine.context.cut import cut_middle
from engine.llm.protocol import Message, ToolCall
from engine.llm.tokens import estimated_tokens

PROMPT_TOKENS = 100_000
"""What a request may take before old parts of it are cut."""
OPENING = 2
"""The prompt that a session begins with: what the person said and the plan, never cut."""
RECENT = 6
"""Messages at the end that are cut last, and less."""
OLD_CHARACTERS = 400
RECENT_CHARACTERS = 4_000


def fit(messages: tuple[Message, ...], squeezes: int = 0) -> tuple[Message, ...]:
    """The conversation, with its oldest parts cut as far as the budget asks for.

    Args:
        messages: the whole conversation.
        squeezes: how often a server called it too long; each time halves the budget.
    """
    budget = PROMPT_TOKENS >> squeezes
    total = sum(map(_tokens, messages))
    fitted = list(messages)
    recent = max(OPENING, len(messages) - RECENT)
    for start, end, characters in ((OPENING, recent, OLD_CHARACTERS), (recent, len(messages), RECENT_CHARACTERS)):
        for index in range(start, end):
            if total <= budget:
                return tuple(fitted)
            cut = _shorter(fitted[index], characters)
            total -= _tokens(fitted[index]) - _tokens(cut)
            fitted[index] = cut
    return tuple(fitted)


def _tokens(message: Message) -> int:
    return estimated_tokens(message.content) + sum(estimated_tokens(call.arguments) for call in message.tool_calls)


def _shorter(message: Message, characters: int) -> Message:
    if message.role not in ("assistant", "tool"):
        return message
    calls = tuple(_shorter_call(call, characters) for call in message.tool_calls)
    return message.model_copy(update={"content": cut_middle(message.content, characters), "tool_calls": calls})


def _shorter_call(call: ToolCall, characters: int) -> ToolCall:
    """The call with its long texts cut; its arguments stay JSON, which servers insist on."""
    if len(call.arguments) <= characters:
        return call
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        return call.model_copy(update={"arguments": "{}"})
    cut = {name: _shorter_value(value, characters) for name, value in arguments.items()}
    return call.model_copy(update={"arguments": json.dumps(cut)})


def _shorter_value(value: object, characters: int) -> object:
    text = value if isinstance(value, str) else json.dumps(value)
    return cut_middle(text, characters) if len(text) > characters else value
