"""Without a sandbox nothing runs, unless a person says so and is told all the time."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from config.settings import Sandbox
from sandbox.choose import choose_backend
from sandbox.errors import NoBackend
from tests.abuse.cases import abuse
from tests.sandbox_fixtures import sandbox_paths


@abuse(
    "24", "A machine where no sandbox works, and one where the configured one fails", "refused; --unsafe-local says so"
)
async def test_24_nothing_is_chosen_silently(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seen: Callable[[str], None]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    monkeypatch.setenv("PATH", str(tmp_path))
    for wanted in ("auto", "docker", "bubblewrap"):
        with pytest.raises(NoBackend) as caught:
            await choose_backend(Sandbox(backend=wanted), sandbox_paths())
        assert caught.value.hint
    chosen = await choose_backend(Sandbox(), sandbox_paths(), unsafe_local=True)
    found = await chosen.probe()
    assert (found.name, "NO ISOLATION" in found.detail) == ("unsafe-local", True)
    assert "network" in found.missing
    seen("refused")


@pytest.mark.bubblewrap
@abuse("A21", "A bubblewrap that isolates nothing, put before the real one on the PATH", "the self-test refuses it")
async def test_a_false_bubblewrap_is_found_out(
    monkeypatch: pytest.MonkeyPatch, sandbox_workspace: Path, seen: Callable[[str], None]
) -> None:
    from sandbox import probing
    from sandbox.bubblewrap import Bubblewrap

    false = sandbox_workspace / "bwrap"
    false.write_text(
        "#!/usr/bin/python3\n"
        "import os, sys\n"
        "options = os.read(int(sys.argv[2]), 10**6).split(b'\\0')\n"
        "told = int(options[options.index(b'--json-status-fd') + 1])\n"
        'os.write(told, b\'{"child-pid": %d}\\n{"exit-code": 0}\\n\' % os.getpid())\n'
        "os.chdir('/tmp')\n"
        "os.execvp(sys.argv[4], sys.argv[4:])\n"
    )
    false.chmod(stat.S_IRWXU | 0o55)
    monkeypatch.setenv("PATH", f"{sandbox_workspace}:{os.environ['PATH']}")
    monkeypatch.setattr(probing, "_passed", {})
    paths = sandbox_paths()
    found = await Bubblewrap(paths.environments, paths.cache).probe()
    assert not found.usable
    assert "Seccomp" in found.detail, found
    assert found.remedy
    seen("not usable")
