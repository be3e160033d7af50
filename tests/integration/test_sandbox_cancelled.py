"""Whoever gives up while a command is being started leaves no process, no container and no socket behind."""

import asyncio
import gc
import secrets
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from sandbox.docker import Docker
from sandbox.docker_connection import connect
from sandbox.protocol import Backend
from sandbox.testing import run_command
from tests.sandbox_fixtures import make_backend

AFTER_MS = (1, 10, 20, 40, 80, 160)


async def test_a_start_that_is_cancelled_at_any_moment_leaves_nothing(
    backend: Backend, sandbox_workspace: Path
) -> None:
    marker = f"77.{secrets.randbelow(10**9)}"
    for after_ms in AFTER_MS:
        run_id = f"cancelled-{after_ms}"
        command = run_command(backend, f"sleep {marker}", run_id=run_id, workspace=sandbox_workspace)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(command, after_ms / 1000)
    await backend.close()
    gc.collect()
    # At once: whoever was cancelled has waited for the end of all of it.
    assert [one for one in psutil.process_iter(["cmdline"]) if marker in (one.info["cmdline"] or ())] == []
    if isinstance(backend, Docker):
        with closing(connect(30)) as client:
            mounted = [
                mount["Source"]
                for one in client.containers.list(all=True, ignore_removed=True)
                for mount in one.attrs["Mounts"]
            ]
        assert str(sandbox_workspace) not in mounted


@pytest.mark.docker
async def test_a_connection_is_made_once_however_many_wait_for_it_and_give_up() -> None:
    docker = make_backend("docker")
    assert isinstance(docker, Docker)
    waiting = [asyncio.create_task(docker.image_id("python")) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    first, *others = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(first, asyncio.CancelledError)
    assert len(set(others)) == 1
    assert str(others[0]).startswith("sha256:")
    await docker.close()
    gc.collect()
