"""Writes the prompt that a session begins with: the rules, and the sections that have something to say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.agent_events import SectionSize
from engine.context.cut import cut_to_tokens
from engine.context.section import Material
from engine.context.sections import CUT_FIRST, SECTIONS
from engine.llm.protocol import Message
from engine.llm.tokens import estimated_tokens
from engine.state import State
from memory.records import Recollection

RULES = "rules"
"""The name of the system prompt among the sizes."""
BETWEEN = "\n\n"
LEAST_TOKENS = 3
"""What a section's text takes when nothing of it is kept but a note."""


@dataclass(frozen=True)
class Prompt:
    """A session's first messages, and what of them is which section."""

    messages: tuple[Message, ...]
    sections: tuple[SectionSize, ...]
    shown: tuple[Recollection, ...] = ()
    """Patterns that are in them."""


def write_prompt(
    names: tuple[str, ...],
    rules: str,
    state: State,
    material: Material,
    *,
    tokens: int,
    redact: Callable[[str], str] = lambda text: text,
) -> Prompt:
    """The prompt of an agent.

    Args:
        names: the sections, in their order.
        rules: the agent's system prompt.
        state: the run as the agent's phase sees it.
        material: what was gathered besides.
        tokens: what all of it may take by estimate; only the sections of `CUT_FIRST` give way.
        redact: takes secrets out; done here, so that the sizes are those of what is sent.
    """
    rules = redact(rules)
    texts = {name: redact(SECTIONS[name].write(state, material).strip()) for name in names}
    whole = {name: f"## {SECTIONS[name].title}\n{text}" for name, text in texts.items() if text}
    parts = {name: cut_part(part, SECTIONS[name].tokens) for name, part in whole.items()}
    parts = shrink(parts, tokens - estimated_tokens(rules))
    sizes = [SectionSize(name=RULES, tokens=estimated_tokens(rules), characters=len(rules))]
    sizes += [
        SectionSize(name=name, tokens=estimated_tokens(part), cut=part != whole[name], characters=len(part))
        for name, part in parts.items()
    ]
    user = Message(role="user", content=BETWEEN.join(parts.values()))
    # What the cut took away was not shown.
    shown = tuple(item for item in material.shown if f"- id {item.memory_id}," in user.content)
    return Prompt((Message(role="system", content=rules), user), tuple(sizes), shown)


def cut_part(part: str, tokens: int | None) -> str:
    """A section with its text cut to a budget; its title stays."""
    title, _, text = part.partition("\n")
    return part if tokens is None else f"{title}\n{cut_to_tokens(text, max(tokens, LEAST_TOKENS))}"


def shrink(parts: Mapping[str, str], tokens: int) -> dict[str, str]:
    """The sections within a budget, cut from the least important on, as far as they may be cut.

    Args:
        parts: the sections by name, each with its title.
        tokens: what all of them together may take.
    """
    shrunk = dict(parts)
    for name in CUT_FIRST:
        over = estimated_tokens(BETWEEN.join(shrunk.values())) - tokens
        if over <= 0:
            break
        if name in shrunk:
            _, _, text = shrunk[name].partition("\n")
            # One more than is asked for, since the sizes of text and whole are both rounded up.
            shrunk[name] = cut_part(shrunk[name], estimated_tokens(text) - over - 1)
    return shrunk


def opening_parts(content: str, sections: tuple[SectionSize, ...]) -> dict[str, str]:
    """The sections of a written prompt by name; empty when the sizes are not those of this text.

    Args:
        content: the message that `write_prompt` wrote.
        sections: the sizes that belong to it.
    """
    parts: dict[str, str] = {}
    place = 0
    for size in sections:
        if size.name == RULES:
            continue
        part = content[place : place + size.characters]
        if size.name not in SECTIONS or not part.startswith(f"## {SECTIONS[size.name].title}\n"):
            return {}
        parts[size.name] = part
        place += size.characters + len(BETWEEN)
    return parts if BETWEEN.join(parts.values()) == content else {}
