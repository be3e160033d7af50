"""Which Python and Node.js of this machine the sandbox's user can run."""

import asyncio
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sandbox.errors import NoBackend
from sandbox.identity import reachable, sandbox_identity

OLDEST = (3, 11)
NEWEST_MINOR = 14
ASK_PYTHON = "import sys; print(*sys.version_info[:2], sys.base_prefix, sep='\\n')"
SYSTEM = Path("/usr")
"""Bound whole into every sandbox; what lies in it needs no mount of its own."""


@dataclass(frozen=True)
class Interpreter:
    """A program that runs code in the sandbox."""

    executable: Path
    version: tuple[int, int]
    mount: Path | None
    """The prefix that has to be bound as well, or None when it lies under /usr."""


@cache
def find_python() -> Interpreter:
    """The Python that the sandbox's user can run: Miracle's own if it can be reached, else the system's newest.

    Raises:
        NoBackend: there is none that is new enough.
    """
    names = ["python3", *(f"python3.{minor}" for minor in range(NEWEST_MINOR, OLDEST[1] - 1, -1))]
    own = Path(getattr(sys, "_base_executable", sys.executable))
    system = [Path(folder, name) for name in names for folder in ("/usr/bin", "/usr/local/bin")]
    on_path = [Path(there) for name in names if (there := shutil.which(name))]
    for candidate in dict.fromkeys(path.resolve() for path in (own, *system, *on_path)):
        found = _ask_python(candidate) if reachable(candidate) else None
        if found is not None and found.version >= OLDEST:
            return found
    raise NoBackend(
        "No Python of version 3.11 or later can be reached by the sandbox's user.",
        "Install the system's python3, or use the Docker backend.",
    )


@cache
def find_node() -> Interpreter | None:
    """The Node.js that the sandbox's user can run, or None."""
    for folder in (None, "/usr/bin", "/usr/local/bin"):
        found = shutil.which("node", path=folder)
        if found is None or not reachable(Path(found)):
            continue
        executable = Path(found).resolve()
        result = _run_as_sandbox([str(executable), "--version"])
        if result.returncode == 0 and result.stdout.startswith("v"):
            major, minor = result.stdout[1:].split(".")[:2]
            return Interpreter(executable, (int(major), int(minor)), _mount(executable.parent.parent))
    return None


async def find_interpreters() -> tuple[Interpreter, Interpreter | None]:
    """Python and Node.js, asked off the event loop the first time."""
    return await asyncio.to_thread(lambda: (find_python(), find_node()))


def _ask_python(executable: Path) -> Interpreter | None:
    result = _run_as_sandbox([str(executable), "-I", "-c", ASK_PYTHON])
    if result.returncode != 0:
        return None
    major, minor, prefix = result.stdout.splitlines()
    return Interpreter(executable, (int(major), int(minor)), _mount(Path(prefix)))


def _mount(prefix: Path) -> Path | None:
    real = prefix.resolve()
    return None if real.is_relative_to(SYSTEM) or real == Path("/") else real


def _run_as_sandbox(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run an interpreter as the user who will run it; a failure is an exit status of 127."""
    uid, gid = sandbox_identity() or (None, None)
    try:
        return subprocess.run(
            command, user=uid, group=gid, extra_groups=[] if uid else None, env={}, cwd=os.sep,
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return subprocess.CompletedProcess(command, 127, "", "")
