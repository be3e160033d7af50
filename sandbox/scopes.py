"""Transient scopes of a person's own systemd: the way to hard limits without being root."""

import asyncio
import os
import shutil
from collections.abc import Mapping

from sandbox.protocol import Limits

PROBE_S = 3
NEEDED = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
"""What systemd-run needs to find the person's systemd; bubblewrap never sees it."""
ASK = ("sh", "-c", 'read -r line </proc/self/cgroup; cat "/sys/fs/cgroup${line#0::}/memory.max"')
_works: dict[str, bool] = {}


def scope_prefix(limits: Limits) -> list[str]:
    """What stands before a command to run it in a scope with these limits, and with an empty environment.

    Args:
        limits: of all processes of the command together.
    """
    return [
        shutil.which("systemd-run") or "systemd-run", "--user", "--scope", "--quiet", "--collect",
        "-p", f"MemoryMax={limits.memory_bytes}", "-p", "MemorySwapMax=0", "-p", f"TasksMax={limits.pids + 8}",
        "-p", f"CPUQuota={round(limits.cpus * 100)}%", "--", "/usr/bin/env", "-i",
    ]  # fmt: skip


def scope_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of systemd-run."""
    return {name: environ[name] for name in NEEDED if name in environ}


async def can_scope() -> bool:
    """Whether a scope can be made here and its limit holds: tried out once a process."""
    place = os.environ.get(NEEDED[0], "")
    if os.geteuid() == 0 or not place or shutil.which("systemd-run") is None:
        return False
    if place not in _works:
        _works[place] = await _try()
    return _works[place]


async def _try() -> bool:
    limits = Limits(memory_bytes=64 * 2**20)
    try:
        process = await asyncio.create_subprocess_exec(
            *scope_prefix(limits), *ASK, env=scope_variables(os.environ),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return False
    try:
        async with asyncio.timeout(PROBE_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        return False
    return process.returncode == 0 and said.strip() == str(limits.memory_bytes).encode()
