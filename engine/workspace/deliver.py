"""Writing results into the person's folder: made beside, verified, then renamed into place one by one."""

import asyncio
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from engine.errors import WorkspaceError
from engine.workspace.git import Git, shown
from engine.workspace.inspect import WorkspaceKind
from engine.workspace.prepared import Prepared
from engine.workspace.threeway import ABSENT, IN_WAY, LINK, AsWas, Verdict, entries_now, write_out


async def deliver(
    prepared: Prepared, kind: WorkspaceKind, writes: list[Verdict], exact: Mapping[str, AsWas] | None = None
) -> None:
    """Bring the person's files to their results.

    Args:
        prepared: the run's worktree.
        kind: the person's folder.
        writes: the files whose result differs from what is there.
        exact: files that are written byte for byte, by path; line ends are the person's otherwise.

    Raises:
        WorkspaceError: a file changed while the result was being worked out; nothing is written then.
    """
    if not writes:
        return
    staging = kind.root / f".miracle-promote-{prepared.run_id}"
    index = prepared.git_dir / "promote.index"
    git = Git(prepared.git_dir, kind.root, index, prepared.objects)
    await asyncio.to_thread(_remove, staging, index)
    try:
        made = [verdict for verdict in writes if verdict.result != ABSENT]
        staging.mkdir(mode=0o700)
        if made:
            await write_out(git, staging, made)
        for path, was in (exact or {}).items():
            await asyncio.to_thread((staging / path).write_bytes, await git("cat-file", "blob", was.name))
            (staging / path).chmod(was.permissions)
        now = await entries_now(git, [verdict.path for verdict in writes])
        moved = [shown(verdict.path) for verdict in writes if now[verdict.path] not in (verdict.ours, IN_WAY)]
        if moved:
            raise WorkspaceError(
                f"Your files changed just now: {', '.join(moved[:5])}",
                "Nothing was written; try again when they rest.",
            )
        await asyncio.to_thread(_move, kind.root, staging, writes)
    finally:
        await asyncio.to_thread(_remove, staging, index)


def _remove(staging: Path, index: Path) -> None:
    shutil.rmtree(staging, ignore_errors=True)
    index.unlink(missing_ok=True)


def _move(root: Path, staging: Path, writes: list[Verdict]) -> None:
    """Removals first: a folder may take the place of a file."""
    for verdict in writes:
        if verdict.result == ABSENT:
            (root / verdict.path).unlink(missing_ok=True)
            _remove_empty(root, Path(verdict.path).parent)
    for verdict in writes:
        if verdict.result != ABSENT:
            target = root / verdict.path
            _make_parents(root, Path(verdict.path).parent)
            _dress(staging / verdict.path, target, verdict)
            os.replace(staging / verdict.path, target)


def _make_parents(root: Path, folder: Path) -> None:
    here = root
    for name in folder.parts:
        below = here / name
        if not below.is_dir():
            below.mkdir()
            _give(below, here.stat())
        here = below


def _remove_empty(root: Path, folder: Path) -> None:
    """Remove the folders that a removal emptied, as git does."""
    while folder != Path("."):
        try:
            (root / folder).rmdir()
        except OSError:
            return
        folder = folder.parent


def _dress(made: Path, target: Path, verdict: Verdict) -> None:
    """Give a new file the owner and the permissions of the one it replaces."""
    try:
        before = target.lstat()
    except FileNotFoundError:
        _give(made, target.parent.stat())
        return
    _give(made, before)
    if LINK in (verdict.result[0], verdict.ours[0]):
        return
    mode = stat.S_IMODE(before.st_mode)
    executable = verdict.result[0] == "100755"
    made.chmod(mode | (mode & 0o444) >> 2 if executable else mode & ~0o111)


def _give(path: Path, owner: os.stat_result) -> None:
    if os.geteuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
