"""Environments: pinned test tools, and what a project may use besides, in a folder that is shared and never changed."""

import asyncio
import compileall
import errno
import fcntl
import hashlib
import marshal
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from sandbox.environments_kept import USES, hold
from sandbox.errors import EnvironmentFailed
from sandbox.packages.held import PACKAGES
from sandbox.protocol import Env, EnvSpec
from sandbox.scratch import MAKING, scratch
from sandbox.tether import run_tied

TEST_PINS = (
    "coverage==7.17.3",
    "hypothesis==6.170.15",
    "iniconfig==2.3.1",
    "packaging==26.3",
    "pluggy==1.7.0",
    "pygments==2.21.0",
    "pytest==9.2.0",
    "sortedcontainers==2.4.0",
)
"""What every Python environment holds: the test runner, and all that it needs."""
RUNNERS = "runners"
LAYOUT = "3"
"""Goes up when what is in an environment changes in a way that its pins do not show."""
INSTALL_TIMEOUT_S = 300
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC")
"""Variables that the installer gets besides uv's own and the proxies'."""


async def prepare_environment(spec: EnvSpec, folder: Path, cache: Path, python: tuple[int, int] | None) -> Env:
    """Make an environment, or take the one that is there.

    Args:
        spec: language, extra pins, and the lock of what a person let be installed.
        folder: where environments are kept; it is made readable to the sandbox's user.
        cache: the installer's private cache.
        python: version of the sandbox's Python; None when the environment needs none.

    Raises:
        EnvironmentFailed: the packages could not be fetched or the disk is full.
    """
    return await asyncio.to_thread(_prepare, spec, folder, cache, python)


def _prepare(spec: EnvSpec, folder: Path, cache: Path, python: tuple[int, int] | None) -> Env:
    pins = tuple(sorted({*TEST_PINS, *spec.pins})) if spec.language == "python" and python else ()
    runners = _runner_files()
    fingerprint = _fingerprint(spec, pins, python, runners)
    target = folder / f"{spec.language}-{fingerprint}"
    env = Env(spec, fingerprint, target, python)
    try:
        make_public(folder)
        hold(target)
        if target.is_dir():
            return env
        base = _prepare(replace(spec, lock="", sources=()), folder, cache, python) if spec.lock else None
        # A long download keeps nobody waiting who wants another environment.
        with _locked(folder / USES / f"{target.name}.lock" if spec.lock else folder / ".lock"):
            if target.is_dir():
                return env
            if base is not None and base.root is not None:
                _extend(base.root, env, cache, python)
            else:
                _build(target, pins, cache, python, runners)
    except OSError as exc:
        raise EnvironmentFailed(f"The tool environment cannot be written: {exc}", f"Make room at {folder}.") from exc
    return env


def _build(
    target: Path, pins: tuple[str, ...], cache: Path, python: tuple[int, int] | None, runners: list[Traversable]
) -> None:
    """Fill a folder beside the target and rename it, so that no one ever sees half an environment."""
    with scratch(MAKING, target.parent) as staging:
        (staging / PACKAGES).mkdir()
        (staging / RUNNERS).mkdir()
        for file in runners:
            (staging / RUNNERS / file.name).write_bytes(file.read_bytes())
        if pins and python:
            _install(staging / PACKAGES, pins, cache, python)
        if python == sys.version_info[:2]:
            compileall.compile_dir(staging, quiet=2, stripdir=staging, prependdir="/opt/tools", workers=1)
            check_compiled(staging)
        _make_readable(staging)
        staging.rename(target)


def _extend(base: Path, env: Env, cache: Path, python: tuple[int, int] | None) -> None:
    """Fill a folder with the tools of another, which are never changed and so take no room, and a lock's packages."""
    from sandbox.install import install_locked

    if env.root is None:
        return
    with scratch(MAKING, env.root.parent) as staging:
        shutil.copytree(base, staging, copy_function=os.link, dirs_exist_ok=True)
        install_locked(env.spec, staging, cache, python)
        _make_readable(staging)
        staging.rename(env.root)


def check_compiled(root: Path) -> None:
    """See that every compiled module is whole: Python takes a write that a full disk cut short for a good one.

    Raises:
        OSError: one is cut short.
    """
    header = 16
    for path in root.rglob("*.pyc"):
        try:
            marshal.loads(path.read_bytes()[header:])
        except (EOFError, ValueError, TypeError) as exc:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path.name) from exc


def _install(target: Path, pins: tuple[str, ...], cache: Path, python: tuple[int, int]) -> None:
    """Fetch wheels only, without running anything of them, for the sandbox's Python."""
    from uv import find_uv_bin

    command = (
        find_uv_bin(), "pip", "install", "--quiet", "--only-binary", ":all:", "--link-mode", "copy",
        "--python", sys.executable, "--python-version", f"{python[0]}.{python[1]}", "--target", str(target), *pins,
    )  # fmt: skip
    environment = {**_installer_variables(os.environ), "UV_NO_CONFIG": "1", "UV_CACHE_DIR": str(cache / "uv")}
    result = _installed(command, environment)
    if result.returncode != 0 and "certificate" in result.stderr:
        # Where a proxy signs for the index, only the system knows its certificate.
        result = _installed(command, {**environment, "UV_SYSTEM_CERTS": "1"})
    if result.returncode != 0:
        raise EnvironmentFailed(
            f"The test tools could not be installed: {result.stderr.strip()}",
            "Check the network and the package index (UV_INDEX_URL), then try again.",
        )


def _installed(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    try:
        return run_tied(command, env=environment, timeout=INSTALL_TIMEOUT_S)
    except subprocess.TimeoutExpired as exc:
        raise EnvironmentFailed("Installing the test tools took too long.", "Check the network and try again.") from exc


def _installer_variables(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environ.items()
        if name in PASSED_ON or name.startswith("UV_") or name.upper().endswith("_PROXY")
    }


def _runner_files() -> list[Traversable]:
    """What Miracle itself puts into every environment: the test runners' inner halves."""
    folder = resources.files("sandbox.runners.inside")
    files = [file for file in folder.iterdir() if file.name.endswith((".py", ".mjs", ".cjs"))]
    return sorted(files, key=lambda file: file.name)


def _fingerprint(
    spec: EnvSpec, pins: tuple[str, ...], python: tuple[int, int] | None, runners: list[Traversable]
) -> str:
    digest = hashlib.sha256()
    locked = (spec.lock, *spec.sources) if spec.lock else ()
    for part in (LAYOUT, spec.language, *pins, *locked, str(python), platform.system(), platform.machine()):
        digest.update(part.encode() + b"\0")
    for file in runners:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def make_public(folder: Path) -> None:
    """Make the folder, and let the sandbox's user pass through what is made on the way."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        path.chmod(0o755)


def _make_readable(root: Path) -> None:
    root.chmod(0o755)
    for folder, folders, files in os.walk(root):
        for name in folders:
            Path(folder, name).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o555 if path.stat().st_mode & 0o100 else 0o444)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the system drops it when its holder dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
