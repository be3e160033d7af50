"""What a scripted model says of the memories it was shown: it finds them in its prompt, as a model reads them there."""

import re
from collections.abc import Mapping
from typing import Any

from engine.scripted.script import ScriptedCall, Turn

SHOWN = "shown: "
"""Before words that stand for the id of the first memory in the prompt that says them."""
_KEY = "used_memories"
_MEMORY = re.compile(r"^- id (\S+), similarity [^\n]*\n +(\{[^\n]*)", re.MULTILINE)
"""A memory that was cut to what there is room for does not end as JSON does."""


def with_memories(turn: Turn, conversation: str) -> Turn:
    """The turn with ids in the place of words about memories; words that no shown memory says are left out.

    Args:
        turn: what the script has the model say.
        conversation: all that the model was told.
    """
    if not any(_KEY in (call.arguments or ()) for call in turn.calls):
        return turn
    shown = _MEMORY.findall(conversation)
    return turn.model_copy(update={"calls": tuple(_resolved(call, shown) for call in turn.calls)})


def _resolved(call: ScriptedCall, shown: list[tuple[str, str]]) -> ScriptedCall:
    arguments: Mapping[str, Any] = call.arguments or {}
    if not isinstance(arguments.get(_KEY), list):
        return call
    named = [_id_of(str(one), shown) for one in arguments[_KEY]]
    return call.model_copy(update={"arguments": {**arguments, _KEY: [one for one in named if one]}})


def _id_of(named: str, shown: list[tuple[str, str]]) -> str:
    if not named.startswith(SHOWN):
        return named
    words = named.removeprefix(SHOWN)
    return next((memory_id for memory_id, told in shown if words in told), "")
