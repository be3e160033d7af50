"""Worktrees beside a run's own: of the phases that work at once, and of runs that are forked from another.

A phase's worktree shares the run's repository and object store and has a git directory and a branch of its own, so
that nothing of one phase is seen by another until `merge_phase` brings its commits into the run's branch.
"""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from config.paths import Paths
from engine.errors import WorkspaceError
from engine.workspace.checkpoint import head, restore
from engine.workspace.halves import copy_half, point_branch
from engine.workspace.inspect import check_workspace
from engine.workspace.kept import SNAPSHOT, keep, private_ref
from engine.workspace.prepared import Prepared, check_run_id, find_prepared, forget_record, read_record, write_record
from engine.workspace.tree_merge import merge_trees
from engine.workspace.worktree import BRANCHES, make_good, write_files
from sandbox.removal import remove_tree


@dataclass(frozen=True)
class Merge:
    """A phase's work in the run's branch, or the files that were in its way.

    Attributes:
        commit: the tip of the run's branch, whether it moved or not.
        conflicts: files that both changed in the same places; nothing was committed or written then.
    """

    commit: str
    conflicts: tuple[str, ...] = ()


def phase_name(run_id: str, phase_id: str) -> str:
    """What a phase's folder, git directory and branch are called; no branch may end with `.lock`."""
    return f"{run_id}.{phase_id}" if phase_id != "lock" else f"{run_id}.lock-phase"


def phase_prepared(run_id: str, phase_id: str, paths: Paths, identity: tuple[int, int] | None) -> Prepared | None:
    """The phase's worktree, or None where it has none."""
    return find_prepared(phase_name(run_id, phase_id), paths, identity)


async def open_phase(prepared: Prepared, phase_id: str, commit: str) -> Prepared:
    """Give a phase a worktree of its own, or return the one that an earlier process made.

    Args:
        prepared: the run's worktree.
        phase_id: the phase.
        commit: the run's commit that the phase begins from. A worktree that began from another one is made anew.

    Raises:
        WorkspaceError: the commit is not there, or files cannot be written.
    """
    named = phase_name(prepared.run_id, phase_id)
    check_run_id(named)
    git_dir = prepared.git_dir.with_name(f"{named}.run")
    earlier = read_record(git_dir, prepared.identity)
    if earlier is not None and earlier.base_commit == commit:
        await make_good(earlier)
        return earlier
    if earlier is not None:
        await close_phase(earlier)
    return await _branched(prepared, named, commit, base=commit, snapshot=False)


async def begin_at(
    run_id: str, workspace: Path, paths: Paths, identity: tuple[int, int] | None, source: Prepared, commit: str
) -> Prepared:
    """Give a new run a worktree that begins at a checkpoint of another run.

    What it began with stays what the other run began with, so that its result holds all of the work.

    Args:
        run_id: the new run.
        workspace: the person's folder, which is the other run's.
        paths: where Miracle's files live.
        identity: user and group that sandboxed code runs as.
        source: the other run's worktree.
        commit: one of its commits.

    Raises:
        WorkspaceError: the commit is not there, or the folder is another one.
    """
    check_run_id(run_id)
    earlier = find_prepared(run_id, paths, identity)
    if earlier is not None:
        await make_good(earlier)
        return earlier
    kind = await check_workspace(workspace)
    if not source.owned and kind.common_dir != source.repository:
        raise WorkspaceError(
            f"{workspace} is not the repository of {source.run_id}",
            f"A fork works on the same repository as the run it begins with: {source.repository}",
        )
    made = await _branched(
        replace(source, identity=identity), run_id, commit, base=source.base_commit, snapshot=source.snapshot
    )
    if (await source.home.run("rev-parse", "--verify", "--quiet", private_ref(source.run_id, SNAPSHOT))).code == 0:
        await keep(made.home, run_id, SNAPSHOT, source.base_commit)
    return made


async def _branched(source: Prepared, named: str, commit: str, *, base: str, snapshot: bool) -> Prepared:
    """A second worktree in the repository of another; its record is written last, when all is there."""
    if (await source.store.run("cat-file", "-e", f"{commit}^{{commit}}")).code != 0:
        raise WorkspaceError(
            f"The commit {commit[:12]} is not in the repository any more",
            "Its branch was removed and git cleaned up. Choose another moment of the run.",
        )
    made = replace(
        source,
        run_id=named,
        worktree=source.worktree.with_name(named),
        git_dir=source.git_dir.with_name(f"{named}.run"),
        branch=f"{BRANCHES}/{named}",
        base_commit=base,
        snapshot=snapshot,
        notes=(),
    )
    await asyncio.to_thread(_remove, made.git_dir, made.worktree)
    await asyncio.to_thread(copy_half, source.git_dir, made.git_dir, made.ref)
    made.worktree.mkdir(mode=0o700, parents=True)
    await asyncio.gather(point_branch(made.home, made.ref, commit), point_branch(made.git, made.ref, commit))
    await write_files(made, commit)
    await asyncio.to_thread(write_record, made)
    return made


async def merge_phase(prepared: Prepared, base: str, theirs: str, message: str) -> Merge:
    """Merge a phase's commit into the run's branch and worktree.

    The files are written before the branch moves: a kill in between leaves a merge that is simply made again.

    Args:
        prepared: the run's worktree; nobody works in it meanwhile.
        base: the commit that the phase began from.
        theirs: the phase's newest commit.
        message: the merge commit's message.

    Raises:
        WorkspaceError: a commit is not there, or files cannot be written.
    """
    tip = await head(prepared)
    if (await prepared.git.run("merge-base", "--is-ancestor", theirs, tip)).code == 0:
        return Merge(tip)
    merged = await merge_trees(prepared, base, tip, theirs)
    if merged.conflicts:
        return Merge(tip, merged.conflicts)
    text = message.encode("utf-8", "replace").replace(b"\0", b"") or b"merge"
    commit = await prepared.git.line("commit-tree", merged.tree, "-p", tip, "-p", theirs, stdin=text + b"\n")
    await restore(prepared, commit)
    return Merge(commit)


async def close_phase(prepared_phase: Prepared) -> None:
    """Remove a phase's worktree, git directory and branch; its commits stay, named by a private ref."""
    ref = prepared_phase.ref
    tip = (await prepared_phase.home.run("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")).out.decode().strip()
    if tip and tip != prepared_phase.base_commit:
        await keep(prepared_phase.home, prepared_phase.run_id, tip[:16], tip)
    await asyncio.to_thread(forget_record, prepared_phase.git_dir)
    if tip:
        await prepared_phase.home("update-ref", "-d", ref)
    await asyncio.to_thread(_remove, prepared_phase.worktree, prepared_phase.git_dir)


def _remove(*folders: Path) -> None:
    for folder in folders:
        if folder.exists():
            remove_tree(folder)
