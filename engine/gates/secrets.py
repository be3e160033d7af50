"""The secrets gate: no secret reaches the log, whatever wrote it down.

Known values are replaced in every text of an event, in whatever form. Whatever only looks like a key is replaced in the
words of a person or an agent, and left alone where a tool call writes a file or runs a command: that must arrive as it
was written, and the model was told no secret that it could write down.
"""

from typing import Any

from config.forms import forms_of, replace_forms
from config.shapes import redact_shapes
from engine.events import Event, from_body, to_body

SHORTEST = 16
"""Characters; a shorter key, such as the `ollama` of a local server, is also an ordinary word."""
WORDS = frozenset(
    {
        "answers", "cause", "conventions", "description", "detail", "evidence", "fix", "goal", "hint", "hypothesis",
        "questions", "reason", "refusal", "summary", "target", "text", "title",
    }
)  # fmt: skip
"""Fields that hold what somebody said, and that nothing is compared with."""
SAYING = ("submit_", "ask_person")
"""Tools whose arguments are words, too."""


def without_secrets(event: Event, secrets: tuple[str, ...]) -> Event:
    """The event with every secret in its texts replaced; the same object when there is none."""
    known = tuple(secret for secret in secrets if len(secret) >= SHORTEST)
    body = to_body(event)
    clean = _clean(body, forms_of(known), "")
    return event if clean == body else from_body(event.kind, clean)


def _clean(value: Any, forms: tuple[str, ...], field: str) -> Any:
    match value:
        case str():
            text = replace_forms(value, forms)
            return redact_shapes(text) if field in WORDS else text
        case dict():
            said = str(value.get("name", "")).startswith(SAYING)
            return {
                key: _clean(item, forms, "text" if said and key == "arguments" else key) for key, item in value.items()
            }
        case list() | tuple():
            return [_clean(item, forms, field) for item in value]
    return value
