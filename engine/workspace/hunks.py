"""Merging texts hunk by hunk: which places of a person's file a run's work would change, and what takes their place.

Two diffs against what the run began with are laid over each other. Where only the run changed something, there is a
hunk; where both changed the same or touching lines to something different, there is a hunk in conflict.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from engine.workspace.git import LONG_TIMEOUT_S, Git

Side = Literal["theirs", "mine"]
"""`theirs` takes what the run made, `mine` decides for what is there."""
Kind = Literal["lines", "file", "mode"]
_HEADER = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_HEAD = re.compile(rb"^diff --git ", re.MULTILINE)
_BARE = (
    "--no-ext-diff", "--no-textconv", "--no-color", "--no-indent-heuristic", "--diff-algorithm=myers",
    "--text", "--unified=0", "--inter-hunk-context=0",
)  # fmt: skip
_BINARY_LOOK = 8000
"""Bytes in which a NUL makes a file binary, as for git."""


@dataclass(frozen=True)
class Edit:
    """Lines `start:end` of a base that are `new_start:new_end` in another text."""

    start: int
    end: int
    new_start: int
    new_end: int


@dataclass(frozen=True)
class Hunk:
    """One place that a person takes or leaves.

    Attributes:
        number: counts from 1 in its file.
        kind: some `lines`; the whole `file`, where it is added, removed, binary or a link; or its `mode`.
        start: the first of the lines `mine` in the person's file, counted from 0.
        mine: what is there now.
        theirs: what the run has there.
        conflict: why neither can be chosen without the person; empty for a hunk that merges cleanly.
    """

    number: int
    kind: Kind
    start: int = 0
    mine: tuple[bytes, ...] = ()
    theirs: tuple[bytes, ...] = ()
    conflict: str = ""


def lines_of(content: bytes) -> tuple[bytes, ...]:
    """Lines with their ends; only a line feed ends one, as for git."""
    *whole, last = content.split(b"\n")
    lines = [line + b"\n" for line in whole]
    return tuple([*lines, last] if last else lines)


def is_binary(content: bytes) -> bool:
    """Whether git would take it for no text."""
    return b"\0" in content[:_BINARY_LOOK]


async def edits(git: Git, old: str, new: str) -> list[Edit]:
    """What differs between two stored objects.

    Args:
        git: on the object store.
        old: name of a blob.
        new: name of another.
    """
    if old == new:
        return []
    return [_edit(match) for match in _HEADER.finditer(await git("diff", *_BARE, old, new))]


async def all_edits(git: Git, base: str, commit: str, files: int) -> list[list[Edit]] | None:
    """The same for every file that differs between two commits, in git's order, with one call.

    Args:
        git: on the object store.
        base: a commit.
        commit: another.
        files: how many differ.

    Returns:
        None where git tells of a file in more than one part: it became a link, or ceased to be one.
    """
    patch = await git("diff-tree", "-r", "--no-renames", "-p", *_BARE, base, commit, timeout_s=LONG_TIMEOUT_S)
    # Within a file's part, lines begin with `+`, `-`, `@` or a backslash: only a head begins like this.
    parts = _HEAD.split(patch)[1:]
    return [[_edit(match) for match in _HEADER.finditer(part)] for part in parts] if len(parts) == files else None


def _edit(match: "re.Match[bytes]") -> Edit:
    first, count, new_first, new_count = (int(group) if group is not None else 1 for group in match.groups())
    # Where a side has no lines, git names the line before.
    start = first - 1 if count else first
    new_start = new_first - 1 if new_count else new_first
    return Edit(start, start + count, new_start, new_start + new_count)


def combine(mine: tuple[bytes, ...], theirs: tuple[bytes, ...], own: list[Edit], run: list[Edit]) -> tuple[Hunk, ...]:
    """The hunks by which the run's text differs from the person's.

    Args:
        mine: the person's lines.
        theirs: the run's lines.
        own: what the person changed since the run began.
        run: what the run changed.
    """
    hunks: list[Hunk] = []
    waiting = sorted([(edit.start, edit.end, 0, edit) for edit in own] + [(e.start, e.end, 1, e) for e in run],
                     key=lambda one: one[:3])  # fmt: skip
    shift = [0, 0]
    while waiting:
        start, end = waiting[0][:2]
        sides: list[list[Edit]] = [[], []]
        # Touching counts as the same place: two insertions there have no order.
        while waiting and waiting[0][0] <= end:
            _, last, side, edit = waiting.pop(0)
            sides[side].append(edit)
            end = max(end, last)
        spans = []
        for side in (0, 1):
            first = start + shift[side]
            shift[side] += sum((edit.new_end - edit.new_start) - (edit.end - edit.start) for edit in sides[side])
            spans.append((first, end + shift[side]))
        old, new = mine[slice(*spans[0])], theirs[slice(*spans[1])]
        if sides[1] and old != new:
            why = "both changed the same lines" if sides[0] else ""
            hunks.append(Hunk(len(hunks) + 1, "lines", spans[0][0], old, new, why))
    return tuple(hunks)


def merged(mine: tuple[bytes, ...], hunks: Collection[Hunk], taken: Callable[[Hunk], bool]) -> bytes:
    """The person's text with the hunks that are taken."""
    out: list[bytes] = []
    at = 0
    for hunk in hunks:
        if hunk.kind == "lines" and taken(hunk):
            out += mine[at : hunk.start]
            out += hunk.theirs
            at = hunk.start + len(hunk.mine)
    return b"".join([*out, *mine[at:]])
