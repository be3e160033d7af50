"""A Docker daemon that is killed while tests run is never a pass; once it is back, the run goes on and ends green."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine import events as e
from sandbox.docker_connection import connect
from sandbox.images.offline_base import TAG
from tests.engine_fixtures import engine_config, scripted_engine, task_of
from tests.fault_figures import Figures
from tests.faults.checks import check_log, end_at_once
from tests.faults.test_sandbox_kills import LOST, SLOW, settled, until
from tests.sandbox_fixtures import need
from tests.tiny_script import tiny_script

pytestmark = [
    pytest.mark.docker,
    # The SDK forgets the socket of every connection that is refused.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

START_S = 60.0


class Daemon:
    """A Docker daemon of the test's own, beside the machine's."""

    def __init__(self, folder: Path) -> None:
        self.address = f"unix://{folder}/s"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, also over what a killed one left, and wait until it answers."""
        # A process id in these may be a zombie's, which the daemon takes for a living one and waits for.
        for left in ("pid", "run/containerd/containerd.pid"):
            (self._folder / left).unlink(missing_ok=True)
        options = ["--data-root", "data", "--exec-root", "run", "--pidfile", "pid"]
        options = [str(self._folder / one) if not one.startswith("-") else one for one in options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["dockerd", *options, "--host", self.address, "--bridge=none", "--iptables=false"],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while subprocess.run(["docker", "-H", self.address, "info"], capture_output=True, check=False).returncode:
            assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the daemon does not answer"
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it and its containerd at once; what they ran is left to itself."""
        assert self._process is not None
        daemon = psutil.Process(self._process.pid)
        end_at_once([*daemon.children(), daemon])
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """Stop it and whatever it left."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
        everything = psutil.process_iter(["cmdline"])
        folder = str(self._folder)
        end_at_once(one for one in everything if any(folder in part for part in one.info["cmdline"] or ()))
        for line in reversed(Path("/proc/mounts").read_text().splitlines()):
            if line.split()[1].startswith(f"{self._folder}/"):
                subprocess.run(["umount", "--lazy", line.split()[1]], capture_output=True, check=False)


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon with the sandbox's image, which this process takes for the machine's."""
    need(shutil.which("dockerd") is not None and os.geteuid() == 0, "a second dockerd cannot be started here")
    folder = Path(tempfile.mkdtemp(prefix="d-"))
    made = Daemon(folder)
    try:
        made.start()
        saved = subprocess.Popen(["docker", "save", TAG], stdout=subprocess.PIPE)
        subprocess.run(["docker", "-H", made.address, "load"], stdin=saved.stdout, capture_output=True, check=True)
        assert saved.stdout is not None
        saved.stdout.close()
        assert saved.wait() == 0
        monkeypatch.setenv("DOCKER_HOST", made.address)
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


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
