"""What a folder holds, for prompts: bounded in time and size, following no link."""

import asyncio
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.workspace.git import shown
from engine.workspace.halves import SKIPPED_FOLDERS

WALK_LIMIT = 200_000
WALK_S = 5.0


@dataclass(frozen=True)
class Found:
    """A file below a folder, by its path relative to it."""

    path: str
    size: int
    link: bool = False


def walk_files(root: Path, *, limit: int = WALK_LIMIT, timeout_s: float = WALK_S) -> Iterator[Found]:
    """Files below a folder, those near its top first, sorted by name; links are named and not followed.

    Args:
        root: the folder.
        limit: most entries that are looked at.
        timeout_s: seconds after which the walk ends where it is.
    """
    deadline = time.monotonic() + timeout_s
    level = [""]
    looked = 0
    while level:
        below: list[str] = []
        for folder in level:
            try:
                with os.scandir(root / folder) as entries:
                    listed = sorted(entries, key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in listed:
                looked += 1
                if looked > limit or time.monotonic() > deadline:
                    return
                path = f"{folder}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in SKIPPED_FOLDERS:
                        below.append(f"{path}/")
                elif (found := _found(entry, path)) is not None:
                    yield found
        level = below


def _found(entry: os.DirEntry[str], path: str) -> Found | None:
    if entry.name == ".git":
        return None
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    if stat.S_ISLNK(status.st_mode):
        return Found(path, 0, link=True)
    return Found(path, status.st_size) if stat.S_ISREG(status.st_mode) else None


async def file_listing(worktree: Path, limit: int = 200) -> str:
    """A listing of a worktree with sizes, for prompts.

    Args:
        worktree: the folder.
        limit: most lines; a last line says how many files are not named.
    """
    return await asyncio.to_thread(_listing, worktree, limit)


def _listing(worktree: Path, limit: int) -> str:
    lines: list[str] = []
    more = 0
    for found in walk_files(worktree):
        if len(lines) < limit:
            lines.append(described(found))
        else:
            more += 1
    lines.sort()
    if more:
        lines.append(f"... and {more:,} more files")
    return "\n".join(lines) or "(no files)"


def described(found: Found) -> str:
    """A line about a file."""
    name = shown(found.path).replace("\n", "?")
    return f"{name} (link)" if found.link else f"{name} ({size_text(found.size)})"


def size_text(size: int) -> str:
    """A size in bytes as people read it."""
    if size < 1024:
        return f"{size} B"
    return f"{size / 1024:.1f} KB" if size < 2**20 else f"{size / 2**20:.1f} MB"
