"""The installing step and what it leaves: by hash, wheels only, confined; the environments that stay and go."""

import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pytest

from sandbox.environments_kept import DAY_S, LOOKED, USES, collect, kept_environments
from sandbox.errors import EnvironmentFailed
from sandbox.install_step import can_confine, installer_variables, run_step
from sandbox.packages.held import held_by
from sandbox.packages.resolve_node import resolve_node
from sandbox.packages.resolve_python import resolve_python, working_folder
from sandbox.packages.values import Resolution, Wanted
from sandbox.protocol import Backend, EnvSpec
from sandbox.testing import TestRequest, run_tests
from tests.package_fixtures import package_index
from tests.sandbox_fixtures import make_backend, sandbox_paths

PYTHON = """
import socket, pathlib, pytest, alphapkg, betapkg

def test_the_package_is_there_and_cannot_be_changed():
    assert alphapkg.__file__.startswith("/opt/tools/project/")
    with pytest.raises(OSError):
        pathlib.Path(alphapkg.__file__).write_text("")
    with pytest.raises(OSError):
        socket.create_connection(("1.1.1.1", 53), timeout=1)
"""
NODE = """
import test from 'node:test'; import assert from 'node:assert'; import fs from 'node:fs';
import ms from 'ms'; import { createRequire } from 'node:module';
test('imported and required, read-only', () => {
    assert.equal(ms('1s'), 1000);
    assert.equal(createRequire(import.meta.url)('ms')('1s'), 1000);
    assert.throws(() => fs.writeFileSync('/node_modules/ms/index.js', ''));
});
"""


@pytest.fixture
async def index(sandbox_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place that Python's packages come from."""
    made = make_backend("bubblewrap")
    await made.prepare(EnvSpec("python"))
    await made.close()
    monkeypatch.setenv("UV_FIND_LINKS", str(package_index(sandbox_workspace / "index")))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    return sandbox_workspace / "index"


def looked_up(*names: str) -> Resolution:
    wanted = [Wanted(name=name) for name in names]
    return resolve_python(wanted, sandbox_paths().cache, python=(3, 11))


@cache
def looked_up_on_npm() -> Resolution:
    return resolve_node([Wanted(name="ms")], sandbox_paths().cache, manifest={}, lock="")


async def test_an_approved_package_is_in_the_sandbox_and_the_network_is_not(
    backend: Backend, index: Path, sandbox_workspace: Path
) -> None:
    spec = EnvSpec("python", lock=looked_up("alphapkg").lock)
    env = await backend.prepare(spec)
    assert {"alphapkg", "betapkg"} <= held_by(env).modules
    assert await backend.prepare(spec) == env
    work = sandbox_workspace / "python"
    work.mkdir(mode=0o777)
    work.chmod(0o777)
    (work / "test_it.py").write_text(PYTHON)
    report = await run_tests(backend, TestRequest("dep", work, "python", "pytest", env=env), lambda _: None)
    assert report.green, report.output


async def test_npm_packages_are_above_the_workspace_where_import_finds_them(
    backend: Backend, sandbox_workspace: Path
) -> None:
    found = looked_up_on_npm()
    assert not found.unreachable, f"the npm registry that this machine is set up for does not answer: {found}"
    (package,) = found.packages
    assert (package.name, package.direct, package.licence) == ("ms", True, "MIT")
    env = await backend.prepare(EnvSpec("node", lock=found.lock))
    work = sandbox_workspace / "node"
    work.mkdir()
    work.chmod(0o777)
    (work / "it.test.mjs").write_text(NODE)
    report = await run_tests(backend, TestRequest("dep", work, "node", "node", env=env), lambda _: None)
    assert report.green, report.output


def test_the_configured_index_tells_what_a_person_should_know() -> None:
    found = looked_up("iniconfig")
    assert not found.unreachable, f"the package index that this machine is set up for does not answer: {found}"
    (package,) = found.packages
    assert (package.name, package.direct, package.licence) == ("iniconfig", True, "MIT")
    assert package.size_bytes > 1000
    assert package.released is not None


async def test_another_archive_than_the_approved_one_is_refused(index: Path) -> None:
    lock = looked_up("betapkg").lock
    made = make_backend("bubblewrap")
    with pytest.raises(EnvironmentFailed, match=r"(?i)hash"):
        await made.prepare(EnvSpec("python", lock=lock.replace(lock.split("sha256:")[1][:8], "00000000")))
    with pytest.raises(EnvironmentFailed, match=r"(?i)hash"):
        await made.prepare(EnvSpec("python", lock="betapkg==1.0\n"))
    with pytest.raises(EnvironmentFailed, match="hash"):
        await made.prepare(EnvSpec("node", lock='{"packages": {"": {}, "node_modules/x": {"version": "1.0.0"}}}'))
    await made.close()


async def test_a_source_archive_is_never_built_by_the_way(index: Path) -> None:
    found = looked_up("srconly")
    assert [(one.name, one.from_source, one.version) for one in found.packages] == [("srconly", True, "")]
    assert not found.lock
    import hashlib

    digest = hashlib.sha256((index / "srconly-0.3.tar.gz").read_bytes()).hexdigest()
    made = make_backend("bubblewrap")
    with pytest.raises(EnvironmentFailed, match=r"(?i)wheel"):
        await made.prepare(EnvSpec("python", lock=f"srconly==0.3 --hash=sha256:{digest}\n"))
    await made.close()


def test_an_installer_sees_nothing_of_the_machine(sandbox_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_confine(), "bubblewrap does not start here"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    script = "cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'; ls / /home /root /work; touch /usr/mark /mark; id"
    with working_folder(sandbox_workspace / "cache") as work:
        said = run_step(("/bin/sh", "-c", script), work, sandbox_workspace / "cache" / "own", network=False)
        net = ("/bin/sh", "-c", "cat /proc/net/dev | grep -vc lo:")
        alone = run_step(net, work, sandbox_workspace / "cache" / "own", network=False)
    assert said.confined
    assert "sk-canary" not in said.output + said.text
    assert "uid=1000" in said.output
    assert not {"home", "root", "work", "srv", "var"} & set(said.output.split())
    assert not Path("/usr/mark").exists()
    assert alone.output.strip() == "2"


def test_only_where_packages_come_from_is_passed_on() -> None:
    environ = {"UV_INDEX_URL": "a", "PIP_INDEX_URL": "b", "HTTPS_PROXY": "c", "AWS_SECRET": "d", "UV_CACHE_DIR": "e"}
    found = installer_variables(environ)
    assert found == {"UV_INDEX_URL": "a", "HTTPS_PROXY": "c", "UV_NO_CONFIG": "1"}
    assert installer_variables({"PIP_INDEX_URL": "b"})["UV_DEFAULT_INDEX"] == "b"


def environments(folder: Path, *ages_days: int) -> list[Path]:
    """Environments of 100 KB each, the first used longest ago or not."""
    (folder / USES).mkdir(parents=True)
    made = []
    for number, days in enumerate(ages_days):
        path = folder / f"python-{number}"
        path.mkdir()
        (path / "file").write_bytes(b"x" * 100 * 1024)
        used = folder / USES / path.name
        used.touch()
        os.utime(used, (time.time() - days * DAY_S,) * 2)
        made.append(path)
    return made


def test_old_environments_go_and_then_the_oldest_until_the_rest_fits(tmp_path: Path) -> None:
    first, second, third, fourth = environments(tmp_path, 40, 3, 2, 1)
    removed = collect(tmp_path, max_bytes=250 * 1024, max_age_s=30 * DAY_S)
    assert [one.path for one in removed] == [first, second]
    assert [one.path for one in kept_environments(tmp_path)] == [third, fourth]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".going")]
    assert collect(tmp_path, max_bytes=250 * 1024, max_age_s=30 * DAY_S) == []
    assert collect(tmp_path, max_bytes=0, max_age_s=0, every_s=60) == [], "somebody looked just now"
    os.utime(tmp_path / USES / LOOKED, (time.time() - 61,) * 2)
    assert [one.path for one in collect(tmp_path, max_bytes=0, max_age_s=0, every_s=60)] == [third, fourth]


def test_an_environment_that_another_process_uses_is_never_removed(tmp_path: Path) -> None:
    first, second = environments(tmp_path, 40, 40)
    code = (
        f"import sys; from pathlib import Path; from sandbox.environments_kept import hold; hold(Path({str(first)!r}))"
    )
    user = subprocess.Popen(
        [sys.executable, "-c", f"{code}; print('held', flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with user:
        assert user.stdout is not None
        assert user.stdout.readline() == b"held\n"
        assert {one.name: one.in_use for one in kept_environments(tmp_path)} == {first.name: True, second.name: False}
        assert [one.path for one in collect(tmp_path, max_bytes=0, max_age_s=0, everything=True)] == [second]
        user.kill()
    assert [one.path for one in collect(tmp_path, max_bytes=0, max_age_s=0)] == [first]
