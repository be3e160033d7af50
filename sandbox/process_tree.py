"""Watches the memory of a sandbox's processes where the kernel does not limit their sum."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from sandbox.ending import Ending

INTERVAL_S = 0.1
FLOOR_BYTES = 128 * 2**20
"""Memory that has to stay available on the machine."""


async def watch_memory(root: int, limit: int, ending: Ending) -> None:
    """Stop an execution when its processes hold too much memory together, or the machine runs out of it.

    Args:
        root: process id of the sandbox's first process.
        limit: bytes that the whole tree may hold.
        ending: is stopped with `oom`.
    """
    while True:
        await asyncio.sleep(INTERVAL_S)
        problem = await asyncio.to_thread(_problem, root, limit)
        if problem:
            ending.stop("oom", problem)
            return


def _problem(root: int, limit: int) -> str:
    pids = descendants(root)
    # RSS counts shared pages once a process: a sum above the limit is only a suspicion, PSS confirms it.
    if sum(map(_rss, pids)) > limit and sum(map(_pss, pids)) > limit:
        return f"The processes hold more than {limit // 2**20} MB."
    if 0 <= available_memory() < FLOOR_BYTES:
        return "The machine runs out of memory."
    return ""


def descendants(root: int) -> list[int]:
    """A process and all that descend from it."""
    children = _children_of if os.path.exists("/proc/thread-self/children") else _all_children()
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children(pid)
    return found


def _children_of(pid: int) -> list[int]:
    # The kernel may miss one while another ends; whoever looks ten times a second finds it the next time.
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as listed:
                found += map(int, listed.read().split())
    except OSError:
        pass  # It has ended.
    return found


def _all_children() -> Callable[[int], list[int]]:
    """Look at every process of the machine: a hundred times the work, for kernels that do not list children."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            children.setdefault(_parent(name), []).append(int(name))
    return lambda pid: children.get(pid, [])


def _parent(pid: str) -> int:
    try:
        # The name in parentheses may contain anything, so count from its end.
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def available_memory() -> int:
    """Bytes that can be had without swapping; -1 when the system does not say."""
    return _kilobytes("/proc/meminfo", "MemAvailable:")


def _rss(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    except (OSError, IndexError):
        return 0


def _pss(pid: int) -> int:
    # Not every kernel tells it, and not of every process: then the larger figure has to do.
    found = _kilobytes(f"/proc/{pid}/smaps_rollup", "Pss:")
    return _rss(pid) if found < 0 else found


def _kilobytes(path: str, key: str) -> int:
    """A `key: N kB` line of a file, in bytes; -1 when there is none."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return -1
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key)), -1)
