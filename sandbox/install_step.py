"""The one step that may use the network: an installer, with nothing of a project and no secret near it.

Where bubblewrap works the installer is confined: it sees the system read-only, the folder that it fills, and a cache
of its own. Elsewhere it runs as the sandbox's user with an environment of its own.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.bubblewrap_arguments import memory_file
from sandbox.errors import EnvironmentFailed
from sandbox.identity import reachable, sandbox_identity
from sandbox.scratch import STEP, scratch, sweep
from sandbox.seccomp.filter import build_filter
from sandbox.tether import run_tied

STEP_TIMEOUT_S = 600
SAID = 4000
"""Characters of an installer's words that are kept."""
PASSED_ON = ("SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_INDEX_URL")
PREFIXES = ("UV_", "NPM_CONFIG_", "npm_config_")
KEPT_BACK = ("UV_CONFIG_FILE", "UV_CACHE_DIR", "UV_PROJECT", "UV_PYTHON", "UV_TARGET", "UV_PREFIX", "UV_SYSTEM_PYTHON",
             "NPM_CONFIG_USERCONFIG", "npm_config_userconfig", "npm_config_cache", "npm_config_prefix")  # fmt: skip
INDEXES = ("UV_FIND_LINKS", "UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")
ETC = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "resolv.conf", "hosts", "host.conf",
       "nsswitch.conf", "ssl", "pki", "ca-certificates", "npmrc", "gai.conf")  # fmt: skip
USERS = b"root:x:0:0:root:/root:/usr/sbin/nologin\ninstaller:x:1000:1000::/tmp:/bin/sh\n"


@dataclass(frozen=True)
class Said:
    """How an installer ended."""

    ok: bool
    text: str
    output: str
    """What it wrote to its standard output, whole."""
    confined: bool


def run_step(
    command: Sequence[str | Path],
    folder: Path,
    cache_folder: Path,
    *,
    readable: Iterable[Path] = (),
    variables: Mapping[str, str] | None = None,
    environ: Mapping[str, str] = os.environ,
    network: bool = True,
    must_confine: bool = False,
) -> Said:
    """Run an installer to its end.

    Args:
        command: the program and its arguments.
        folder: where it works and what it may write.
        cache_folder: its own cache, writable too.
        readable: files and folders outside /usr that it needs.
        variables: more environment variables.
        environ: the process environment, of which indexes and proxies are passed on.
        network: whether it may use the network.
        must_confine: refuse where it cannot be confined, because it runs foreign code.

    Raises:
        EnvironmentFailed: it took too long, cannot be started, or cannot be confined though it has to.
    """
    confined = can_confine()
    if must_confine and not confined:
        raise EnvironmentFailed(
            "A source archive can only be built where bubblewrap confines it.",
            "Install bubblewrap, or choose a version of the package that has a wheel.",
        )
    for path in (folder, cache_folder):
        _give(path)
    own = {**installer_variables(environ), "HOME": "/tmp" if confined else str(folder), "TMPDIR": "/tmp",
           "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **(variables or {})}  # fmt: skip
    argv = [str(part) for part in command]
    opened: list[int] = []
    try:
        if confined:
            opened = [memory_file("filter", build_filter()), memory_file("passwd", USERS)]
            seen = (*readable, *local_indexes(environ))
            argv = [*_confinement(folder, cache_folder, seen, opened, network=network), *argv]
        uid, gid = sandbox_identity() or (None, None)
        # Bubblewrap dies with this process by itself; any other program is tied to it.
        run = _run_confined if confined else run_tied
        result = run(argv, env=own, cwd=folder, timeout=STEP_TIMEOUT_S, pass_fds=opened,
                     user=uid, group=gid, extra_groups=None if uid is None else [])  # fmt: skip
    except subprocess.TimeoutExpired as exc:
        raise EnvironmentFailed("Installing packages took too long.", "Check the network and try again.") from exc
    except OSError as exc:
        raise EnvironmentFailed(f"{argv[0]} cannot be started: {exc.strerror}", "See `miracle doctor`.") from exc
    finally:
        for descriptor in opened:
            os.close(descriptor)
    words = (result.stderr.strip() or result.stdout.strip())[-SAID:]
    return Said(result.returncode == 0, words, result.stdout, confined)


def _run_confined(argv: Sequence[str], **options: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
        start_new_session=True, **options,
    )  # fmt: skip


def installer_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Where packages come from, as the person configured it; nothing else of their environment."""
    found = {
        name: value
        for name, value in environ.items()
        if name not in KEPT_BACK
        and (name in PASSED_ON or name.startswith(PREFIXES) or name.upper().endswith("_PROXY"))
        and not name.startswith("npm_config_user")
    }
    index = found.pop("PIP_INDEX_URL", "")
    if index and not {"UV_INDEX_URL", "UV_DEFAULT_INDEX"} & set(found):
        found["UV_DEFAULT_INDEX"] = index
    return {**found, "UV_NO_CONFIG": "1"}


def local_indexes(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Folders of this machine that the person's configuration names as an index."""
    named = [part for name in INDEXES for part in environ.get(name, "").replace(",", " ").split()]
    paths = [Path(part.removeprefix("file://")) for part in named if part.startswith(("/", "file:///"))]
    return tuple(path for path in paths if path.exists())


def reachable_program(program: Path, cache_folder: Path) -> Path:
    """The program where the sandbox's user can run it: itself, or a copy in the cache.

    Args:
        program: an executable that needs nothing beside it.
        cache_folder: where a copy is kept.
    """
    if reachable(program):
        return program
    status = program.stat()
    copy = cache_folder / "bin" / f"{program.name}-{status.st_size}-{int(status.st_mtime)}"
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        sweep(STEP, copy.parent)
        with scratch(STEP, copy.parent) as folder:
            staging = folder / copy.name
            shutil.copy2(program, staging)
            staging.chmod(0o555)
            staging.rename(copy)
    return copy


@cache
def can_confine() -> bool:
    """Whether bubblewrap starts here."""
    if shutil.which("bwrap") is None:
        return False
    uid, gid = sandbox_identity() or (None, None)
    probe = ["bwrap", "--unshare-all", "--share-net", "--ro-bind", "/", "/", "/usr/bin/true"]
    try:
        tried = subprocess.run(
            probe, env={"PATH": "/usr/local/bin:/usr/bin:/bin"}, cwd="/", capture_output=True, timeout=20, check=False,
            user=uid, group=gid, extra_groups=None if uid is None else [],
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return False
    return tried.returncode == 0


def _confinement(
    folder: Path, cache_folder: Path, readable: Iterable[Path], opened: Sequence[int], *, network: bool
) -> list[str]:
    """Bubblewrap with the network and nothing else of the machine but its programs."""
    options = ["bwrap", "--unshare-all", *(["--share-net"] if network else []), "--uid", "1000", "--gid", "1000",
               "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--ro-bind", "/usr", "/usr"]  # fmt: skip
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        if os.path.islink(f"/{name}"):
            options += ["--symlink", f"usr/{name}", f"/{name}"]
        elif os.path.isdir(f"/{name}"):
            options += ["--ro-bind", f"/{name}", f"/{name}"]
    for name in ETC:
        options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    options += ["--ro-bind-data", str(opened[1]), "/etc/passwd", "--proc", "/proc", "--ro-bind", "/proc/sys",
                "/proc/sys", "--dev", "/dev", "--tmpfs", "/tmp"]  # fmt: skip
    for path in dict.fromkeys(str(path) for path in readable):
        options += ["--ro-bind-try", path, path]
    for path in (str(folder), str(cache_folder)):
        options += ["--bind", path, path]
    return [*options, "--remount-ro", "/", "--chdir", str(folder), "--seccomp", str(opened[0]), "--"]


def _give(folder: Path) -> None:
    """Make the folder and hand it to the sandbox's user, who does the installing."""
    folder.mkdir(parents=True, exist_ok=True)
    if identity := sandbox_identity():
        os.chown(folder, *identity)
