"""Three-way merging of single files: what the run began with, what the person has now, what the run made."""

import asyncio
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from engine.workspace.git import LONG_TIMEOUT_S, Git, join, shown, split

ABSENT = ("000000", "")
LINK = "120000"
MODULE = "160000"
_MERGED_LIMIT = 20 * 2**20

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
            found[path] = "a file is where its folder would be"
            continue
        if stat.S_ISLNK(status.st_mode):
            found[path] = LINK
        elif stat.S_ISREG(status.st_mode):
            found[path] = "100755" if status.st_mode & 0o100 else "100644"
        else:
            found[path] = "a folder is there" if stat.S_ISDIR(status.st_mode) else "it is no regular file there"
    return found


async def judge(git: Git, change: Change, ours: Entry | str, *, merge_text: bool) -> Verdict:
    """Decide what becomes of one file.

    Args:
        git: for reading and storing objects.
        change: what the run did.
        ours: what the person has now.
        merge_text: whether a file that both changed is merged line by line; refused otherwise.
    """
    if isinstance(ours, str):
        if ours == "a file is where its folder would be" and change.theirs == ABSENT:
            return Verdict(change.path, ABSENT, ABSENT)
        return Verdict(change.path, ABSENT, ABSENT, f"{shown(change.path)}: {ours}")
    if ours == change.theirs:
        return Verdict(change.path, ours, ours)
    if ours == change.base:
        if MODULE in (change.theirs[0], change.base[0]):
            return Verdict(change.path, ours, ours, f"{shown(change.path)}: submodules are not merged")
        return Verdict(change.path, ours, change.theirs)
    if ABSENT in (change.base, ours, change.theirs) or not merge_text:
        return Verdict(change.path, ours, ours, f"{shown(change.path)}: {_why(change, ours)}")
    return await _merge(git, change, ours)


def _why(change: Change, ours: Entry) -> str:
    if change.base == ABSENT:
        return "you have another file of that name"
    if ours == ABSENT:
        return "you removed it, and the run changed it"
    if change.theirs == ABSENT:
        return "you changed it, and the run removed it"
    return "you changed it since the run began"


async def _merge(git: Git, change: Change, ours: Entry) -> Verdict:
    mode = change.theirs[0] if ours[0] == change.base[0] else ours[0]
    if LINK in (mode, ours[0], change.base[0], change.theirs[0]):
        return Verdict(change.path, ours, ours, f"{shown(change.path)}: a link that both changed")
    if change.theirs[1] in (change.base[1], ours[1]):
        return Verdict(change.path, ours, (mode, ours[1]))
    if ours[1] == change.base[1]:
        return Verdict(change.path, ours, (mode, change.theirs[1]))
    assert git.git_dir is not None
    folder = git.git_dir / f"merge-{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    try:
        for name, entry in (("yours", ours), ("base", change.base), ("run", change.theirs)):
            (folder / name).write_bytes(await git("cat-file", "blob", entry[1], limit=_MERGED_LIMIT))
        names = [str(folder / name) for name in ("yours", "base", "run")]
        merged = await git.run("merge-file", "--stdout", "--quiet", *names)
    finally:
        for name in ("yours", "base", "run"):
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
    if merged.code != 0:
        why = "both changed the same lines" if 0 < merged.code < 128 else "both changed it, and it is no text"
        return Verdict(change.path, ours, ours, f"{shown(change.path)}: {why}")
    stored = await git.line("hash-object", "-w", "--no-filters", "--stdin", stdin=merged.out) if merged.out else ""
    return Verdict(change.path, ours, (mode, stored or await git.line("hash-object", "-w", "--stdin")))


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
