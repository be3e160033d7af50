"""Nothing outlives the Miracle that started it, and nothing of a living one is taken away."""

import asyncio
import os
import secrets
import signal
import sys
from pathlib import Path

import pytest

from sandbox.docker import Docker
from sandbox.docker_owner import owner_labels
from sandbox.protocol import Backend
from tests.abuse.cases import abuse
from tests.abuse.test_resources import running

PARENT = """
import asyncio, sys
from pathlib import Path
from sandbox.protocol import ExecSpec, Output
from tests.sandbox_fixtures import NO_ENV, make_backend
async def main():
    backend = make_backend(sys.argv[1])
    argv = ("sh", "-c", f"trap '' TERM HUP; setsid sleep {sys.argv[3]} & echo up; sleep {sys.argv[3]}")
    async for event in backend.run(ExecSpec("orphan", argv, Path(sys.argv[2]), NO_ENV)):
        if isinstance(event, Output):
            print("up", flush=True)
asyncio.run(main())
"""


async def _gone(marker: str, within_s: float) -> bool:
    for _ in range(int(within_s / 0.05)):
        if not running(marker):
            return True
        await asyncio.sleep(0.05)
    return not running(marker)


@abuse("13", "Miracle is killed by SIGKILL while code runs that ignores TERM", "nothing is left")
async def test_13_a_killed_parent_leaves_nothing(backend: Backend, sandbox_workspace: Path) -> None:
    marker = f"984{secrets.randbelow(10**6)}"
    root = Path(__file__).parents[2]
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, backend.name, str(sandbox_workspace), marker,
        stdout=asyncio.subprocess.PIPE, cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert parent.stdout is not None
    assert await asyncio.wait_for(parent.stdout.readline(), 30) == b"up\n"
    assert running(marker)
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    assert await _gone(marker, 1.0)
    await backend.reap()
    parent._transport.close()  # type: ignore[attr-defined]


@abuse("13", "Containers of dead, living and foreign owners at a start", "only the dead owner’s are removed")
@pytest.mark.parametrize("backend", [pytest.param("docker", marks=pytest.mark.docker)], indirect=True)
async def test_13_only_the_dead_are_reaped(backend: Docker) -> None:
    import docker

    from sandbox.images.offline_base import TAG

    client = docker.from_env()
    alive = dead = None
    try:
        gone = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
        labels = {**owner_labels(os.getpid(), "dead"), "miracle.owner": str(gone.pid)}
        await gone.wait()
        alive = client.containers.create(TAG, ["sleep", "1"], labels=owner_labels(os.getpid(), "alive"))
        other = {**labels, "miracle.machine": "another"}
        dead = client.containers.create(TAG, ["sleep", "1"], labels=labels)
        foreign = client.containers.create(TAG, ["sleep", "1"], labels=other)
        await backend.reap()
        left = {container.id for container in client.containers.list(all=True)}
        assert alive.id in left
        assert foreign.id in left
        assert dead.id not in left
        foreign.remove()
    finally:
        if alive is not None:
            alive.remove()
        client.close()


@abuse("16", "A thread of Miracle ends while a sandbox runs", "the sandbox lives on")
@pytest.mark.bubblewrap
async def test_16_the_spawning_thread_may_end(sandbox_workspace: Path) -> None:
    """A sandbox started by one loop in the main thread lives on while other threads come and go."""
    from tests.sandbox_fixtures import make_backend, run_in

    backend = make_backend("bubblewrap")
    run = asyncio.create_task(run_in(backend, sandbox_workspace, "sh", "-c", "sleep 0.5; echo done"))
    await asyncio.to_thread(lambda: None)
    ended, output = await run
    assert (ended.reason, output) == ("ok", "done\n")
    await backend.close()
