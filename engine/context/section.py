"""What a section of a prompt is."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.state import State
from memory.records import Recollection


@dataclass(frozen=True)
class Material:
    """What a section may draw on besides the state; gathered once for each prompt."""

    listing: str = ""
    """The worktree's files."""
    patterns: str = ""
    """Solutions that worked before, quoted."""
    shown: tuple[Recollection, ...] = ()
    """What they are."""


Write = Callable[[State, Material], str]


@dataclass(frozen=True)
class Section:
    """A titled part of a prompt."""

    title: str
    write: Write
    tokens: int | None = None
    """Most tokens of its text; None is never cut."""
