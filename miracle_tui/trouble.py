"""Errors in words: what a worker reports instead of ending the app."""

import os

from miracle_tui.messages import Trouble


def trouble_of(exc: Exception, doing: str) -> Trouble:
    """The words for an error: its own title and hint, or what can be said of a surprise."""
    from config.secrets import named_secrets, redact

    known = named_secrets(os.environ)
    title, hint = getattr(exc, "title", ""), getattr(exc, "hint", "")
    if title:
        return Trouble(redact(title, known), redact(hint, known))
    said = redact(str(exc).strip(), known) or type(exc).__name__
    return Trouble(
        f"Something unexpected happened ({doing})",
        f"{type(exc).__name__}: {said}\nThe run's log is safe; try again, or see the log file.",
    )
