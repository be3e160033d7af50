"""Control groups of our own around bubblewrap, where this process may make them: then the kernel holds the sum of all
processes to their limits, kernel memory and temporary files included."""

import contextlib
import os
import secrets
from functools import cache
from pathlib import Path

from sandbox.protocol import Limits

MOUNT = Path("/sys/fs/cgroup")
CONTROLLERS = ("memory", "pids", "cpu")
PREFIX = "miracle"
PERIOD_US = 100_000
SPARE_PIDS = 8
"""Processes of bubblewrap itself."""


class ControlGroup:
    """One execution's group: made before it starts, removed when all its processes are gone."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        """
        Args:
            folders: the group's folder in every hierarchy: one with version 2, one a controller with version 1.
        """
        self._folders = folders

    @classmethod
    def make(cls, limits: Limits, mount: Path = MOUNT) -> "ControlGroup | None":
        """A group with these limits, or None where none can be made."""
        name = f"{PREFIX}-{os.getpid()}-{secrets.token_hex(4)}"
        whole = (mount / "cgroup.controllers").exists()
        group = cls((mount / name,) if whole else tuple(mount / one / name for one in CONTROLLERS))
        try:
            if whole:
                (mount / "cgroup.subtree_control").write_text(" ".join(f"+{one}" for one in CONTROLLERS))
            for folder in group._folders:
                folder.mkdir(mode=0o755)
            for file, value in _settings(limits, whole, group._folders).items():
                file.write_text(str(value))
        except OSError:
            group.remove()
            return None
        return group

    def add(self, pid: int) -> None:
        """Put a process into it; those that it starts from now on are in it too.

        Raises:
            OSError: the process is gone, or the group takes none.
        """
        for folder in self._folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def out_of_memory(self) -> bool:
        """Whether the kernel killed one of its processes for want of memory."""
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                lines = (self._folders[0] / name).read_text().splitlines()
                return any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in lines)
        return False

    def remove(self) -> None:
        """Take it away; one that still holds a process stays, for the next `remove_abandoned`."""
        for folder in self._folders:
            with contextlib.suppress(OSError):
                folder.rmdir()


@cache
def can_limit(mount: Path = MOUNT) -> bool:
    """Whether this process may make groups that limit memory, processes and processor time: tried out."""
    if os.geteuid() != 0:
        return False
    group = ControlGroup.make(Limits(), mount)
    if group is not None:
        group.remove()
    return group is not None


def remove_abandoned(mount: Path = MOUNT) -> None:
    """Remove the empty groups of processes that are gone."""
    for folder in (
        *mount.glob(f"{PREFIX}-*"),
        *(found for one in CONTROLLERS for found in mount.glob(f"{one}/{PREFIX}-*")),
    ):
        owner = folder.name.split("-")[1]
        if not Path("/proc", owner).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


def _settings(limits: Limits, whole: bool, folders: tuple[Path, ...]) -> dict[Path, int | str]:
    """File to value; version 1 counts swap with memory where it counts it at all."""
    quota = round(limits.cpus * PERIOD_US)
    if whole:
        (group,) = folders
        found: dict[Path, int | str] = {
            group / "memory.max": limits.memory_bytes,
            group / "pids.max": limits.pids + SPARE_PIDS,
            group / "cpu.max": f"{quota} {PERIOD_US}",
        }
        optional = {group / "memory.swap.max": 0, group / "memory.oom.group": 1}
    else:
        memory, pids, cpu = folders
        found = {
            memory / "memory.limit_in_bytes": limits.memory_bytes,
            pids / "pids.max": limits.pids + SPARE_PIDS,
            cpu / "cpu.cfs_period_us": PERIOD_US,
            cpu / "cpu.cfs_quota_us": quota,
        }
        optional = {memory / "memory.memsw.limit_in_bytes": limits.memory_bytes}
    return {**found, **{file: value for file, value in optional.items() if file.exists()}}
