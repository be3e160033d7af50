"""A sandbox that is killed while it works is never a pass: the run pauses and says so, and a resume ends it green."""

import asyncio
import contextlib
from pathlib import Path

import psutil
import pytest

from engine import events as e
from engine.engine import Engine
from engine.state import State
from tests.engine_fixtures import engine_config, processes_in, scripted_engine, task_of
from tests.fault_figures import Figures
from tests.faults.checks import check_log, end_at_once, sandboxes_gone
from tests.tiny_script import tiny_script

pytestmark = pytest.mark.bubblewrap

LOST = ("tests_finished", "proof_finished", "phase_finished", "checkpointed")
SLOW = """
import time

from double import double


def test_double() -> None:
    time.sleep(0.4)
    assert double(3) == 6
"""


async def kill_sandbox(run_id: str, part: str) -> int:
    """Kill a part of the run's next sandbox as soon as there is one: `starter`, `init` or `command`."""
    for _ in range(2000):
        with contextlib.suppress(psutil.NoSuchProcess):
            found = [psutil.Process(pid) for pid in processes_in(run_id)]
            commands = [process for process in found if "bwrap" not in process.name()]
            if commands:
                family = [one for one in commands[0].parents() if one.name() == "bwrap"]
                chosen = {"starter": family[-1:], "init": family[:1], "command": commands}[part]
                end_at_once(chosen)
                return len(chosen)
        await asyncio.sleep(0.005)
    raise AssertionError("no sandbox came")


async def until(engine: Engine, run_id: str, *kinds: str, after: int = 0) -> e.Recorded:
    """The first event of these kinds."""
    async with asyncio.timeout(60):
        async for item in engine.watch(run_id, after):
            if isinstance(item, e.Recorded) and item.event.kind in kinds:
                return item
            if isinstance(item, e.Recorded) and isinstance(item.event, e.RunPaused):
                raise AssertionError(item.event)
    raise AssertionError("the feed ended")


async def settled(engine: Engine, run_id: str) -> State:
    async with asyncio.timeout(90):
        return await engine.settled(run_id)


@pytest.mark.parametrize("part", ["starter", "init", "command"])
async def test_a_killed_sandbox_is_no_pass_and_the_run_goes_on(
    database_url: str, sandbox_workspace: Path, figures: Figures, part: str
) -> None:
    script = tiny_script(tests=SLOW)
    folder = sandbox_workspace / "project"
    folder.mkdir()
    config = engine_config(database_url, sandbox_workspace / "home", **{"settings.sandbox.backend": "bubblewrap"})
    async with scripted_engine(config, script) as (engine, server):
        run_id = await engine.start(task_of(script, folder))
        stood = 0
        for before, lost in (("scan_finished", "tests_finished"), ("phase_finished", "proof_finished")):
            seen = (await until(engine, run_id, before, after=stood)).seq
            figures.kills += await kill_sandbox(run_id, part) > 0
            killed = await until(engine, run_id, lost, "run_finished", after=seen)
            assert isinstance(killed.event, e.TestsFinished | e.ProofFinished)
            assert not killed.event.report.green, "what was killed did not pass"
            await sandboxes_gone(run_id)
            if part != "starter":
                break  # Bubblewrap reports a command that was killed: a test run that failed, to be reflected on.
            state = await settled(engine, run_id)
            assert state.paused is not None
            assert (state.paused.reason, bool(state.paused.hint)) == ("sandbox", True)
            stood = state.seq
            await engine.resume(run_id)
        state = await settled(engine, run_id)
        assert state.outcome == "success", (state.paused, state.reason)
        check_log(await engine.memory.store.read(run_id), lost=LOST)
        assert state.spend.calls == len(server.requests)
        await sandboxes_gone(run_id)
