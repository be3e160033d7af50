"""The check of who works on runs: this process, or workers, and whether any lives that can."""

from typing import TYPE_CHECKING

from config.amounts import plural
from miracle_tui.check import Check

if TYPE_CHECKING:
    from config.config import Config

NAME = "Execution"


async def check_execution(config: "Config") -> Check:
    """Whether runs are worked on here or by workers; of workers, how many live and serve this data folder."""
    if config.settings.orchestrator.execution == "inline":
        return Check(NAME, "ok", "inline: runs are worked on by the process that starts them")
    from engine.workers.site import site_of
    from memory.database import Database
    from memory.errors import MemoryStoreError
    from memory.queue import RunQueue

    try:
        site = site_of(config.paths)
        database = await Database.open(config)
        try:
            queue = RunQueue(database)
            await queue.prepare()
            live = await queue.workers(config.settings.workers.dead_after_s)
            waiting = (await queue.waiting()).get(site, 0)
        finally:
            await database.close()
    except MemoryStoreError as exc:
        return Check(NAME, "fail", f"queue: {exc.title}", exc.hint)
    except OSError as exc:
        return Check(NAME, "fail", f"queue: {exc}", f"See whether {config.paths.data} can be written.")
    here = [worker for worker in live if worker.site == site]
    names = f" ({', '.join(worker.name for worker in live[:5])}{', …' if len(live) > 5 else ''})" if live else ""
    detail = f"queue: {plural(len(live), 'worker')} alive{names}, {len(here)} for this data folder, " + (
        f"{plural(waiting, 'run')} waiting"
    )
    if here:
        return Check(NAME, "ok", detail)
    remedy = (
        "Start one on this machine, or on one that shares the data folder: miracle worker. "
        "Or set orchestrator.execution to inline."
    )
    return Check(NAME, "fail", detail, remedy)
