"""Rows that are made again from the logs are the rows that were written with the events."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from engine.fork import fork_run
from engine.rebuild import rebuild
from engine.run_log import RunLog
from memory.errors import DatabaseUnavailable
from memory.memory import MemoryService
from memory.offline import OfflineEmbedder
from memory.rebuilding import rebuild_lock
from memory.tables import PROJECTIONS
from memory.vectors import VIEWS
from memory.views import FailureQuery
from tests.database_fixtures import database_url, postgres_server  # noqa: F401
from tests.doomed_fixtures import Doomed, doomed
from tests.engine_fixtures import engine_config
from tests.memory_fixtures import FailureRecord, PatternRecord, WritableMemory
from tests.unit.simulated_run import SimulatedRun, task

RUNS = 3
__all__ = ["doomed"]


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


async def embedded(memory: MemoryService) -> set[str]:
    """Ids of all that has vectors."""
    _, vectors = memory.failures.spaces.offline
    tables = [(await vectors.space(view)).table for view in VIEWS]
    union = " UNION ".join(f"SELECT memory_id FROM {table}" for table in tables)
    return set((await memory.database.run(lambda connection: connection.execute(text(union)))).scalars())


async def spoil(memory: MemoryService) -> str:
    """Rows that no log gives, and rows that are not as the log gives them; an id whose vectors are right."""
    other = FailureQuery("p", report="E   ValueError: nothing that a log tells of")
    learnt = WritableMemory(memory.database, OfflineEmbedder())
    await learnt.remember(FailureRecord("nobody.1", other, run_id="nobody"))
    await learnt.remember_pattern(PatternRecord("nobody", "library", "count nothing"))
    known = await memory.database.run(
        lambda connection: connection.execute(text("SELECT failure_id FROM failures WHERE ctx_text <> '' ORDER BY 1"))
    )
    right, changed = [str(one) for one in known.scalars() if one != "nobody.1"][:2]
    for one in (right, changed):
        assert await memory.failures.embed(one)
    assert await embedded(memory) == {right, changed, "nobody.1", "nobody"}
    await execute(memory, f"UPDATE failures SET ctx_text = 'another' WHERE failure_id = '{changed}'")
    await execute(memory, "UPDATE failures SET cause = 'spoilt'")
    await execute(memory, "DELETE FROM recalls")
    await execute(memory, "INSERT INTO iterations (run_id, number) VALUES ('nobody', 1)")
    return right


def of_others(rows: dict[str, list[str]]) -> dict[str, list[str]]:
    return {table: [row for row in found if '"live' not in row] for table, found in rows.items()}


async def test_what_is_made_again_is_what_was_there_though_it_is_killed_and_a_run_is_written_meanwhile(
    service: MemoryService,
    doomed: Doomed,
    database_url: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    await filled(service, tmp_path / "project")
    before = await dump(service)
    assert all(before[name] for name in ("tasks", "runs", "iterations", "failures", "recalls", "metrics"))
    runs = len(before["runs"])
    right = await spoil(service)
    await doomed.begin("rebuild", database_url)
    killed = await doomed.reached("here")
    await doomed.begin("live", database_url, str(tmp_path / "project"))
    await doomed.reached("begun")
    os.kill(killed, signal.SIGKILL)
    written = asyncio.create_task(doomed.reached("written"))
    told: list[tuple[int, int]] = []
    async with asyncio.timeout(30):
        while not told:
            # The server lets go of the lock when it misses whoever was killed.
            with suppress(DatabaseUnavailable):
                done = await rebuild(service, lambda run, of: told.append((run, of)))
    # All but the first run, and the new one.
    assert told[-1] == (runs, runs), "what was stopped is gone on with where it was"
    assert done.runs == runs + 1
    assert done.rows >= sum(len(rows) for rows in before.values())
    assert of_others(await dump(service)) == before
    assert await embedded(service) == {right}, "of what is gone or reads otherwise no vector stays"
    while not written.done():
        await rebuild(service)
    await written
    after = await dump(service)
    assert of_others(after) == before
    assert len(after["iterations"]) > len(before["iterations"])
    async with rebuild_lock(service.database):
        with pytest.raises(DatabaseUnavailable, match="already"):
            await rebuild(service)
    await rebuild(service)
    assert await dump(service) == after
