"""What a line of shell comes to: programs with their words, code that is run in turn, and doubts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sandbox.report import Verdict

Word = str | None
"""A word as the program will get it; None where only the shell will know it, or how many there will be."""
Language = Literal["shell", "python", "node", "perl", "awk", "sed", "other"]


class Globbed(str):
    """A word with a pattern that the shell replaces by file names."""

    __slots__ = ()


@dataclass(frozen=True)
class Stdin:
    """What a program reads: nothing, a text that stands in the line, a file, or what only the shell will know."""

    kind: Literal["none", "text", "file", "computed"] = "none"
    text: str = ""


NOTHING = Stdin()


@dataclass(frozen=True)
class Program:
    """One program that a line starts, or may start."""

    words: tuple[Word, ...]
    stdin: Stdin = NOTHING
    module: bool = False
    """Whether it is a module that an interpreter runs: a project's own modules have any name."""
    suspect: bool = False
    """Whether the words may as well be plain arguments: then only the lists of what is blocked or asked about count."""

    @property
    def name(self) -> str | None:
        """The program's name without its folder; None when it is computed."""
        first = self.words[0] if self.words else None
        return None if first is None or isinstance(first, Globbed) else first.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Code:
    """A text that is run in turn."""

    language: Language
    text: str
    stdin: Stdin = NOTHING
    suspect: bool = False
    """Whether it is only a string of a program that starts others: judged, but not refused when it is no shell."""


@dataclass(frozen=True)
class ScriptFile:
    """A file that an interpreter runs."""

    path: str


@dataclass(frozen=True)
class Doubt:
    """What speaks against a line whatever its programs are."""

    reason: str
    verdict: Verdict = "approval_required"


Part = Program | Code | ScriptFile | Doubt


class Unreadable(Exception):
    """A line that no judgement can be made of; the text says why."""


def joined(words: Iterable[Word]) -> str | None:
    """The words as one line of shell; None when one of them is computed."""
    known = list(words)
    return None if any(word is None for word in known) else " ".join(word for word in known if word is not None)
