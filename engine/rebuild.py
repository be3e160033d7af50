"""Filling the tables that people search again from the logs, which are the truth."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine import events as e
from engine.evolve import fold
from engine.projection import project_log
from engine.run_log import recorded
from engine.state import State
from memory.records import Row, StoredEvent

if TYPE_CHECKING:
    from memory.memory import MemoryService
    from memory.rebuilding import Rebuilt

Progress = Callable[[int, int], None]
"""Told (runs done, runs in all) of this rebuild."""


async def rebuild(memory: "MemoryService", progress: Progress | None = None) -> "Rebuilt":
    """Project every log again; one that was stopped goes on where it was, and runs that are at work lose nothing.

    Args:
        memory: holds the logs and the tables.
        progress: told after each run.

    Returns:
        How many runs and rows there are, those of a rebuild that was stopped included.

    Raises:
        DatabaseUnavailable: another rebuild or a migration is under way, or the server stayed away.
    """
    from memory.rebuilding import Rebuild, rebuild_lock

    tell = progress or (lambda done, of: None)
    async with rebuild_lock(memory.database):
        work = Rebuild(memory.database)
        left = await work.begin()
        for done, run_id in enumerate(left, start=1):
            await work.replace(run_id, rows_of)
            tell(done, len(left))
        return await work.finish()


def rows_of(stored: Sequence[StoredEvent]) -> list[Row]:
    """The rows of a whole log; what a fork has of its source is the source's."""
    log = [recorded(one) for one in stored]
    forks = [place for place, one in enumerate(log) if isinstance(one.event, e.Forked)]
    own = forks[-1] if forks else 0
    return project_log(fold(log[:own], State()), log[own:])
