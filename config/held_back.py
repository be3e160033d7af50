"""Redaction of text that comes in pieces: what may be the beginning of a secret is held back until it is known."""

from config.forms import SHORTEST, forms_of
from config.secrets import redact
from config.shapes import begins_at

MOST = 32_768
"""Characters that are held back at most; a longer text without a space is passed on in parts."""


class HeldBack:
    """One stream of text. What comes out, joined, is what `redact` makes of the whole.

    Args:
        secrets: values known to be secret.
    """

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        self._secrets = secrets
        self._forms = forms_of(tuple(secret for secret in secrets if len(secret) >= SHORTEST))
        self._held = ""

    def feed(self, piece: str) -> str:
        """Take a piece; what can be shown by now, perhaps nothing."""
        self._held += piece
        end = self._end()
        if len(self._held) - end > MOST:
            end = len(self._held) - MOST // 2
        shown, self._held = self._held[:end], self._held[end:]
        return redact(shown, self._secrets)

    def flush(self) -> str:
        """The rest, at the end of the stream."""
        rest, self._held = self._held, ""
        return redact(rest, self._secrets)

    def clear(self) -> None:
        """Forget what is held back: the stream begins again."""
        self._held = ""

    def _end(self) -> int:
        """Where the text ends that no further piece can make a part of a secret."""
        end = begins_at(self._held)
        moved = True
        while moved:
            moved = False
            for form in self._forms:
                if (start := _crossing(self._held, form, end)) < end:
                    end, moved = start, True
        return end


def _crossing(text: str, form: str, end: int) -> int:
    """Where the earliest occurrence of the form begins that crosses `end`, whole or cut off by the text's end."""
    for start in range(max(0, end - len(form) + 1), end):
        if text[start] == form[0] and form.startswith(text[start : start + len(form)]):
            return start
    return end
