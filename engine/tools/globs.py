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
    names: list[str] = []
    for name in pattern.split("/"):
        # Two stars in a row match no more than one, and would make the search slow.
        if name != "**" or not names or names[-1] != "**":
            names.append(name)
    return re.compile("".join(_pieces(names)), re.DOTALL)


def _pieces(names: list[str]) -> list[str]:
    pieces: list[str] = []
    for place, name in enumerate(names):
        last = place == len(names) - 1
        if name == "**":
            pieces.append(".*" if last else "(?:.*/)?")
        else:
            pieces.append(_name(name) + ("" if last else "/"))
    return pieces


def _name(name: str) -> str:
    out = ""
    for letter in re.sub(r"\*+", "*", name):
        out += {"*": "[^/]*", "?": "[^/]"}.get(letter, re.escape(letter))
    return out
