"""Hands a run's result to the person, and takes it back: the only steps that write to their folder."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from config.paths import Paths
from engine.errors import CommandRefused
from engine.events import Promoted, Undone
from engine.state import State
from engine.workspace.backup import forget_backup
from engine.workspace.prepared import Prepared, find_prepared
from engine.workspace.preview import Preview, Selection, look
from engine.workspace.promote import How, promote
from engine.workspace.undo import UndoPreview, preview_undo, undo
from sandbox.identity import sandbox_identity


async def preview_promotion(state: State, paths: Paths) -> Preview:
    """What a merge of the result would do to the person's folder as it is now.

    Raises:
        CommandRefused: there is nothing to promote.
        WorkspaceError: the person's folder cannot be used.
    """
    prepared, workspace, commit = _result(state, paths)
    return await look(prepared, workspace, commit)


async def promote_run(state: State, how: How, paths: Paths, take: Selection | None = None) -> Promoted:
    """Promote the newest checkpoint.

    Args:
        state: the run; only one that the harness proved green can be merged.
        how: `merge`, `patch` or `branch`.
        paths: where the run's worktree is.
        take: what of it is merged; all by default, which a conflict forbids.

    Raises:
        CommandRefused: there is nothing to promote, or the run is not green and `merge` was asked for.
        WorkspaceError: the person's folder changed in the same places; nothing was written.
    """
    prepared, workspace, commit = _result(state, paths)
    if how == "merge" and state.outcome != "success":
        raise CommandRefused(
            f"{state.run_id} is not proven green ({state.status})",
            "Only a green run is merged. Take it as a patch file or a branch: --patch, --branch.",
        )
    outcome = await promote(prepared, workspace, state.run_id, how, commit, take)
    return Promoted(
        how=outcome.how,
        detail=outcome.detail,
        commit=outcome.commit,
        files=outcome.files,
        undo=outcome.undo,
        left_out=outcome.left_out,
    )


async def preview_undoing(state: State, paths: Paths) -> UndoPreview:
    """What taking the newest promotion back would do.

    Raises:
        CommandRefused, WorkspaceError: there is nothing to take back.
    """
    prepared, workspace, _ = _result(state, paths)
    return await preview_undo(prepared, workspace)


async def undo_promotion(
    state: State, paths: Paths, force: frozenset[str]
) -> tuple[Undone, Callable[[], Awaitable[None]]]:
    """Take the newest promotion back.

    Args:
        state: the run.
        paths: where the run's worktree is.
        force: files that become what they were whatever the person did to them since.

    Returns:
        What happened, and what is to be called once that is in the log: until then, undoing again finds the same.

    Raises:
        CommandRefused, WorkspaceError: there is nothing to take back, or a file was changed since in the same places.
    """
    prepared, workspace, _ = _result(state, paths)
    outcome = await undo(prepared, workspace, force)
    return Undone(detail=outcome.detail, files=outcome.files), partial(forget_backup, prepared, outcome.backup)


def _result(state: State, paths: Paths) -> tuple[Prepared, Path, str]:
    """The run's worktree, the person's folder, and the commit that is the result."""
    task, commit = state.task, state.receipt.commit if state.receipt else state.tip
    if task is None or state.workspace is None or commit == state.workspace.base_commit:
        raise CommandRefused(f"{state.run_id} has no checkpoint yet", "Promote it once an iteration is committed.")
    prepared = find_prepared(state.run_id, paths, sandbox_identity())
    if prepared is None:
        raise CommandRefused(
            f"The worktree of {state.run_id} is gone", f"Its diffs are kept: miracle show {state.run_id} --diff"
        )
    return prepared, Path(task.workspace), commit
