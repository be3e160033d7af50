"""Delivery: the run's result goes into the person's tree, into a patch file, or stays on its branch.

Everything is worked out and checked before the first file is written; then each file is renamed into place, the index
follows, and the branch moves last. A kill in between leaves whole files, and promoting again finishes the work.
"""

import asyncio
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.errors import WorkspaceError
from engine.workspace.deliver import deliver
from engine.workspace.git import LONG_TIMEOUT_S, Git, shown, split
from engine.workspace.halves import point_branch
from engine.workspace.inspect import WorkspaceKind, check_workspace
from engine.workspace.merged import commit_merge, may_commit, refuse_locked
from engine.workspace.prepared import Prepared
from engine.workspace.stage import load_index
from engine.workspace.threeway import Verdict, entries_now, judge, run_changes

How = Literal["merge", "patch", "branch"]
_NAMED = 8


@dataclass(frozen=True)
class PromotionOutcome:
    """How a result was delivered; `detail` says where it is now."""

    how: How
    detail: str
    commit: str


async def promote(prepared: Prepared, workspace: Path, run_id: str, how: How, commit: str) -> PromotionOutcome:
    """Deliver a run's result.

    Args:
        prepared: the run's worktree.
        workspace: the person's folder.
        run_id: the run.
        how: `merge` into the person's tree, write `patch` file, or keep the `branch`.
        commit: the commit to deliver.

    Raises:
        WorkspaceError: the person's files changed in the same places, or cannot be written; nothing was changed then.
    """
    if how == "branch":
        return await _keep_branch(prepared, commit)
    kind = await check_workspace(workspace)
    try:
        if how == "patch":
            folder = Path(await asyncio.to_thread(os.path.realpath, workspace))
            return await _write_patch(prepared, folder, run_id, commit)
        return await _merge(prepared, kind, commit)
    except OSError as exc:
        raise WorkspaceError(
            f"The result cannot be written: {exc.strerror}",
            "Check the disk's room and the folder's permissions, then promote again; files already written are whole.",
        ) from exc


async def _keep_branch(prepared: Prepared, commit: str) -> PromotionOutcome:
    await point_branch(prepared.home, prepared.ref, commit)
    if prepared.owned:
        detail = f"The branch {prepared.branch} is in {prepared.repository}; `git clone` takes it from there."
    else:
        detail = f"The branch {prepared.branch} is in your repository; `git merge {prepared.branch}` takes it over."
    return PromotionOutcome("branch", detail, commit)


async def _write_patch(prepared: Prepared, folder: Path, run_id: str, commit: str) -> PromotionOutcome:
    patch = await prepared.git(
        "diff-tree", "-p", "-r", "-M", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "--no-color",
        prepared.base_commit, commit, timeout_s=LONG_TIMEOUT_S,
    )  # fmt: skip
    if not patch:
        raise _nothing()
    target = folder / f"{run_id}.patch"
    if target.is_dir():
        raise WorkspaceError(f"{target} is a folder", "Rename it, then promote again.")
    await asyncio.to_thread(_write_file, target, patch)
    return PromotionOutcome(
        "patch", f"{target}: apply it with `git apply {target.name}` or `patch -p1 < {target.name}`.", commit
    )


def _write_file(target: Path, content: bytes) -> None:
    beside = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if os.geteuid() == 0:
            owner = target.parent.stat()
            os.chown(beside, owner.st_uid, owner.st_gid)
        beside.rename(target)
    finally:
        beside.unlink(missing_ok=True)


async def _merge(prepared: Prepared, kind: WorkspaceKind, commit: str) -> PromotionOutcome:
    if kind.kind == "repository" and prepared.owned:
        raise WorkspaceError(
            f"{kind.root} has become a repository since the run began",
            "Promote it as a patch, and apply that with `git apply`.",
        )
    verdicts = await _judged(prepared, kind, commit)
    writes = [verdict for verdict in verdicts if verdict.result != verdict.ours]
    refuse_locked(kind)
    merges = await may_commit(prepared, kind) and await _clean(prepared, kind, verdicts)
    await deliver(prepared, kind, writes)
    committed = await commit_merge(prepared, kind, commit, verdicts) if merges else ""
    return PromotionOutcome("merge", _told(kind, writes, committed), committed or commit)


async def _judged(prepared: Prepared, kind: WorkspaceKind, commit: str) -> list[Verdict]:
    """What becomes of each file that the run changed.

    Raises:
        WorkspaceError: there is nothing to deliver, or a file is in conflict.
    """
    changes = await run_changes(prepared.git, prepared.base_commit, commit)
    if not changes:
        raise _nothing()
    theirs = _in_tree(prepared, kind)
    now = await entries_now(theirs, [change.path for change in changes])
    verdicts = [
        await judge(theirs, change, now[change.path], merge_text=kind.kind == "repository") for change in changes
    ]
    conflicts = [verdict.conflict for verdict in verdicts if verdict.conflict]
    if conflicts:
        more = f" and {len(conflicts) - _NAMED} more" if len(conflicts) > _NAMED else ""
        raise WorkspaceError(
            f"Your files changed in the same places: {'; '.join(conflicts[:_NAMED])}{more}",
            "Nothing was written. Take the branch or the patch and merge by hand, or undo your changes and try again.",
        )
    return verdicts


def _nothing() -> WorkspaceError:
    return WorkspaceError("The run changed no file", "There is nothing to promote.")


def _in_tree(prepared: Prepared, kind: WorkspaceKind) -> Git:
    return Git(prepared.git_dir, kind.root, prepared.git_dir / "promote.index", prepared.objects)


async def _clean(prepared: Prepared, kind: WorkspaceKind, verdicts: list[Verdict]) -> bool:
    """Whether the person's tracked files are as their last commit has them, but for what is already delivered."""
    index = prepared.git_dir / "status.index"
    git = Git(prepared.git_dir, kind.root, index, prepared.objects)
    delivered = {verdict.path for verdict in verdicts if verdict.result == verdict.ours}
    await load_index(kind, git, index)
    try:
        staged, changed = await asyncio.gather(
            git("diff-index", "--cached", "--name-only", "-z", "--ignore-submodules=all", kind.head),
            git("diff-files", "--name-only", "-z", "--ignore-submodules=all"),
        )
        dirty = set(split(staged) + split(changed)) - delivered
        return not dirty
    finally:
        index.unlink(missing_ok=True)


def _told(kind: WorkspaceKind, writes: list[Verdict], committed: str) -> str:
    many = f"{len(writes)} file{'s' if len(writes) != 1 else ''}"
    if committed:
        return f"{many} merged into {kind.branch.removeprefix('refs/heads/')} as commit {committed[:12]}."
    if not writes:
        return f"Everything was already in {kind.root}."
    first = ", ".join(shown(verdict.path) for verdict in writes[:3])
    where = "as uncommitted changes, beside yours" if kind.kind == "repository" else f"into {kind.root}"
    return f"{many} written {where}: {first}{' …' if len(writes) > 3 else ''}."
