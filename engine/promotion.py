"""Hands a run's result to the person: the only step that writes to their folder."""

from pathlib import Path

from engine.errors import CommandRefused
from engine.events import Promoted
from engine.state import State
from engine.workspace.promote import promote
from engine.workspace.worktree import Prepared

WAYS = ("merge", "patch", "branch")


async def promote_run(state: State, how: str) -> Promoted:
    """Promote the newest checkpoint.

    Args:
        state: the run; only one that the harness proved green can be merged.
        how: `merge`, `patch` or `branch`.

    Raises:
        CommandRefused: there is nothing to promote, or the run is not green and `merge` was asked for.
        WorkspaceError: the person's folder changed in the same places; nothing was written.
    """
    if how not in WAYS:
        raise CommandRefused(f"There is no way to promote called {how!r}", f"Choose one of: {', '.join(WAYS)}.")
    workspace, task = state.workspace, state.task
    commit = next((i.commit for i in reversed(state.iterations) if i.commit), "")
    if workspace is None or task is None or not commit:
        raise CommandRefused(f"{state.run_id} has no checkpoint yet", "Promote it once an iteration is committed.")
    if how == "merge" and state.outcome != "success":
        raise CommandRefused(
            f"{state.run_id} is not proven green ({state.status})",
            "Only a green run is merged. Take it as a patch file or a branch: --patch, --branch.",
        )
    prepared = Prepared(
        worktree=Path(workspace.worktree),
        repository=Path(workspace.repository),
        owned=workspace.owned,
        branch=workspace.branch,
        base_commit=workspace.base_commit,
        snapshot=workspace.snapshot,
    )
    outcome = await promote(prepared, Path(task.workspace), state.run_id, how, state.receipt.commit if state.receipt else commit)
    return Promoted(how=outcome.how, detail=outcome.detail, commit=outcome.commit)
