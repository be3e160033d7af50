"""Errors in words: what a worker reports instead of ending the app."""

from miracle_tui.messages import Trouble


def trouble_of(exc: Exception, doing: str) -> Trouble:
    """The words for an error: its own title and hint, or what can be said of a surprise."""
    title, hint = getattr(exc, "title", ""), getattr(exc, "hint", "")
    if title:
        return Trouble(title, hint)
    said = str(exc).strip() or type(exc).__name__
    return Trouble(
        f"Something unexpected happened ({doing})",
        f"{type(exc).__name__}: {said}\nThe run's log is safe; try again, or see the log file.",
    )
