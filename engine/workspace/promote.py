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
from engine.workspace.backup import finish_backup, keep_backup, read_backup
from engine.workspace.deliver import deliver
from engine.workspace.git import LONG_TIMEOUT_S, Git, shown, split
from engine.workspace.halves import point_branch
from engine.workspace.inspect import WorkspaceKind, check_workspace
from engine.workspace.kept import BEFORE, private_ref
from engine.workspace.merged import commit_merge, may_commit, refuse_locked
from engine.workspace.prepared import Prepared
from engine.workspace.preview import Selection, in_tree, look, nothing_to_deliver, refuse_new_repository
from engine.workspace.stage import load_index
from engine.workspace.threeway import Verdict, entries_now, run_changes
from engine.workspace.verdicts import judge, settle

How = Literal["merge", "patch", "branch"]
_NAMED = 8


@dataclass(frozen=True)
class PromotionOutcome:
    """How a result was delivered.

    Attributes:
        how: in which way.
        detail: where it is now.
        commit: the merge commit, else the run's.
        files: the person's files that were written.
        undo: the private ref that keeps what was there before; empty when there is nothing to undo.
        left_out: hunks that were not taken.
    """

    how: How
    detail: str
    commit: str
    files: tuple[str, ...] = ()
    undo: str = ""
    left_out: int = 0


async def promote(
    prepared: Prepared, workspace: Path, run_id: str, how: How, commit: str, take: Selection | None = None
) -> PromotionOutcome:
    """Deliver a run's result.

    Args:
        prepared: the run's worktree.
        workspace: the person's folder.
        run_id: the run.
        how: `merge` into the person's tree, write `patch` file, or keep the `branch`.
        commit: the commit to deliver.
        take: what of it is merged; all by default, which a conflict forbids.

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
        return await _merge(prepared, kind, commit, take)
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
    patch = await prepared.store(
        "diff-tree", "-p", "-r", "-M", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "--no-color",
        prepared.base_commit, commit, timeout_s=LONG_TIMEOUT_S,
    )  # fmt: skip
    if not patch:
        raise nothing_to_deliver()
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


async def _merge(prepared: Prepared, kind: WorkspaceKind, commit: str, take: Selection | None) -> PromotionOutcome:
    refuse_new_repository(prepared, kind)
    verdicts, left = await (_judged(prepared, kind, commit) if take is None else _chosen(prepared, kind, commit, take))
    writes = [verdict for verdict in verdicts if verdict.result != verdict.ours]
    refuse_locked(kind)
    merges = not left and await may_commit(prepared, kind, commit) and await _clean(prepared, kind, verdicts)
    if not writes and not merges:
        return await _already(prepared, kind, commit, left)
    backup = await keep_backup(prepared, kind, commit, writes, merges=merges)
    await deliver(prepared, kind, writes)
    committed = await commit_merge(prepared, kind, commit, verdicts) if merges else ""
    await finish_backup(prepared, kind, backup)
    files = tuple(sorted(shown(touched.path) for touched in backup.files))
    detail = told(kind, files, committed) + (f" {left} hunk{'s' if left != 1 else ''} left out." if left else "")
    return PromotionOutcome("merge", detail, committed or commit, files, private_ref(prepared.run_id, BEFORE), left)


async def _already(prepared: Prepared, kind: WorkspaceKind, commit: str, left: int) -> PromotionOutcome:
    """Nothing is to be written: perhaps a promotion did it all and was killed before it could say so."""
    backup = await read_backup(prepared)
    if backup is None or backup.commit != commit:
        return PromotionOutcome("merge", told(kind, (), ""), commit, left_out=left)
    if not backup.done:
        await finish_backup(prepared, kind, backup)
    files = tuple(sorted(shown(touched.path) for touched in backup.files))
    return PromotionOutcome("merge", told(kind, (), ""), commit, files, private_ref(prepared.run_id, BEFORE), left)


async def _judged(prepared: Prepared, kind: WorkspaceKind, commit: str) -> tuple[list[Verdict], int]:
    """What becomes of each file that the run changed, when all is taken.

    Raises:
        WorkspaceError: there is nothing to deliver, or a file is in conflict.
    """
    changes = await run_changes(in_tree(prepared, kind), prepared.base_commit, commit)
    if not changes:
        raise nothing_to_deliver()
    theirs = in_tree(prepared, kind)
    now = await entries_now(theirs, [change.path for change in changes])
    verdicts = [await judge(theirs, change, now[change.path]) for change in changes]
    conflicts = [verdict.conflict for verdict in verdicts if verdict.conflict]
    if conflicts:
        more = f" and {len(conflicts) - _NAMED} more" if len(conflicts) > _NAMED else ""
        raise WorkspaceError(
            f"Your files changed in the same places: {'; '.join(conflicts[:_NAMED])}{more}",
            "Nothing was written. Decide hunk by hunk (h in the app's dialog; `miracle promote RUN --hunks` lists "
            "them), or take the branch or the patch and merge by hand.",
        )
    return verdicts, 0


async def _chosen(prepared: Prepared, kind: WorkspaceKind, commit: str, take: Selection) -> tuple[list[Verdict], int]:
    """What becomes of each file when only some hunks are taken, and how many are left.

    Raises:
        WorkspaceError: the person's files are not those that were looked at, or nothing was chosen.
    """
    preview = await look(prepared, kind.root, commit)
    if take.seen and take.seen != preview.seen:
        raise WorkspaceError("Your files changed since you looked", "Nothing was written. Look again, and choose.")
    git = in_tree(prepared, kind)
    verdicts = [await settle(git, file, take.of(file)) for file in preview.files]
    left = take.left_out(preview)
    if left and all(verdict.result == verdict.ours for verdict in verdicts):
        raise WorkspaceError("No hunk was chosen", "Nothing was written.")
    if left:
        return verdicts, left
    # A merge commit tells of all files, of those also that are there already.
    known = {verdict.path for verdict in verdicts}
    changes = await run_changes(git, prepared.base_commit, commit)
    rest = [change for change in changes if change.path not in known]
    now = await entries_now(git, [change.path for change in rest])
    return verdicts + [await judge(git, change, now[change.path]) for change in rest], 0


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


def told(kind: WorkspaceKind, files: tuple[str, ...], committed: str) -> str:
    """A sentence about what was written where."""
    many = f"{len(files)} file{'s' if len(files) != 1 else ''}"
    if committed:
        return f"{many} merged into {kind.branch.removeprefix('refs/heads/')} as commit {committed[:12]}."
    if not files:
        return f"Everything was already in {kind.root}."
    where = "as uncommitted changes, beside yours" if kind.kind == "repository" else f"into {kind.root}"
    return f"{many} written {where}: {', '.join(files[:3])}{' …' if len(files) > 3 else ''}."
