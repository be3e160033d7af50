"""Glob patterns over relative paths: `*` and `?` stay within a name, `**` crosses folders."""

import re
from functools import lru_cache

from engine.errors import ToolError

MAX_PATTERN = 300


@lru_cache(maxsize=64)
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression over whole paths; one without `/` matches in every folder.

    Raises:
        ToolError: it is too long, or leads out of the project.
    """
    if len(pattern) > MAX_PATTERN:
        raise ToolError(f"The pattern has {len(pattern)} characters; at most {MAX_PATTERN} are allowed.")
    if pattern.startswith("/") or ".." in pattern.split("/"):
        raise ToolError(f"{pattern} leads out of the project; patterns are relative to its root.")
    pattern = pattern.removeprefix("./").rstrip("/") or "**"
    if "/" not in pattern and pattern != "**":
        pattern = f"**/{pattern}"
    groups: list[list[str]] = [[]]
    for name in pattern.split("/"):
        if name == "**":
            groups.append([])
        else:
            groups[-1].append(_name(name))
    first, *later = ["/".join(group) for group in groups]
    if not later:
        return re.compile(first, re.DOTALL)
    # What stands between two `**` is found at its first place and never sought again, so no pattern is slow.
    middle = "".join(f"(?>(?:[^/]+/)*?{group}/)" for group in later[:-1] if group)
    last = f"(?:[^/]+/)*{later[-1]}" if later[-1] else ".*"
    return re.compile((f"{first}/" if first else "") + middle + last, re.DOTALL)


def _name(name: str) -> str:
    """A pattern without `/`; the pieces between stars, too, are found at their first place."""
    first, *later = [_fixed(piece) for piece in re.split(r"\*+", name)]
    if not later:
        return first
    return first + "".join(f"(?>[^/]*?{piece})" for piece in later[:-1]) + f"[^/]*{later[-1]}"


def _fixed(piece: str) -> str:
    return "".join("[^/]" if letter == "?" else re.escape(letter) for letter in piece)
