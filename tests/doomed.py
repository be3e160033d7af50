"""What a test lets happen in a process that it kills: each line of the input is done in a fork of this one.

The imports are paid for once, in `python -m tests.doomed`. A fork says `<word> <its pid>` at the point where it stops.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from config.config import Config
from config.database import Database as DatabaseSettings
from config.database import PostgreSQL
from config.paths import find_paths
from engine import pruning
from engine.rebuild import rows_of
from engine.run_log import RunLog
from memory.backup import back_up
from memory.database import Database
from memory.memory import MemoryService
from memory.prune import forget_run, old_runs
from memory.rebuilding import Rebuild, rebuild_lock
from memory.records import Row, StoredEvent
from memory.restore import restore
from memory.store import EventStore
from tests.unit.simulated_run import SimulatedRun, task

STEPS = 60


def say(word: str) -> None:
    """Tell the test."""
    print(word, os.getpid(), flush=True)


def stop_here(*_: object) -> None:
    """Tell the test, and wait for its kill."""
    say("here")
    time.sleep(60)


async def rebuild(url: str) -> None:
    """A rebuild that is killed within the transaction of its second run."""
    database = await Database.open_url(url)
    async with rebuild_lock(database):
        work = Rebuild(database)
        first, second, *_ = await work.begin()
        await work.replace(first, rows_of)

        def stopping(stored: Sequence[StoredEvent]) -> list[Row]:
            stop_here()
            return rows_of(stored)

        await work.replace(second, stopping)


async def live(url: str, workspace: str) -> None:
    """A run that is written while others do something else."""
    store = EventStore(await Database.open_url(url))
    run = SimulatedRun(task(workspace=workspace, max_iterations=6), random.Random(7).randrange, ("beside",))
    await store.create_run("live")
    log, written = RunLog(store, "live"), 0
    say("begun")
    for _ in range(STEPS):
        if run.state.outcome is not None:
            break
        run.step()
        new = [one.event for one in run.log[written:]]
        # A task of its own: those of other simulated runs have one name.
        await log.append(
            *(one.model_copy(update={"task_id": "live"}) if one.kind == "run_started" else one for one in new)
        )
        written = len(run.log)
    say("written")


async def backup(url: str, target: str) -> None:
    """A backup that is killed before its last table."""
    await back_up(await Database.open_url(url), Path(target), progress=stop_here)


async def restoring(url: str, source: str) -> None:
    """A restore that is killed when a table is filled."""
    await restore(await Database.open_url(url), Path(source), replace=True, progress=stop_here)


async def prune(url: str, home: str, before: str) -> None:
    """Pruning that is killed between the files and the log of its second run."""
    settings = DatabaseSettings(postgresql=PostgreSQL(url=SecretStr(url)))
    paths = find_paths({"MIRACLE_HOME": home})
    memory = await MemoryService.open(Config(paths, database=settings))
    forgotten: list[str] = []

    async def forget(database: Database, run_id: str) -> None:
        if forgotten:
            stop_here()
        await forget_run(database, run_id)
        forgotten.append(run_id)

    vars(pruning)["forget_run"] = forget
    await pruning.prune(memory, paths, await old_runs(memory.database, datetime.fromisoformat(before)))


SCENES: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
    "rebuild": rebuild,
    "live": live,
    "backup": backup,
    "restore": restoring,
    "prune": prune,
}


def main() -> None:
    """Fork for each line of the input, until it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            name, *args = json.loads(line)
            asyncio.run(SCENES[name](*args))
            os._exit(0)


if __name__ == "__main__":
    main()
