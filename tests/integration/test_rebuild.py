"""Rows that are made again from the logs are the rows that were written with the events."""

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from engine.fork import fork_run
from engine.rebuild import rebuild, rows_of
from engine.run_log import RunLog
from memory.errors import DatabaseUnavailable
from memory.memory import MemoryService
from memory.rebuilding import Rebuild, rebuild_lock
from memory.tables import PROJECTIONS
from tests.database_fixtures import database_url, postgres_server  # noqa: F401
from tests.engine_fixtures import engine_config
from tests.unit.simulated_run import SimulatedRun, task

RUNS = 3


@pytest.fixture
async def service(database_url: str, tmp_path: Path) -> AsyncIterator[MemoryService]:  # noqa: F811
    opened = await MemoryService.open(engine_config(database_url, tmp_path / "home"))
    yield opened
    await opened.close()


async def dump(memory: MemoryService) -> dict[str, list[str]]:
    """Every row of every projection, as text."""

    async def work(connection: Any) -> dict[str, list[str]]:
        found = {}
        for name in PROJECTIONS:
            rows = await connection.execute(text(f"SELECT to_jsonb(t)::text FROM {name} AS t ORDER BY 1"))
            found[name] = list(rows.scalars())
        return found

    return await memory.database.run(work)


async def execute(memory: MemoryService, statement: str) -> None:
    await memory.database.run(lambda connection: connection.execute(text(statement)))


async def filled(memory: MemoryService, folder: Path) -> None:
    """Logs of simulated runs, and forks of them."""
    folder.mkdir()
    chance = random.Random(20)
    for number in range(RUNS):
        run = SimulatedRun(task(workspace=str(folder), max_iterations=6), chance.randrange, ("beside",))
        for _ in range(150):
            if run.state.outcome is not None:
                break
            run.step()
        name = f"r{number}"
        await memory.store.create_run(name)
        log = RunLog(memory.store, name)
        events = [one.event for one in run.log]
        while events:
            together = chance.randint(1, 3)
            await log.append(*events[:together])
            events = events[together:]
        fork = await fork_run(memory, name, chance.randint(2, log.state.seq), hypothesis="")
        await fork_run(memory, fork)
        if log.state.iterations:
            await fork_run(memory, name, hypothesis="something else")


async def test_what_is_made_again_is_what_was_there(service: MemoryService, tmp_path: Path) -> None:
    await filled(service, tmp_path / "project")
    before = await dump(service)
    assert all(before[name] for name in ("tasks", "runs", "iterations", "failures", "recalls", "metrics"))
    await execute(service, "UPDATE failures SET cause = 'spoilt'")
    await execute(service, "DELETE FROM recalls")
    await execute(service, "INSERT INTO iterations (run_id, number) VALUES ('nobody', 1)")
    # One that was stopped is gone on with where it was.
    stopped = Rebuild(service.database)
    left = await stopped.begin()
    for run_id in left[:3]:
        await stopped.replace(run_id, rows_of)
    told: list[tuple[int, int]] = []
    done = await rebuild(service, lambda run, of: told.append((run, of)))
    assert told[-1] == (len(left) - 3, len(left) - 3)
    assert await dump(service) == before
    assert done.runs == len(left)
    assert done.rows >= sum(len(rows) for rows in before.values())
    async with rebuild_lock(service.database):
        with pytest.raises(DatabaseUnavailable, match="already"):
            await rebuild(service)
    assert await dump(service) == before
