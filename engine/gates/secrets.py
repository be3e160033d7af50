"""The secrets gate: the keys that Miracle itself works with never reach the log, whatever wrote them down.

Output and prompts are also cleaned of whatever looks like a key. Here only known values are replaced, because what a
model writes into a file must arrive as it was written.
"""

from typing import Any

from config.secrets import REDACTED
from engine.events import Event, from_body, to_body

SHORTEST = 16
"""Characters; a shorter key, such as the `ollama` of a local server, is also an ordinary word."""


def without_secrets(event: Event, secrets: tuple[str, ...]) -> Event:
    """The event with every known secret in its texts replaced; the same object when there is none."""
    known = tuple(secret for secret in secrets if len(secret) >= SHORTEST)
    if not known:
        return event
    body = to_body(event)
    clean = _clean(body, known)
    return event if clean == body else from_body(event.kind, clean)


def _clean(value: Any, secrets: tuple[str, ...]) -> Any:
    match value:
        case str():
            for secret in secrets:
                value = value.replace(secret, REDACTED)
            return value
        case dict():
            return {key: _clean(item, secrets) for key, item in value.items()}
        case list() | tuple():
            return [_clean(item, secrets) for item in value]
    return value
