"""A unified diff as files, hunks and lines. Pure: no drawing, no colours."""

import re
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)")
_QUOTED = re.compile(r'\\([0-7]{3}|["\\abfnrtv])')
_LETTERS = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
HUGE_LINES = 20_000
"""A file with more lines than this says so above its first hunk."""


class DiffLine(NamedTuple):
    """A line of a file's diff."""

    kind: str
    """`+`, `-`, a space for context, `@` for a hunk's head, `~` for a note."""
    text: str
    old: int = 0
    """Number in the old file; 0 when it has none."""
    new: int = 0


class Pair(NamedTuple):
    """A row of the split view: places in `FileDiff.lines`, -1 where a side has nothing."""

    left: int
    right: int


@dataclass(slots=True)
class FileDiff:
    """One file of a diff."""

    path: str
    old_path: str = ""
    status: str = "modified"
    """`added`, `modified`, `deleted` or `renamed`."""
    binary: bool = False
    added: int = 0
    removed: int = 0
    lines: list[DiffLine] = field(default_factory=list)
    hunks: list[int] = field(default_factory=list)
    """Places of the hunks' heads in `lines`."""

    def pairs(self) -> list[Pair]:
        """The rows of the split view: removed lines stand beside the added ones that replace them."""
        rows: list[Pair] = []
        minus: list[int] = []
        plus: list[int] = []
        for index, line in enumerate(self.lines):
            if line.kind == "-" and not plus:
                minus.append(index)
            elif line.kind == "+":
                plus.append(index)
            else:
                _pair_up(rows, minus, plus)
                if line.kind == "-":
                    minus.append(index)
                else:
                    rows.append(Pair(index, index))
        _pair_up(rows, minus, plus)
        return rows


def _pair_up(rows: list[Pair], minus: list[int], plus: list[int]) -> None:
    rows += [Pair(*pair) for pair in zip_longest(minus, plus, fillvalue=-1)]
    minus.clear()
    plus.clear()


def parse_diff(text: str) -> list[FileDiff]:
    """The files of a unified diff, as `git diff` writes it; what is not a diff becomes notes, never an error."""
    return _Parser().parse(text)


class _Parser:
    def __init__(self) -> None:
        self.files: list[FileDiff] = []
        self.old = self.new = 0
        self.old_left = self.new_left = 0

    def parse(self, text: str) -> list[FileDiff]:
        for line in text.split("\n"):
            if self.old_left > 0 or self.new_left > 0:
                self._body(line)
            else:
                self._head(line)
        for file in self.files:
            if len(file.lines) > HUGE_LINES:
                note = DiffLine("~", f"a huge change: {len(file.lines):,} lines, shown without syntax colours")
                file.lines.insert(0, note)
                file.hunks = [place + 1 for place in file.hunks]
        return self.files

    def _body(self, line: str) -> None:
        file = self.files[-1]
        kind = line[:1]
        if kind == "+":
            file.lines.append(DiffLine("+", line[1:], 0, self.new))
            file.added += 1
            self.new += 1
            self.new_left -= 1
        elif kind == "-":
            file.lines.append(DiffLine("-", line[1:], self.old))
            file.removed += 1
            self.old += 1
            self.old_left -= 1
        elif kind == "\\":
            file.lines.append(DiffLine("~", "no newline at the end of the file"))
        elif kind == " " or not line:
            file.lines.append(DiffLine(" ", line[1:], self.old, self.new))
            self.old += 1
            self.new += 1
            self.old_left -= 1
            self.new_left -= 1
        else:
            self.old_left = self.new_left = 0
            self._head(line)

    def _head(self, line: str) -> None:
        if line.startswith("diff --git "):
            self.files.append(FileDiff(path=_path_of(line)))
        elif line.startswith("--- ") and (not self.files or self.files[-1].hunks):
            self.files.append(FileDiff(path=_name(line[4:])))
        elif (hunk := _HUNK.match(line)) is not None:
            self._hunk(hunk, line)
        elif not self.files:
            if line.strip():
                self.files.append(FileDiff(path="diff", lines=[DiffLine("~", line)]))
        else:
            self._extended(self.files[-1], line)

    def _hunk(self, hunk: re.Match[str], line: str) -> None:
        if not self.files:
            self.files.append(FileDiff(path="diff"))
        file = self.files[-1]
        self.old, self.new = int(hunk[1]), int(hunk[3])
        self.old_left = int(hunk[2]) if hunk[2] is not None else 1
        self.new_left = int(hunk[4]) if hunk[4] is not None else 1
        file.hunks.append(len(file.lines))
        file.lines.append(DiffLine("@", line, self.old, self.new))

    def _extended(self, file: FileDiff, line: str) -> None:
        """The lines between a file's head and its first hunk."""
        if line.startswith("new file"):
            file.status = "added"
        elif line.startswith("deleted file"):
            file.status = "deleted"
        elif line.startswith("rename from "):
            file.status, file.old_path = "renamed", _unquoted(line[12:])
        elif line.startswith("rename to "):
            file.path = _unquoted(line[10:])
        elif line.startswith("--- "):
            file.old_path = file.old_path or _name(line[4:])
        elif line.startswith("+++ "):
            name = _name(line[4:])
            if name != "/dev/null":
                file.path = name
            elif file.path == "/dev/null":
                file.path = file.old_path
        elif line.startswith(("Binary files ", "GIT binary patch")):
            file.binary = True
            file.lines.append(DiffLine("~", "a binary file; its bytes are not shown"))
        elif line.startswith("\\ "):
            file.lines.append(DiffLine("~", "no newline at the end of the file"))
        elif (
            line.strip() and not file.binary and not line.startswith(("index ", "similarity ", "old mode", "new mode"))
        ):
            file.lines.append(DiffLine("~", line))


def _path_of(line: str) -> str:
    rest = line[len("diff --git ") :]
    if rest.endswith('"'):
        return _name(rest[rest.rfind(' "') + 1 :])
    half = len(rest) // 2
    if rest[half : half + 1] == " " and rest[2:half] == rest[half + 3 :]:
        return rest[half + 3 :]
    _, _, after = rest.rpartition(" b/")
    return after or rest


def _name(text: str) -> str:
    name = _unquoted(text.split("\t", 1)[0])
    return name[2:] if name.startswith(("a/", "b/")) else name


def _unquoted(name: str) -> str:
    """A path as git quotes it when it holds odd bytes."""
    if not (len(name) > 1 and name.startswith('"') and name.endswith('"')):
        return name

    def byte(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code, 8) if code.isdigit() else _LETTERS[code])

    inner = name[1:-1].encode("utf-8").decode("latin-1")
    return _QUOTED.sub(byte, inner).encode("latin-1", "replace").decode("utf-8", "replace")
