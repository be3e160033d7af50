"""Fixtures of real sandboxes, known to every test."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from config.paths import Paths
from sandbox.bubblewrap import Bubblewrap
from sandbox.docker import Docker
from sandbox.environments import make_public
from sandbox.identity import sandbox_identity
from sandbox.images.offline_base import TAG
from sandbox.protocol import Backend, Env, EnvSpec, ExecSpec, Exited, Limits, Output
from sandbox.removal import remove_tree

BACKENDS = [
    pytest.param("bubblewrap", marks=pytest.mark.bubblewrap),
    pytest.param("docker", marks=pytest.mark.docker),
]
NO_ENV = Env(EnvSpec("python"), "none", None)


def cache_root() -> Path:
    """A folder that outlives the tests and that the sandbox's user can reach."""
    given = os.environ.get("SANDBOX_TEST_CACHE")
    root = Path(given) if given else Path(tempfile.gettempdir()) / f"miracle-test-cache-{os.geteuid()}"
    make_public(root)
    return root


def sandbox_paths() -> Paths:
    """Paths whose environments are shared by all tests on this machine."""
    root = cache_root()
    return Paths(data=root, config=root / "config", cache=root / "cache", logs=root / "logs")


def make_backend(name: str) -> Backend:
    """A backend that shares its tool environments with the other tests."""
    paths = sandbox_paths()
    if name == "docker":
        return Docker(paths.environments, paths.cache, {"python": TAG, "node": TAG})
    return Bubblewrap(paths.environments, paths.cache)


def need(capabilities_usable: bool, detail: str) -> None:
    """Fail where CI promises the backend, skip with the reason elsewhere."""
    if not capabilities_usable:
        if os.environ.get("CI"):
            pytest.fail(detail)
        pytest.skip(detail)


@pytest.fixture(params=BACKENDS)
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    """Each backend in turn, probed."""
    made = make_backend(request.param)
    try:
        found = await made.probe()
        need(found.usable, f"{found.name}: {found.detail} {found.remedy}")
        yield made
    finally:
        await made.close()


@pytest.fixture
def sandbox_workspace() -> Iterator[Path]:
    """An empty workspace that belongs to the sandbox's user, in a folder that it can reach."""
    folder = Path(tempfile.mkdtemp(prefix="workspace-", dir=cache_root()))
    folder.chmod(0o755)
    if identity := sandbox_identity():
        os.chown(folder, *identity)
    yield folder
    remove_tree(folder)


async def run_in(
    backend: Backend, workspace: Path, *argv: str, limits: Limits | None = None, env: Env = NO_ENV, run_id: str = "test"
) -> tuple[Exited, str]:
    """Run a command to its end: how it ended, and what it said."""
    said: list[str] = []
    ended: list[Exited] = []
    async for event in backend.run(ExecSpec(run_id, argv, workspace, env, limits=limits or Limits(timeout_s=60))):
        if isinstance(event, Output):
            said.append(event.text)
        elif isinstance(event, Exited):
            ended.append(event)
    assert len(ended) == 1
    return ended[0], "".join(said)
