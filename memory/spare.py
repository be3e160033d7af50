"""What this machine, or the container we run in, has to spare for a server."""

import os
import shutil
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
SHARED_MEMORY = Path("/dev/shm")
LITTLE = 256 * 2**20
"""Bytes of shared memory below which servers share files instead; containers have 64 MB."""


def usable_memory(cgroup: Path = CGROUP) -> int:
    """Bytes of memory that we may use: the machine's, or what a container is limited to; 0 when nobody says."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        total = 0
    # A container sees its own limit at the top: version 2 of control groups, then version 1.
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            limit = int((cgroup / name).read_text())
        except (OSError, ValueError):
            continue
        total = min(total, limit) if total else limit
    return total


def shared_memory_room(folder: Path = SHARED_MEMORY) -> int:
    """Bytes free where PostgreSQL shares memory between its processes; 0 where there is no such place."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def is_shared_memory_little() -> bool:
    """Whether processes of a server had better share files."""
    return shared_memory_room() < LITTLE
