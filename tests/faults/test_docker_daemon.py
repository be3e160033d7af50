"""A Docker daemon that is killed while tests run is never a pass; once it is back, the run goes on and ends green."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine import events as e
from sandbox.docker_connection import connect
from tests.docker_fixtures import Daemon, daemon_folder, free_port
from tests.engine_fixtures import engine_config, scripted_engine, task_of
from tests.fault_figures import Figures
from tests.faults.checks import check_log
from tests.faults.test_sandbox_kills import LOST, SLOW, settled, until
from tests.tiny_script import tiny_script

pytestmark = [
    pytest.mark.docker,
    # The SDK forgets the socket of every connection that is refused.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon with the sandbox's image, which this process takes for the machine's: it sees the same files."""
    with daemon_folder() as folder:
        made = Daemon(folder, f"tcp://127.0.0.1:{free_port()}", ["--tls=false"])
        try:
            made.start()
            monkeypatch.setenv("DOCKER_HOST", made.address)
            yield made
        finally:
            made.stop()
            # Here, where they may be forgotten: else the next test would be told.
            gc.collect()


async def test_a_killed_daemon_and_a_killed_container_are_no_pass(
    daemon: Daemon, database_url: str, sandbox_workspace: Path, figures: Figures
) -> None:
    script = tiny_script(tests=SLOW.replace("0.4", "1.5"))
    folder = sandbox_workspace / "project"
    folder.mkdir()
    config = engine_config(database_url, sandbox_workspace / "home", **{"settings.sandbox.backend": "docker"})
    async with scripted_engine(config, script) as (engine, server):
        run_id = await engine.start(task_of(script, folder))
        seen = (await until(engine, run_id, "scan_finished")).seq
        await asyncio.to_thread(running_container)
        await asyncio.to_thread(daemon.kill)
        figures.kills += 1
        lost = await until(engine, run_id, "tests_finished", after=seen)
        assert isinstance(lost.event, e.TestsFinished)
        assert lost.event.report.reason == "backend_lost"
        state = await settled(engine, run_id)
        assert state.paused is not None
        assert (state.paused.reason, bool(state.paused.hint)) == ("sandbox", True)
        await asyncio.to_thread(daemon.start)
        await engine.resume(run_id)
        seen = (await until(engine, run_id, "run_resumed", after=state.seq)).seq
        await asyncio.to_thread(kill_container)
        figures.kills += 1
        killed = await until(engine, run_id, "tests_finished", after=seen)
        assert isinstance(killed.event, e.TestsFinished)
        assert not killed.event.report.green, "what was killed did not pass"
        state = await settled(engine, run_id)
        if state.paused:
            await engine.resume(run_id)
            state = await settled(engine, run_id)
        assert state.outcome == "success", (state.paused, state.reason)
        check_log(await engine.memory.store.read(run_id), lost=LOST)
        assert state.spend.calls == len(server.requests)
    with closing(connect(30)) as client:
        # What could not be removed while the daemon was away is dead, and the next Miracle takes it away.
        assert not client.containers.list(), "a container survives its run"


def running_container() -> Any:
    """The container that the tests run in, once it runs."""
    deadline = time.monotonic() + 60
    with closing(connect(30)) as client:
        while time.monotonic() < deadline:
            for container in client.containers.list(ignore_removed=True):
                if "pytest" in str(container.attrs["Config"]["Cmd"]):
                    return container.id
            time.sleep(0.02)
    raise AssertionError("no container came")


def kill_container() -> None:
    """Kill the container that the tests run in."""
    found = running_container()
    with closing(connect(30)) as client:
        client.containers.get(found).kill()
