"""A disk that is full stops a run with a reason and loses nothing; with room again, the run ends green."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.engine import Engine
from engine.events import Recorded
from engine.scripted.script import Script
from engine.state import State
from memory.errors import MemoryStoreError
from tests.engine_fixtures import engine_config, scripted_engine, task_of
from tests.fault_figures import Figures
from tests.faults.checks import check_log, check_nothing_left
from tests.tiny_script import tiny_script

pytestmark = pytest.mark.bubblewrap

SIZE_MB = 400
MOMENTS = ("run_started", "plan_submitted", "work_submitted", "scan_finished", "phase_finished")
"""The disk is filled when one of these is seen; what comes next finds no room."""


@pytest.fixture
def small_home(sandbox_workspace: Path) -> Iterator[Path]:
    """A whole home, database and worktrees, on a disk of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    home = sandbox_workspace / "home"
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=0711", "tmpfs", str(home)], check=True)
    yield home
    subprocess.run(["umount", "--lazy", str(home)], check=True)


def fill(home: Path) -> Path:
    """Take all the room of the disk."""
    ballast = home / "ballast"
    with ballast.open("wb") as file:
        size, end = 2**26, 0
        while size:
            try:
                os.posix_fallocate(file.fileno(), end, size)
                end += size
            except OSError:
                size //= 2
    return ballast


async def stopped(engine: Engine, run_id: str) -> State:
    """The run once it stands still, whether it could still say why in its log or not."""
    async with asyncio.timeout(90):
        try:
            return await engine.settled(run_id)
        except MemoryStoreError as stopped_by:
            error = stopped_by
    assert error.hint, "a person learns what to do"
    return await engine.state(run_id)


def growing() -> Script:
    """A coder that first writes a file which cannot fit into what a full disk has left."""
    big = {"calls": [{"name": "create_file", "arguments": {"path": "table.txt", "content": os.urandom(150_000).hex()}}]}
    coder = next(session for session in tiny_script().model_dump()["sessions"] if session["role"] == "coder")
    return tiny_script(extra=[{**coder, "turns": [big, *coder["turns"]]}])


async def test_a_full_home_at_one_moment_after_another(
    small_home: Path, sandbox_workspace: Path, figures: Figures
) -> None:
    config = engine_config(None, small_home, **{"settings.sandbox.backend": "bubblewrap"})
    folder = sandbox_workspace / "project"
    folder.mkdir()
    script = growing()
    async with scripted_engine(config, script) as (engine, server):
        run_id = await engine.start(task_of(script, folder))
        filled = 0
        for kind in MOMENTS:
            async with asyncio.timeout(60):
                async for item in engine.watch(run_id):
                    if isinstance(item, Recorded) and item.event.kind == kind:
                        break
            ballast = await asyncio.to_thread(fill, small_home)
            state = await stopped(engine, run_id)
            ballast.unlink()
            filled += 1
            if state.outcome:
                break  # It had all the room that it needed.
            if state.paused:
                assert state.paused.hint
                await engine.resume(run_id)
            engine.drive(run_id)
        async with asyncio.timeout(90):
            state = await engine.settled(run_id)
        assert state.outcome == "success", (state.paused, state.reason)
        check_log(await engine.memory.store.read(run_id))
        assert 0 <= len(server.requests) - state.spend.calls <= filled, "at most the call in flight is made again"
        check_nothing_left(state, small_home)
    figures.repeated_calls += len(server.requests) - state.spend.calls
