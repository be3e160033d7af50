"""How full a model's window is, and with what."""

from dataclasses import dataclass

from engine.agent_events import SectionSize
from engine.context.fit import OPENING, PER_MESSAGE, message_tokens
from engine.llm.protocol import Message, ToolSchema
from engine.llm.tokens import estimated_tokens

_GROUPS = {"user": "messages", "assistant": "answers", "tool": "results"}


@dataclass(frozen=True, slots=True)
class ContextMeter:
    """What a request takes of a model's window, in tokens by estimate."""

    tokens: int
    window: int
    """What the model can read and answer with in one call; 0 when it is not known."""
    sections: tuple[SectionSize, ...] = ()
    """The rules and the opening's sections, then `messages`, `answers` and `results` of the conversation since."""


def measure(
    messages: tuple[Message, ...], window: int, sections: tuple[SectionSize, ...] = (), tools: int = 0
) -> ContextMeter:
    """The meter of a request.

    Args:
        messages: the conversation that is sent.
        window: what the model can read and answer with in one call.
        sections: what the opening is made of.
        tools: what the schemas of its tools take.
    """
    later: dict[str, int] = {}
    for message in messages[OPENING:]:
        group = _GROUPS.get(message.role, message.role)
        later[group] = later.get(group, 0) + message_tokens(message)
    groups = [SectionSize(name=name, tokens=tokens) for name, tokens in later.items()]
    if tools:
        groups.append(SectionSize(name="tools", tokens=tools))
    return ContextMeter(sum(map(message_tokens, messages)) + tools, window, (*sections, *groups))


def schema_tokens(tools: tuple[ToolSchema, ...]) -> int:
    """What the schemas of a request's tools take."""
    return sum(estimated_tokens(f"{tool.name} {tool.description} {tool.parameters}") + PER_MESSAGE for tool in tools)


def prompt_budget(window: int, answer: int, tools: int) -> int:
    """What the messages of a request may take.

    Args:
        window: what the model can read and answer with in one call.
        answer: most tokens of its answer; at most half of the window is kept for it.
        tools: what the schemas of its tools take.
    """
    return max(0, window - min(answer, window // 2) - tools)
