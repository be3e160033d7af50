"""The worktrees that lie on the disk, and the removal of those whose run is over."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from config.disk_use import room_of
from config.paths import Paths
from engine.workspace.phases import close_phase
from engine.workspace.prepared import Prepared, find_prepared
from sandbox.removal import remove_tree

ENDED = frozenset({"success", "failed", "cancelled"})
"""Outcomes of runs that are over."""
Look = Callable[[str], Awaitable[tuple[str, bool] | None]]
"""A run's status, and whether somebody works on it; None when no run has that id."""


@dataclass(frozen=True)
class WorktreeOnDisk:
    """A worktree's folder.

    Attributes:
        name: the folder's name: the run's id, `.` and the phase's id where it belongs to a phase.
        run_id: the run; empty when none is known that it could belong to.
        folder: where it is.
        bytes: what its files take.
        status: the run's status; `unknown` when there is no such run.
        at_work: whether somebody works on the run.
    """

    name: str
    run_id: str
    folder: Path
    bytes: int
    status: str
    at_work: bool

    @property
    def ended(self) -> bool:
        """Whether the run is over, so that the files are not needed any more."""
        return self.status in ENDED and not self.at_work


async def list_worktrees(paths: Paths, look: Look) -> list[WorktreeOnDisk]:
    """Every worktree, by name.

    Args:
        paths: where they are.
        look: tells what a run does.
    """
    found = await asyncio.to_thread(_folders, paths.worktrees)
    return [await _described(folder, size, look) for folder, size in found]


def _folders(worktrees: Path) -> list[tuple[Path, int]]:
    try:
        entries = sorted(entry.name for entry in os.scandir(worktrees) if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
    return [(worktrees / name, room_of(worktrees / name)) for name in entries]


async def _described(folder: Path, size: int, look: Look) -> WorktreeOnDisk:
    name = folder.name
    for run_id in (name, name.rpartition(".")[0]):
        if run_id and (found := await look(run_id)) is not None:
            return WorktreeOnDisk(name, run_id, folder, size, *found)
    return WorktreeOnDisk(name, "", folder, size, "unknown", False)


async def remove_ended(paths: Paths, worktrees: Iterable[WorktreeOnDisk], look: Look) -> list[WorktreeOnDisk]:
    """Remove the files of runs that are over; branches, private refs and what promotion needs stay.

    Args:
        paths: where they are.
        worktrees: what was listed.
        look: asked once more, right before a folder is removed.

    Returns:
        Those that were removed.
    """
    removed = []
    for one in worktrees:
        if not one.ended or (now := await look(one.run_id)) is None or now[0] not in ENDED or now[1]:
            continue
        prepared = find_prepared(one.name, paths, None)
        if prepared is not None and one.name != one.run_id:
            await close_phase(prepared)
        else:
            await asyncio.to_thread(_remove, one.folder, prepared)
        removed.append(one)
    return removed


def _remove(folder: Path, prepared: Prepared | None) -> None:
    remove_tree(folder)
    if prepared is not None:
        (prepared.git_dir / "index").unlink(missing_ok=True)
