"""Bringing an index in step with a folder, without trusting anything that lies in the folder."""

import asyncio
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import WorkspaceError
from engine.workspace.git import LONG_TIMEOUT_S, Git, join, shown, split
from engine.workspace.halves import SKIPPED_FOLDERS
from engine.workspace.inspect import WorkspaceKind

MAX_FILE_BYTES = 50 * 2**20
"""A larger file is left as the last commit has it, and noted."""
MAX_NEW_FILES = 100_000
MAX_NEW_BYTES = 2 * 2**30
_NOTED = 20


@dataclass
class Staged:
    """What differed from the index.

    Attributes:
        changed: whether the index was written.
        put_back: kept files that had been changed, and are again as the index has them.
        notes: sentences about files that were left out.
    """

    changed: bool = False
    put_back: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep a sentence for the person; a flood of them is cut."""
        if len(self.notes) == _NOTED:
            self.notes.append("More files were left out.")
        elif len(self.notes) < _NOTED:
            self.notes.append(text)


@dataclass
class _Sorted:
    """Paths by what becomes of them in the index."""

    take: list[str] = field(default_factory=list)
    drop: list[str] = field(default_factory=list)
    bytes: int = 0


async def stage_folder(git: Git, *, nested: bool, keep: frozenset[str] = frozenset()) -> Staged:
    """Make the index equal to the work tree; ignored files, special files and very large ones stay out.

    Args:
        git: with `work_tree` and `index`.
        nested: whether files of a repository inside the folder are taken in; its `.git` never is.
        keep: files that stay as the index has them, and are written back where they differ.

    Raises:
        WorkspaceError: there is too much to take in.
    """
    root = git.work_tree
    assert root is not None
    staged = Staged()
    modified, new = await _differences(git, root)
    if any(name in keep for name, _ in modified):
        # What merely changed hands or was touched differs for git until it looks inside.
        await git.run("update-index", "-q", "--refresh", timeout_s=LONG_TIMEOUT_S)
        modified, new = await _differences(git, root)
    if kept := [name for name, _ in modified if name in keep]:
        await git("checkout-index", "--force", "-z", "--stdin", stdin=join(kept))
        staged.put_back = tuple(kept)
        modified, new = await _differences(git, root)
    if not modified and not new:
        return staged
    found = await asyncio.to_thread(_sort, root, modified, new, nested, staged)
    if len(found.take) > MAX_NEW_FILES or found.bytes > MAX_NEW_BYTES:
        raise WorkspaceError(
            f"{root} holds too much: {len(found.take):,} new files, {found.bytes / 2**20:,.0f} MB",
            "Name the project's own folder, or list what does not belong to the project in a .gitignore file.",
        )
    if found.drop:
        await git("update-index", "-z", "--force-remove", "--stdin", stdin=join(found.drop))
    if found.take:
        await git("update-index", "-z", "--add", "--remove", "--replace", "--stdin", stdin=join(found.take),
                  timeout_s=LONG_TIMEOUT_S)  # fmt: skip
    staged.changed = bool(found.drop or found.take)
    return staged


async def _differences(git: Git, root: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """Tracked files that differ from the index, each with git's record of how; and files that are not tracked."""
    if os.geteuid() != 0:
        await asyncio.to_thread(make_readable, root)
    tracked, others = await asyncio.gather(
        git("diff-files", "--raw", "-z", "--no-renames", "--ignore-submodules=all", timeout_s=LONG_TIMEOUT_S),
        git("ls-files", "--others", "--exclude-standard", "-z", timeout_s=LONG_TIMEOUT_S),
    )
    fields = split(tracked)
    return list(zip(fields[1::2], fields[0::2], strict=True)), split(others)


def _sort(root: Path, modified: list[tuple[str, str]], new: list[str], nested: bool, staged: Staged) -> _Sorted:
    found = _Sorted()
    for name, change in modified:
        # Git knows what is gone; asking again could go through a link that took a folder's place.
        if change.endswith("D"):
            found.drop.append(name)
        else:
            _judge(root, name, True, found, staged)
    for name in new:
        if not name.endswith("/"):
            _judge(root, name, False, found, staged)
        elif nested:
            for inner in _files_below(root, name.rstrip("/")):
                _judge(root, inner, False, found, staged)
        else:
            staged.note(f"{shown(name)} is a repository of its own and was left out.")
    return found


def _judge(root: Path, name: str, tracked: bool, found: _Sorted, staged: Staged) -> None:
    """Decide whether a path is taken in as it is, dropped, or left as the index has it."""
    if ".git" in name.split("/"):
        return
    try:
        status = os.lstat(root / name)
    except (FileNotFoundError, NotADirectoryError):
        if tracked:
            found.drop.append(name)
        return
    except OSError as exc:
        staged.note(f"{shown(name)} cannot be read: {exc.strerror}.")
        return
    if stat.S_ISLNK(status.st_mode):
        found.take.append(name)
    elif stat.S_ISREG(status.st_mode):
        _judge_file(root / name, name, status.st_size, found, staged)
    elif tracked:
        if not stat.S_ISDIR(status.st_mode):
            staged.note(f"{shown(name)} is no regular file any more and was left out.")
        found.drop.append(name)


def _judge_file(path: Path, name: str, size: int, found: _Sorted, staged: Staged) -> None:
    if size > MAX_FILE_BYTES:
        staged.note(f"{shown(name)} is {size / 2**20:,.0f} MB and was left out.")
    elif not os.access(path, os.R_OK, effective_ids=True):
        staged.note(f"{shown(name)} cannot be read and was left out.")
    else:
        found.take.append(name)
        found.bytes += size


def _files_below(root: Path, folder: str) -> Iterator[str]:
    for entry in os.scandir(root / folder):
        name = f"{folder}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in SKIPPED_FOLDERS:
                yield from _files_below(root, name)
        else:
            yield name


def make_readable(root: Path) -> None:
    """Give the owner back the right to read what sandboxed code closed; links are not followed."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            wanted = 0o700 if stat.S_ISDIR(status.st_mode) else 0o400
            if not stat.S_ISDIR(status.st_mode) and not stat.S_ISREG(status.st_mode):
                continue
            if status.st_mode & wanted != wanted and status.st_uid == os.geteuid():
                os.chmod(entry.path, stat.S_IMODE(status.st_mode) | wanted)
            if stat.S_ISDIR(status.st_mode) and entry.name not in SKIPPED_FOLDERS:
                waiting.append(Path(entry.path))


def hand_over(root: Path, identity: tuple[int, int] | None) -> bool:
    """Give a folder and all in it to the sandbox's user; links themselves change hands, not what they point to.

    Returns:
        Whether anything changed hands.
    """
    if identity is None or os.geteuid() != 0:
        return False
    changed = False
    waiting = [str(root)]
    _own(str(root), os.lstat(root), identity)
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                changed = _own(entry.path, status, identity) or changed
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(entry.path)
    return changed


def _own(path: str, status: os.stat_result, identity: tuple[int, int]) -> bool:
    if (status.st_uid, status.st_gid) == identity:
        return False
    os.chown(path, *identity, follow_symlinks=False)
    return True


async def load_index(kind: WorkspaceKind, git: Git, index: Path) -> None:
    """Begin with a copy of the person's index: unchanged files then need not be read again.

    Args:
        kind: the person's folder.
        git: with `index`.
        index: where the copy goes.
    """
    if kind.git_dir is None:
        return
    if await asyncio.to_thread(_copy_index, kind.git_dir, index):
        listed = await git.run("ls-files", limit=0)
        if listed.cut or listed.code == 0:
            return
        os.unlink(index)
    if kind.head:
        await git("read-tree", kind.head)


def _copy_index(git_dir: Path, index: Path) -> bool:
    if not (git_dir / "index").is_file():
        return False
    for shared in git_dir.glob("sharedindex.*"):
        shutil.copy2(shared, index.parent / shared.name)
    shutil.copy2(git_dir / "index", index)
    return True
