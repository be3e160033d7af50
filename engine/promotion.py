"""Hands a run's result to the person: the only step that writes to their folder."""

from pathlib import Path

from config.paths import Paths
from engine.errors import CommandRefused
from engine.events import Promoted
from engine.state import State
from engine.workspace.prepared import git_dir_of, read_record
from engine.workspace.promote import How, promote
from sandbox.identity import sandbox_identity


async def promote_run(state: State, how: How, paths: Paths) -> Promoted:
    """Promote the newest checkpoint.

    Args:
        state: the run; only one that the harness proved green can be merged.
        how: `merge`, `patch` or `branch`.
        paths: where the run's worktree is.

    Raises:
        CommandRefused: there is nothing to promote, or the run is not green and `merge` was asked for.
        WorkspaceError: the person's folder changed in the same places; nothing was written.
    """
    task = state.task
    commit = next((i.commit for i in reversed(state.iterations) if i.commit), "")
    if task is None or not commit:
        raise CommandRefused(f"{state.run_id} has no checkpoint yet", "Promote it once an iteration is committed.")
    if how == "merge" and state.outcome != "success":
        raise CommandRefused(
            f"{state.run_id} is not proven green ({state.status})",
            "Only a green run is merged. Take it as a patch file or a branch: --patch, --branch.",
        )
    prepared = read_record(git_dir_of(state.run_id, paths), sandbox_identity())
    if prepared is None:
        raise CommandRefused(
            f"The worktree of {state.run_id} is gone", f"Its diffs are kept: miracle show {state.run_id} --diff"
        )
    newest = state.receipt.commit if state.receipt else commit
    outcome = await promote(prepared, Path(task.workspace), state.run_id, how, newest)
    return Promoted(how=outcome.how, detail=outcome.detail, commit=outcome.commit)
