"""Forgetting old runs altogether: log, worktree, and the refs that only Miracle reads. Work that nobody took stays.

A branch is removed only where all that it holds was handed over and the person does not look at it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from config.disk_use import room_of
from config.paths import Paths
from engine.errors import WorkspaceError
from engine.workspace.git import Git
from engine.workspace.phases import close_phase
from engine.workspace.prepared import Prepared, find_prepared
from memory.errors import LeaseLost, RunUnknown
from memory.memory import MemoryService
from memory.prune import OldRun, forget_run, vacuum
from sandbox.removal import remove_tree

HOLDER = "prune"


@dataclass(frozen=True)
class Pruned:
    """What was removed."""

    runs: tuple[OldRun, ...] = ()
    branches_kept: tuple[str, ...] = ()
    """Branches with work that was not handed over, or that the person looks at."""
    bytes: int = 0
    """Of files."""
    skipped: tuple[str, ...] = ()
    """Runs that somebody works on, or removed meanwhile."""


async def prune(
    memory: MemoryService, paths: Paths, runs: Sequence[OldRun], on_run: Callable[[str], None] = lambda run_id: None
) -> Pruned:
    """Remove these runs one by one; what is removed stays so when this is interrupted.

    Args:
        memory: holds their logs.
        paths: where their files are.
        runs: what `old_runs` gave, as far as it shall go.
        on_run: told each that was removed.
    """
    removed: list[OldRun] = []
    kept: list[str] = []
    skipped: list[str] = []
    freed = 0
    for run in runs:
        try:
            lease = await memory.store.lease(run.run_id, HOLDER)
        except (LeaseLost, RunUnknown):
            skipped.append(run.run_id)
            continue
        try:
            # The files first: while the log is there, pruning again finds the run.
            size, branch = await _remove_files(run, paths)
            await forget_run(memory.database, run.run_id)
        except (RunUnknown, WorkspaceError):
            skipped.append(run.run_id)
            continue
        finally:
            await lease.release()
        freed += size
        removed.append(run)
        kept += [branch] if branch else []
        on_run(run.run_id)
    if removed:
        await vacuum(memory.database)
    return Pruned(tuple(removed), tuple(kept), freed, tuple(skipped))


async def _remove_files(run: OldRun, paths: Paths) -> tuple[int, str]:
    """Remove what lies on this machine.

    Returns:
        The bytes that it took, and the branch that stays, if one does.
    """
    prepared = find_prepared(run.run_id, paths, None)
    if prepared is None:
        return 0, ""
    freed = 0
    for name in await asyncio.to_thread(_phases, run.run_id, paths):
        if (phase := find_prepared(name, paths, None)) is not None:
            freed += await asyncio.to_thread(_room_of, phase)
            await close_phase(phase)
    freed += await asyncio.to_thread(_room_of, prepared)
    branch = ""
    if await asyncio.to_thread(prepared.repository.exists):
        branch = await _forget_refs(prepared, run.delivered)
    await asyncio.to_thread(remove_tree, prepared.worktree)
    await asyncio.to_thread(remove_tree, prepared.git_dir)
    return freed, branch


def _phases(run_id: str, paths: Paths) -> list[str]:
    return sorted(folder.name.removesuffix(".run") for folder in paths.repositories.glob(f"{run_id}.*.run"))


def _room_of(prepared: Prepared) -> int:
    return room_of(prepared.worktree) + room_of(prepared.git_dir)


async def _forget_refs(prepared: Prepared, delivered: bool) -> str:
    """Remove the run's private refs, and its branch and tags where nothing of them is missed; the branch that stays."""
    home, run_id = prepared.home, prepared.run_id
    private = [
        ref
        for ref in await _refs(home, "refs/miracle/")
        if (owner := ref.split("/")[2]) == run_id or owner.startswith(f"{run_id}.")
    ]
    there = prepared.ref in await _refs(home, prepared.ref)
    if there and (not delivered or await _looked_at(prepared)):
        gone = private
    else:
        gone = [*private, *await _refs(home, f"refs/tags/{prepared.branch}/"), *([prepared.ref] if there else [])]
    orders = "".join(f"delete {ref}\n" for ref in gone)
    await home("update-ref", "--stdin", stdin=orders.encode())
    return prepared.branch if there and prepared.ref not in gone else ""


async def _refs(home: Git, under: str) -> list[str]:
    listed = await home.run("for-each-ref", "--format=%(refname)", under)
    return listed.out.decode(errors="surrogateescape").split()


async def _looked_at(prepared: Prepared) -> bool:
    """Whether some worktree of the person has the branch checked out."""
    listed = await prepared.home.run("worktree", "list", "--porcelain")
    return f"branch {prepared.ref}" in listed.out.decode(errors="surrogateescape").splitlines()
