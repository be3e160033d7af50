"""The three sides of a file: what the run began with, what the person has now, what the run made."""

import asyncio
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from engine.workspace.git import LONG_TIMEOUT_S, Git, join, split

ABSENT = ("000000", "")
LINK = "120000"
MODULE = "160000"
IN_WAY = "a file is where its folder would be"

Entry = tuple[str, str]
"""Mode and object id, as git writes them."""


@dataclass(frozen=True)
class Change:
    """A file that the run changed; `ABSENT` where there is none."""

    path: str
    base: Entry
    theirs: Entry


@dataclass(frozen=True)
class Verdict:
    """What becomes of a file: `result` equals `ours` when nothing has to be written."""

    path: str
    ours: Entry
    result: Entry
    conflict: str = ""


@dataclass(frozen=True)
class AsWas:
    """A file byte for byte: the object that holds it, and its permissions."""

    name: str
    permissions: int


async def run_changes(git: Git, base: str, commit: str) -> list[Change]:
    """The files that differ between two commits, renames as a removal and an addition."""
    fields = split(await git("diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", base, commit))
    changes: list[Change] = []
    for record, path in zip(fields[0::2], fields[1::2], strict=True):
        old_mode, new_mode, old, new, _ = record[1:].split(" ")
        base_entry = ABSENT if old_mode == "000000" else (old_mode, old)
        changes.append(Change(path, base_entry, ABSENT if new_mode == "000000" else (new_mode, new)))
    return changes


async def entries_now(git: Git, paths: list[str]) -> dict[str, Entry | str]:
    """What a work tree holds at some paths: an entry whose object is stored, or a sentence why it cannot be merged.

    Args:
        git: with `work_tree`.
        paths: relative to it.
    """
    root = git.work_tree
    assert root is not None
    found = await asyncio.to_thread(_look, root, paths)
    files = [path for path, mode in found.items() if mode in ("100644", "100755") and "\n" not in path]
    hashed: list[str] = []
    if files:
        listing = b"".join(os.fsencode(path) + b"\n" for path in files)
        stored = await git("hash-object", "-w", "--stdin-paths", stdin=listing, timeout_s=LONG_TIMEOUT_S)
        hashed = stored.decode().split()
    objects = dict(zip(files, hashed, strict=True))
    now: dict[str, Entry | str] = {}
    for path, mode in found.items():
        if path in objects:
            now[path] = (mode, objects[path])
        elif mode == LINK:
            target = os.fsencode(os.readlink(root / path))
            now[path] = (mode, await git.line("hash-object", "-w", "--no-filters", "--stdin", stdin=target))
        elif mode == ABSENT[0]:
            now[path] = ABSENT
        else:
            now[path] = "its name has a line break" if "\n" in path else mode
    return now


def _look(root: Path, paths: list[str]) -> dict[str, str]:
    """Mode of each path, or a sentence why it is in the way."""
    found: dict[str, str] = {}
    for path in paths:
        parents = Path(path).parents
        try:
            if any((root / parent).is_symlink() for parent in parents if parent != Path(".")):
                found[path] = "a folder on its way is a link"
                continue
            status = os.lstat(root / path)
        except FileNotFoundError:
            found[path] = ABSENT[0]
            continue
        except NotADirectoryError:
            found[path] = IN_WAY
            continue
        if stat.S_ISLNK(status.st_mode):
            found[path] = LINK
        elif stat.S_ISREG(status.st_mode):
            found[path] = "100755" if status.st_mode & 0o100 else "100644"
        else:
            found[path] = "a folder is there" if stat.S_ISDIR(status.st_mode) else "it is no regular file there"
    return found


def index_lines(verdicts: list[Verdict], length: int = 40) -> bytes:
    """Results as `update-index -z --index-info` reads them; `length` is that of an object's name."""
    return b"".join(index_line(verdict.path, verdict.result, length) for verdict in verdicts)


def index_line(path: str, entry: Entry, length: int = 40) -> bytes:
    """One path of these; `ABSENT` removes it."""
    mode, name = ("0", "0" * length) if entry == ABSENT else entry
    return f"{mode} {name}\t".encode() + os.fsencode(path) + b"\0"


async def write_out(git: Git, folder: Path, verdicts: list[Verdict]) -> None:
    """Write the results' files below a folder, line ends as the person's settings want them.

    Args:
        git: with an index of its own, which is filled with the results.
        folder: where the files go, at their paths.
        verdicts: those with a file as their result.
    """
    await git("update-index", "-z", "--index-info", stdin=index_lines(verdicts))
    names = join([verdict.path for verdict in verdicts])
    await git("checkout-index", "-z", "--stdin", f"--prefix={folder}/", stdin=names, timeout_s=LONG_TIMEOUT_S)


async def as_they_are(git: Git, paths: list[str]) -> dict[str, AsWas]:
    """Bytes and permissions of regular files, without the person's line-end settings; others are left out."""
    root = git.work_tree
    assert root is not None
    found = await asyncio.to_thread(_permissions, root, paths)
    if not found:
        return {}
    listing = b"".join(os.fsencode(path) + b"\n" for path in found)
    stored = await git("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=listing, timeout_s=LONG_TIMEOUT_S)
    names = stored.decode().split()
    return {path: AsWas(name, found[path]) for path, name in zip(found, names, strict=True)}


def _permissions(root: Path, paths: list[str]) -> dict[str, int]:
    found = {path: os.lstat(root / path).st_mode for path in paths if "\n" not in path}
    return {path: stat.S_IMODE(mode) for path, mode in found.items() if stat.S_ISREG(mode)}
