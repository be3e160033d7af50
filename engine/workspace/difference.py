"""What differs between two commits, as counts and as a unified diff that a screen can take."""

import asyncio
import os

from engine.task import FileChange
from engine.workspace.git import Git, shown

DIFF_LIMIT = 400_000
"""Bytes of a diff that an event carries."""
_STATUS = {"A": "added", "D": "deleted", "R": "renamed", "C": "added"}
_PLAIN = ("-r", "-M", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all")


async def difference(git: Git, base: str, tree: str) -> tuple[tuple[FileChange, ...], str]:
    """The changed files between two commits or trees, and the diff, cut at `DIFF_LIMIT` with a note.

    Binary files are named, not shown.
    """
    if base == tree:
        return (), ""
    counted, text = await asyncio.gather(
        git("diff-tree", *_PLAIN, "--raw", "--numstat", "-z", base, tree),
        git.run("diff-tree", *_PLAIN, "--patch", base, tree, limit=DIFF_LIMIT),
    )
    files = _changes(counted)
    return files, _cut(text.out, text.cut, len(files))


def _changes(output: bytes) -> tuple[FileChange, ...]:
    """Parse `--raw --numstat -z`: all raw records first, then the counts in the same order."""
    fields = iter(os.fsdecode(output).split("\0"))
    named: list[tuple[str, str]] = []
    changes: list[FileChange] = []
    for first in fields:
        if first.startswith(":"):
            letter = first.rsplit(" ", 1)[1][0]
            path = next(fields)
            named.append((letter, next(fields) if letter in "RC" else path))
        elif first:
            letter, path = named[len(changes)]
            added, removed, name = first.split("\t", 2)
            if not name:
                next(fields)
                next(fields)
            changes.append(
                FileChange(
                    path=shown(path),
                    status=_STATUS.get(letter, "modified"),
                    added=0 if added == "-" else int(added),
                    removed=0 if removed == "-" else int(removed),
                )
            )
    return tuple(changes)


def _cut(output: bytes, cut: bool, files: int) -> str:
    text = output.decode("utf-8", "replace")
    if not cut:
        return text
    whole = text[: text.rfind("\n") + 1]
    seen = whole.count("\ndiff --git ") + whole.startswith("diff --git ")
    return f"{whole}\\ The diff is cut here: {seen} of {files} files are shown, the last one perhaps in part.\n"
