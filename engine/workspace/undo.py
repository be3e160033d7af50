"""Taking a promotion back: the files that it wrote become what they were, and nothing else is touched.

What the person changed since then is merged; where that cannot be, the file is refused by name. Everything is worked
out before the first file is written, and a kill in between leaves whole files: doing it again finishes the work.
"""

from dataclasses import dataclass
from pathlib import Path

from engine.errors import WorkspaceError
from engine.workspace.backup import Backup, Touched, read_backup
from engine.workspace.deliver import deliver
from engine.workspace.git import LONG_TIMEOUT_S, Git, shown, split
from engine.workspace.inspect import WorkspaceKind, check_workspace
from engine.workspace.kept import keep
from engine.workspace.merged import refuse_locked
from engine.workspace.prepared import Prepared
from engine.workspace.preview import in_tree
from engine.workspace.threeway import ABSENT, Change, Entry, Verdict, entries_now, index_line, run_changes
from engine.workspace.verdicts import judge

REPLACED = "before-undo"
_NAMED = 8


@dataclass(frozen=True)
class UndoPreview:
    """What taking a promotion back would do.

    Attributes:
        folder: the person's folder.
        files: files that become what they were, each with what happens to it.
        conflicts: sentences about files that the person changed since then, in the same places.
        moves: what happens to the branch; empty when it stays where it is.
        warning: what the person should know before they do it.
    """

    folder: str
    files: tuple[tuple[str, str], ...] = ()
    conflicts: tuple[str, ...] = ()
    moves: str = ""
    warning: str = ""


@dataclass(frozen=True)
class UndoOutcome:
    """What was taken back, and the backup that may be forgotten now."""

    detail: str
    files: tuple[str, ...]
    backup: Backup


@dataclass(frozen=True)
class _Plan:
    kind: WorkspaceKind
    backup: Backup
    verdicts: list[Verdict]
    merge: str
    """The merge commit that the branch leaves; empty when it stays."""


async def preview_undo(prepared: Prepared, workspace: Path) -> UndoPreview:
    """Work out what `undo` would do; nothing is written.

    Raises:
        WorkspaceError: there is nothing to take back.
    """
    plan = await _plan(prepared, workspace, frozenset())
    moves, warning = "", ""
    if plan.merge:
        branch = plan.kind.branch.removeprefix("refs/heads/")
        moves = f"{branch} goes from {plan.merge[:12]} back to {plan.backup.head[:12]}"
        assert plan.kind.git_dir is not None
        shared = await Git(plan.kind.git_dir)("for-each-ref", "--count=1", "--contains", plan.merge, "refs/remotes")
        warning = "The merge commit is on a remote already: the branch will be behind it." if shared else ""
    elif await _stays(plan):
        warning = "The merge commit stays in the history; the files become uncommitted changes."
    files = tuple((shown(one.path), _fate(one)) for one in plan.verdicts if one.result != one.ours and not one.conflict)
    return UndoPreview(
        str(plan.kind.root), files, tuple(one.conflict for one in plan.verdicts if one.conflict), moves, warning
    )


def _fate(verdict: Verdict) -> str:
    if verdict.result == ABSENT:
        return "removed"
    return "written again" if verdict.ours == ABSENT else "as it was"


async def undo(prepared: Prepared, workspace: Path, force: frozenset[str] = frozenset()) -> UndoOutcome:
    """Put back what the newest promotion of the run wrote over.

    Args:
        prepared: the run's worktree.
        workspace: the person's folder.
        force: paths, as they are shown, that become what they were whatever the person did to them since; what is
            lost by that is kept in the private ref `before-undo`.

    Raises:
        WorkspaceError: there is nothing to take back, or the person changed a file in the same places. Nothing was
            written then.
    """
    plan = await _plan(prepared, workspace, force)
    conflicts = [verdict.conflict for verdict in plan.verdicts if verdict.conflict]
    if conflicts:
        more = f" and {len(conflicts) - _NAMED} more" if len(conflicts) > _NAMED else ""
        raise WorkspaceError(
            f"You changed these files since the promotion: {'; '.join(conflicts[:_NAMED])}{more}",
            f"Nothing was written. Undo your changes there, or give them up by name: "
            f"`miracle undo {prepared.run_id} --force PATH`.",
        )
    refuse_locked(plan.kind)
    try:
        return await _carry_out(prepared, plan)
    except OSError as exc:
        raise WorkspaceError(
            f"The files cannot be put back: {exc.strerror}",
            "Check the disk's room and the folder's permissions, then undo again; files already written are whole.",
        ) from exc


async def _carry_out(prepared: Prepared, plan: _Plan) -> UndoOutcome:
    writes = [verdict for verdict in plan.verdicts if verdict.result != verdict.ours]
    was = {one.path: one for one in plan.backup.files}
    exact = {
        verdict.path: before
        for verdict in writes
        if (before := was[verdict.path].exact) and verdict.result == was[verdict.path].before
    }
    if writes:
        await _keep_replaced(prepared, plan.kind, writes)
    await deliver(prepared, plan.kind, writes, exact)
    stays = await _stays(plan)
    if plan.merge:
        await _leave_merge(prepared, plan)
    files = tuple(sorted(shown(one.path) for one in plan.backup.files))
    return UndoOutcome(_told(plan, len(files), stays), files, plan.backup)


async def _plan(prepared: Prepared, workspace: Path, force: frozenset[str]) -> _Plan:
    backup = await read_backup(prepared)
    if backup is None:
        raise WorkspaceError(
            f"{prepared.run_id} has no promotion that could be undone",
            "Only a merge into your folder is undone; a patch file and a branch can simply be removed.",
        )
    kind = await check_workspace(workspace)
    if str(kind.root) != backup.folder:
        raise WorkspaceError(f"The result was written into {backup.folder}", f"{kind.root} is another folder.")
    git = in_tree(prepared, kind)
    now = await entries_now(git, [touched.path for touched in backup.files])
    verdicts = [await _judged(git, touched, now[touched.path], force) for touched in backup.files]
    return _Plan(kind, backup, verdicts, await _merge_at_head(kind, backup))


async def _judged(git: Git, touched: Touched, now: Entry | str, force: frozenset[str]) -> Verdict:
    if shown(touched.path) in force and not isinstance(now, str):
        return Verdict(touched.path, now, touched.before)
    return await judge(git, Change(touched.path, touched.after, touched.before), now)


async def _merge_at_head(kind: WorkspaceKind, backup: Backup) -> str:
    """The merge commit of the promotion while nothing came after it on its branch."""
    if not backup.merges or kind.git_dir is None or kind.branch != backup.branch:
        return ""
    parents = (await Git(kind.git_dir).line("rev-list", "--parents", "-1", kind.head)).split()[1:]
    return kind.head if parents == [backup.head, backup.commit] else ""


async def _stays(plan: _Plan) -> bool:
    """Whether the person's history goes on holding the run's work."""
    if plan.merge or not plan.backup.merges or plan.kind.git_dir is None or not plan.kind.head:
        return False
    known = await Git(plan.kind.git_dir).run("merge-base", "--is-ancestor", plan.backup.commit, plan.kind.head)
    return known.code == 0


async def _keep_replaced(prepared: Prepared, kind: WorkspaceKind, writes: list[Verdict]) -> None:
    """Keep what undoing writes over: a forced file may hold work of the person."""
    git = Git(prepared.git_dir, kind.root, prepared.git_dir / "backup.index", prepared.objects)
    assert git.index is not None
    git.index.unlink(missing_ok=True)
    lines = b"".join(index_line(verdict.path, verdict.ours) for verdict in writes if verdict.ours != ABSENT)
    try:
        await git("update-index", "-z", "--index-info", stdin=lines)
        tree = await git.line("write-tree")
    finally:
        git.index.unlink(missing_ok=True)
    text = f"What undoing the promotion of {prepared.run_id} wrote over\n".encode()
    await keep(prepared.home, prepared.run_id, REPLACED, await git.line("commit-tree", tree, stdin=text))


async def _leave_merge(prepared: Prepared, plan: _Plan) -> None:
    """Move the branch back to where it was, the person's index first; what they staged since then stays staged."""
    kind, backup = plan.kind, plan.backup
    assert kind.git_dir is not None
    git = Git(prepared.git_dir, kind.root, kind.git_dir / "index", prepared.objects)
    changed = await run_changes(git, backup.head, plan.merge)
    staged = set(split(await git("diff-index", "--cached", "--name-only", "-z", plan.merge)))
    lines = b"".join(
        index_line(change.path, change.base, len(kind.head)) for change in changed if change.path not in staged
    )
    await git("update-index", "-z", "--index-info", stdin=lines)
    await git.run("update-index", "-q", "--refresh", timeout_s=LONG_TIMEOUT_S)
    reason = f"undo of merge {prepared.branch}: Miracle"
    await Git(kind.git_dir)("update-ref", "-m", reason, "HEAD", backup.head, plan.merge)


def _told(plan: _Plan, files: int, stays: bool) -> str:
    many = f"{files} file{'s are' if files != 1 else ' is'} as before the promotion"
    if plan.merge:
        branch = plan.kind.branch.removeprefix("refs/heads/")
        return f"{many}; {branch} is back at {plan.backup.head[:12]} (`git reflog` knows {plan.merge[:12]})."
    if stays:
        return f"{many}, as uncommitted changes: the merge commit stays in your history, for commits came after it."
    return f"{many}."
