"""A run whose process is killed again and again, and whose database restarts under it, still ends as if nothing was."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine import events as e
from engine.engine import Engine
from engine.scripted.server import ScriptedServer
from memory.database import Database
from memory.postmaster import Home, is_held, running_pid
from memory.store import EventStore
from tests.engine_fixtures import engine_config, processes_in, scripted_engine, task_of
from tests.tiny_script import tiny_script

pytestmark = pytest.mark.bubblewrap

KILLS = 12
STEP = 4
"""Events between two kills."""


class Children:
    """The process that forks a child for each order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def begin(self, orders: dict[str, str]) -> tuple[int, str]:
        """A child that works on the run: its pid and the run's id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(orders).encode() + b"\n")
        said = dict([await self._line(), await self._line()])
        return int(said["pid"]), said["run"]

    async def end(self) -> int:
        """The exit status of the child, or the negative number of the signal that killed it."""
        word, status = await self._line()
        assert word == "ended"
        return int(status)

    async def _line(self) -> tuple[str, str]:
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            word, _, rest = (await self._process.stdout.readline()).decode().strip().partition(" ")
        return word, rest


@asynccontextmanager
async def children() -> AsyncIterator[Children]:
    """Processes to kill."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "tests.run_child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    try:
        yield Children(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def grown_past(store: EventStore, run_id: str, seq: int) -> None:
    """Wait until the log holds more than `seq` events."""
    deadline = time.monotonic() + 30
    while await store.last_seq(run_id) <= seq:
        assert time.monotonic() < deadline, "the run stands still"
        await asyncio.sleep(0.001)


async def gone(run_id: str) -> None:
    """Wait until nothing runs in the run's worktree."""
    deadline = time.monotonic() + 15
    while processes_in(run_id):
        assert time.monotonic() < deadline, "a sandbox survives its run"
        await asyncio.sleep(0.05)


async def test_a_run_killed_at_event_after_event_loses_nothing_and_pays_for_nothing_twice(
    database_url: str, database: Database, sandbox_workspace: Path
) -> None:
    folder = sandbox_workspace / "project"
    folder.mkdir()
    store = EventStore(database)
    run_id, open_calls = "", 0
    async with ScriptedServer(tiny_script(wrong_first=True)) as server, children() as family:
        orders = {"database": database_url, "home": str(sandbox_workspace / "home"), "server": server.base_url}
        orders |= {"folder": str(folder)}
        for _ in range(KILLS):
            before = await store.last_seq(run_id) if run_id else 0
            pid, run_id = await family.begin({**orders, "run_id": run_id})
            await grown_past(store, run_id, before + STEP - 1)
            os.kill(pid, signal.SIGKILL)
            assert await family.end() == -signal.SIGKILL, "the run was over before the kill"
            await gone(run_id)
            open_calls += _left_open([stored.kind for stored in await store.read(run_id)])
        await family.begin({**orders, "run_id": run_id})
        assert await family.end() == 0
        requests = len(server.requests)
    config = engine_config(database_url, sandbox_workspace / "home")
    engine = await Engine.open(config)
    try:
        state = await engine.state(run_id)
        log = await engine.log(run_id)
    finally:
        await engine.close()
    assert state.outcome == "success", state.reason
    assert [one.seq for one in log] == list(range(1, len(log) + 1))
    assert state.spend.calls <= requests <= state.spend.calls + open_calls, "only a call without an answer is repeated"
    assert len(state.iterations) == 2
    await gone(run_id)


def _left_open(kinds: list[str]) -> bool:
    """Whether the log ends with a call that has no answer."""
    calls = [kind for kind in kinds if kind in ("call_started", "answer_received", "call_failed")]
    return calls[-1:] == ["call_started"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
async def test_a_run_goes_on_while_its_database_restarts(sandbox_workspace: Path, how: signal.Signals) -> None:
    script = tiny_script(wrong_first=True)
    folder = sandbox_workspace / "project"
    folder.mkdir()
    config = engine_config(None, sandbox_workspace / "home", **{"settings.sandbox.backend": "bubblewrap"})
    async with scripted_engine(config, script) as (engine, server):
        run_id = await engine.start(task_of(script, folder))
        restarts = 0
        async with asyncio.timeout(90):
            async for item in engine.watch(run_id):
                if not isinstance(item, e.Recorded):
                    continue
                if item.event.kind in ("session_opened", "tests_finished") and restarts < 3 and item.seq > 5 * restarts:
                    restarts += 1
                    os.kill(_postmaster(config.paths.database), how)
                if item.event.kind in ("run_finished", "run_paused"):
                    break
        state = await engine.state(run_id)
        log = await engine.log(run_id)
        assert (restarts, state.outcome) == (3, "success"), state.paused
        assert [one.seq for one in log] == list(range(1, len(log) + 1))
        assert state.spend.calls == len(server.requests), "no paid answer was asked for again"
    home, deadline = Home(config.paths.database), time.monotonic() + 15
    while running_pid(home) or is_held(home.keeper_lock):
        assert time.monotonic() < deadline, "the server survives its last user"
        await asyncio.sleep(0.05)


def _postmaster(home: Path) -> int:
    return int((home / "cluster" / "postmaster.pid").read_text().split("\n", 1)[0])
