"""`miracle worktrees`: which worktrees take how much room, and the removal of those that are done."""

from typing import TYPE_CHECKING, Any

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS

if TYPE_CHECKING:
    from engine.worktrees import WorktreeOnDisk
    from memory.database import Database

EPILOG = """\b
Examples:
  miracle worktrees
  miracle worktrees --remove-ended    give the room of finished runs back
"""


@click.command("worktrees", epilog=EPILOG)
@click.option("--remove-ended", is_flag=True, help="Remove the files of runs that are over.")
@as_json
def command(remove_ended: bool, as_json: bool) -> int:
    """List the worktrees of runs: where they are, how much room they take, what their run does.

    With --remove-ended, those of runs that are over are removed. The branch of such a run stays, and its result can
    still be taken and undone. A run that is at work, waits or is paused keeps its worktree.
    """
    from miracle_tui.cli.opening import in_loop

    return in_loop(_worktrees(remove_ended, as_json))


async def _worktrees(remove: bool, as_json: bool) -> int:
    from engine.worktrees import list_worktrees, remove_ended
    from miracle_tui.cli.console import say_json
    from miracle_tui.cli.opening import configuration, opened_database

    config = configuration()
    async with opened_database(config) as database:
        look = _Look(database)
        found = await list_worktrees(config.paths, look)
        removed = await remove_ended(config.paths, found, look) if remove else []
    if as_json:
        for one in found:
            say_json(_record(one, one in removed))
    else:
        _say(found, removed, remove)
    return SUCCESS


class _Look:
    """What a run does, as the database knows it."""

    def __init__(self, database: "Database") -> None:
        from memory.projections import Projections
        from memory.store import EventStore

        self._projections = Projections(database)
        self._store = EventStore(database)

    async def __call__(self, run_id: str) -> tuple[str, bool] | None:
        row = await self._projections.run(run_id)
        return (str(row["status"]), await self._store.is_leased(run_id)) if row is not None else None


def _record(one: "WorktreeOnDisk", removed: bool) -> dict[str, Any]:
    return {
        "name": one.name,
        "run_id": one.run_id,
        "folder": str(one.folder),
        "bytes": one.bytes,
        "status": one.status,
        "at_work": one.at_work,
        "removed": removed,
    }


def _say(found: "list[WorktreeOnDisk]", removed: "list[WorktreeOnDisk]", asked: bool) -> None:
    from config.amounts import plural, size
    from miracle_tui.cli.console import say, table
    from miracle_tui.cli.inert import one_line

    if not found:
        say(["There are no worktrees."])
        return
    rows = [
        (
            one_line(one.name),
            size(one.bytes),
            "removed" if one in removed else "at work" if one.at_work else one.status,
            one_line(str(one.folder)),
        )
        for one in found
    ]
    say(table(rows, ("RUN", "SIZE", "STATE", "FOLDER")))
    freed = sum(one.bytes for one in removed)
    if asked:
        say([f"✓ {plural(len(removed), 'worktree')} removed, {size(freed)} freed; branches and history stay"])
    elif any(one.ended for one in found):
        say(["→ miracle worktrees --remove-ended   removes those of runs that are over"])
