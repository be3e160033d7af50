"""A Docker engine that does not see this machine's files, reached by TLS: a daemon whose namespace hides them."""

import asyncio
import gc
import os
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from config.settings import Sandbox
from sandbox.choose import choose_backend
from sandbox.docker import Docker
from sandbox.docker_connection import EngineTrouble, connect
from sandbox.docker_owner import owner_labels
from sandbox.errors import NoBackend
from sandbox.images.offline_base import TAG
from sandbox.protocol import EnvSpec, ExecEvent, ExecSpec, Exited, Limits, Output, TestEvent
from sandbox.testing import TestRequest, run_command, run_tests
from tests.docker_fixtures import Daemon, daemon_folder, free_port, make_certificates
from tests.sandbox_fixtures import NO_ENV, cache_root, make_backend, sandbox_paths

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker-remote")]


TEST = r"""
import glob, hypothesis, re
def test_a():
    assert open("b").read() == "here"
def test_nobody_has_the_secret_of_the_reports():
    seen = b"".join(open(path, "rb").read() for path in glob.glob("/proc/[2-9]*/environ"))
    assert b"HOME=" in seen
    assert not re.search(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", seen)
"""


@pytest.fixture(scope="module")
def far() -> Iterator[Daemon]:
    """An engine that has none of the folders in which sandboxes work here."""
    with daemon_folder() as folder:
        options = make_certificates(folder / "certificates")
        made = Daemon(folder, f"tcp://127.0.0.1:{free_port()}", options, hidden=cache_root())
        try:
            made.start()
            yield made
        finally:
            made.stop()


@pytest.fixture(autouse=True)
def _named(far: Daemon, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DOCKER_HOST", far.address)
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(far.certificates))
    yield
    # Sockets that the SDK forgot are told of in the test that made it do so.
    gc.collect()


@pytest.fixture
async def remote() -> AsyncIterator[Docker]:
    """The backend, probed."""
    made = make_backend("docker")
    assert isinstance(made, Docker)
    try:
        found = await made.probe()
        assert found.usable, found.detail
        assert "cannot use this machine's files: they are copied" in found.detail
        assert "disk space of the workspace on the engine's machine" in found.best_effort
        yield made
    finally:
        await made.close()


def left(kind: str) -> list[Any]:
    """The containers or volumes of the engine."""
    with closing(connect(30)) as client:
        return list(client.containers.list(all=True) if kind == "containers" else client.volumes.list())


async def test_tests_run_there_and_only_what_changed_comes_back(remote: Docker, sandbox_workspace: Path) -> None:
    (sandbox_workspace / "test_a.py").write_text(TEST)
    (sandbox_workspace / "b").write_text("here")
    (sandbox_workspace / ".git").write_text("gitdir: elsewhere\n")
    before = {path: path.stat().st_ctime_ns for path in sandbox_workspace.iterdir()}
    events: list[ExecEvent] = []
    report = await run_tests(remote, TestRequest("t", sandbox_workspace, "python", "pytest"), events.append)
    assert report.green, report
    assert [event.kind for event in events if isinstance(event, TestEvent)] == [
        "collected", "started", "case", "started", "case", "finished",
    ]  # fmt: skip
    assert {path: path.stat().st_ctime_ns for path in sandbox_workspace.iterdir()} == before
    script = """
        ls -a; rm b; mkdir -p src/deep; echo 1 > src/deep/new; chmod 755 src/deep/new; ln -s deep/new src/link
        ln src/deep/new second; echo '# more' >> test_a.py; ln -s /etc/passwd out; mkfifo pipe; mkdir .git
        echo evil > .git/config; touch /opt/tools/x; false
    """
    outcome = await run_command(remote, script, run_id="c", workspace=sandbox_workspace)
    assert (outcome.reason, outcome.exit_code) == ("failed", 1)
    assert "elsewhere" not in outcome.output
    assert "touch: cannot touch '/opt/tools/x': Read-only file system" in outcome.output
    for said in ("not brought back", "out (a link that leads out)", "pipe (a pipe)", ".git/config (git's own)"):
        assert said in outcome.output
    assert sorted(os.listdir(sandbox_workspace)) == [".git", "second", "src", "test_a.py"]
    assert (sandbox_workspace / ".git").read_text() == "gitdir: elsewhere\n"
    assert (sandbox_workspace / "test_a.py").read_text().endswith("seen)\n# more\n")
    assert stat.S_IMODE((sandbox_workspace / "src/deep/new").stat().st_mode) == 0o755
    assert (os.readlink(sandbox_workspace / "src/link"), (sandbox_workspace / "second").read_text()) == (
        "deep/new", "1\n",
    )  # fmt: skip
    owners = {path.lstat().st_uid for path in (sandbox_workspace / "src").rglob("*")}
    assert owners == {sandbox_workspace.stat().st_uid}


async def test_an_ended_execution_gives_what_it_wrote_and_leaves_nothing(
    remote: Docker, sandbox_workspace: Path
) -> None:
    await remote.prepare(EnvSpec("python"))
    endings: list[asyncio.Task[None]] = []

    def end_what_is_up(event: ExecEvent) -> None:
        if isinstance(event, Output):
            endings.append(asyncio.create_task(remote.cancel("l")))

    script = "echo early > early; trap '' TERM; setsid sleep 900 & echo up; sleep 900"
    late = run_command(remote, script, run_id="l", workspace=sandbox_workspace, on_event=end_what_is_up)
    sealed = ExecSpec(
        "s", ("sh", "-c", "cat early; echo x >early; touch new"), sandbox_workspace, NO_ENV, writable=False
    )
    endless = run_command(remote, "yes | head -c 9000000; sleep 900", run_id="o", workspace=sandbox_workspace,
                          limits=Limits(output_bytes=10**6))  # fmt: skip
    fill = "for n in $(seq 40); do head -c 20000000 /dev/zero >big$n; sleep 0.1; done; sleep 900"
    ended, cut = await asyncio.gather(late, endless)
    assert (ended.reason, ended.output) == ("cancelled", "up\n"), ended
    assert (sandbox_workspace / "early").read_text() == "early\n"
    assert cut.reason == "output_limit"
    stopped = await run_command(
        remote, fill, run_id="f", workspace=sandbox_workspace, limits=Limits(disk_bytes=2 * 10**8)
    )
    assert (stopped.reason, "More than 190 MB" in stopped.detail) == ("disk", True), stopped
    events = [event async for event in remote.run(sealed)]
    assert isinstance(events[-1], Exited)
    assert events[-1].reason == "failed"
    assert "early" in str(events)
    assert os.listdir(sandbox_workspace) == ["early"]
    await remote.close()
    assert left("containers") == []
    assert {one.name.split("-")[:2] == ["miracle", "python"] for one in left("volumes")} == {True}


async def test_what_the_dead_left_is_taken_away_and_the_tools_of_the_living_stay(remote: Docker) -> None:
    env = await remote.prepare(EnvSpec("python"))
    assert env.root is not None
    gone = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    labels = {**owner_labels(os.getpid(), "dead"), "miracle.owner": str(gone.pid)}
    await gone.wait()
    with closing(connect(30)) as client:
        client.volumes.create("orphan", labels=labels)
        client.volumes.create("foreign", labels={**labels, "miracle.machine": "another"})
        client.volumes.create(
            "old", labels={"miracle.machine": labels["miracle.machine"], "miracle.environment": "old"}
        )
        client.containers.create(TAG, ["true"], name=f"miracle-{env.root.name}-filling", labels=labels)
        assert await remote.reap() == 1
        names = {volume.name for volume in client.volumes.list()}
        assert names >= {"foreign"}
        assert not names & {"orphan", "old"}
        client.volumes.get("foreign").remove()


# The SDK forgets the socket of every connection that is refused.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <(ssl.SSLSocket|socket):pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.filterwarnings("ignore:unclosed <(ssl.SSLSocket|socket):ResourceWarning")
async def test_an_engine_that_is_killed_is_never_a_pass(
    remote: Docker, far: Daemon, sandbox_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of this file: the engine is gone after it."""
    with monkeypatch.context() as strange:
        strange.delenv("DOCKER_TLS_VERIFY")
        with pytest.raises(EngineTrouble):
            connect(5)
        strange.setenv("DOCKER_TLS_VERIFY", "1")
        strange.setenv("DOCKER_CERT_PATH", str(sandbox_workspace))
        with pytest.raises(NoBackend) as caught:
            await choose_backend(Sandbox(backend="docker"), sandbox_paths())
        assert "cert.pem" in caught.value.hint
    (sandbox_workspace / "kept").write_text("kept")
    up = asyncio.Event()
    script = "rm kept; touch new; echo up; sleep 900"
    running = asyncio.create_task(
        run_command(remote, script, run_id="r", workspace=sandbox_workspace, on_event=lambda _: up.set())
    )
    await asyncio.wait_for(up.wait(), 30)
    await asyncio.to_thread(far.kill)
    outcome = await asyncio.wait_for(running, 30)
    assert (outcome.reason, outcome.exit_code) == ("backend_lost", None), outcome
    assert os.listdir(sandbox_workspace) == ["kept"], "nothing is known of it, so nothing is taken"
    outcome = await run_command(remote, "true", run_id="r", workspace=sandbox_workspace)
    assert outcome.reason == "backend_lost"
