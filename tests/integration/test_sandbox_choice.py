"""Which backend a run gets, and what a person reads where none works."""

import os
from pathlib import Path

import pytest

from config.settings import Sandbox
from sandbox.choose import choose_backend, limits_of, probe_all
from sandbox.errors import NoBackend
from sandbox.protocol import ExecSpec, Exited, Limits, Output
from sandbox.testing import TestRequest, run_tests
from tests.sandbox_fixtures import NO_ENV, run_in, sandbox_paths


@pytest.fixture
def _nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without bubblewrap, whose Docker engine does not answer."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    monkeypatch.setenv("PATH", "/nonexistent")


@pytest.mark.usefixtures("_nothing")
async def test_24_no_backend_is_a_refusal_with_the_next_step() -> None:
    with pytest.raises(NoBackend) as caught:
        await choose_backend(Sandbox(), sandbox_paths())
    assert "No sandbox works" in caught.value.title
    for hint in ("DOCKER_HOST", "Install bubblewrap", "--unsafe-local"):
        assert hint in caught.value.hint
    assert [found.usable for found in await probe_all(Sandbox(), sandbox_paths())] == [False, False]


@pytest.mark.docker
@pytest.mark.bubblewrap
async def test_24_a_configured_backend_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(NoBackend) as caught:
        await choose_backend(Sandbox(backend="docker"), sandbox_paths())
    assert "configured" in caught.value.title
    chosen = await choose_backend(Sandbox(), sandbox_paths())
    assert chosen.name == "bubblewrap"
    await chosen.close()


@pytest.mark.docker
async def test_an_engine_without_the_image_is_not_used() -> None:
    settings = Sandbox(backend="docker", image_python="no-such-image:none")
    with pytest.raises(NoBackend) as caught:
        await choose_backend(settings, sandbox_paths())
    assert "no-such-image:none" in caught.value.title
    assert "miracle sandbox build" in caught.value.hint


@pytest.mark.docker
async def test_auto_takes_docker_where_it_works() -> None:
    chosen = await choose_backend(Sandbox(), sandbox_paths())
    assert chosen.name == "docker"
    await chosen.close()


def test_limits_come_from_the_settings() -> None:
    found = limits_of(Sandbox(memory_limit="512m", timeout_seconds=5, output_limit_mb=1))
    assert (found.memory_bytes, found.timeout_s, found.output_bytes) == (512 * 2**20, 5, 2**20)
    assert limits_of(Sandbox(memory_limit="1048576")).memory_bytes == 2**20


async def test_unsafe_local_runs_tests_without_secrets(
    sandbox_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    backend = await choose_backend(Sandbox(), sandbox_paths(), unsafe_local=True)
    assert backend.name == "unsafe-local"
    assert "NO ISOLATION" in (await backend.probe()).detail
    (sandbox_workspace / "test_x.py").write_text(
        "import os\ndef test_x():\n    assert 'OPENAI_API_KEY' not in os.environ\n"
    )
    report = await run_tests(backend, TestRequest("t", sandbox_workspace, "python", "pytest"), lambda _: None)
    assert report.green, report
    assert sorted(os.listdir(sandbox_workspace)) == ["test_x.py"]
    script = "trap '' TERM; setsid sleep 3600 & echo up; wait"
    spec = ExecSpec("t", ("sh", "-c", script), sandbox_workspace, NO_ENV, limits=Limits(timeout_s=1))
    events = [event async for event in backend.run(spec)]
    assert any(isinstance(event, Output) and event.text == "up\n" for event in events)
    assert isinstance(events[-1], Exited)
    assert (events[-1].reason, events[-1].duration_s < 2) == ("timeout", True)
    ended, output = await run_in(backend, sandbox_workspace, "sh", "-c", "setsid sleep 3600 & echo over")
    assert (ended.reason, output) == ("ok", "over\n")
    await backend.close()
