"""What a Docker engine is: rootless or not, with this machine's files or without, and which limits it can enforce."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.canary import CLOSED, ELSEWHERE
from sandbox.identity import SERVICE_ID, running_identity

ALWAYS = ("network off", "read-only system", "no capabilities", "system-call filter", "file size", "open files",
          "temporary space", "time", "output")  # fmt: skip
MEMORY, PROCESSES, PROCESSOR = "memory", "processes", "processor share"
BY_ENGINE = {"MemoryLimit": MEMORY, "PidsLimit": PROCESSES, "CpuCfsQuota": PROCESSOR}
"""What an engine says that it can limit, and the limit; a rootless one often cannot."""
UNSHARED = ("bind source path does not exist", "invalid mount config for type", "mounts denied", "chdir to cwd",
            ELSEWHERE, CLOSED)  # fmt: skip
"""What is said by an engine, or of it, that does not have this machine's folders, or has them for other users."""
SAME_MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}
ARCHITECTURE_REMEDY = (
    "Packages are installed here and copied there, so both have to be of one kind. Use an engine on a machine like "
    "this one, or run Miracle there (`miracle worker` takes its runs)."
)
SHARED_REMEDY = "Look at the engine's own log, use another engine, or bubblewrap."
COPIED_REMEDY = (
    "The engine cannot use this machine's files, so they are copied, and that failed. Unset DOCKER_HOST, look at "
    "the engine's own log, or run Miracle on the engine's machine (`miracle worker` takes its runs there)."
)


@dataclass(frozen=True)
class Engine:
    """A Docker engine's properties."""

    version: str = ""
    rootless: bool = False
    missing_limits: tuple[str, ...] = ()
    """What it cannot limit by control groups."""
    copies: bool = False
    """It does not see this machine's files, or may not write them: they are sent there, and what changed comes back."""
    address: str = ""
    architecture: str = ""

    @classmethod
    def of(cls, info: Mapping[str, Any], address: str = "") -> "Engine":
        """Read what `docker info` says of the engine at an address."""
        options = info.get("SecurityOptions") or ()
        machine = str(info.get("Architecture", ""))
        rootless = any(str(option).startswith("name=rootless") for option in options)
        return cls(
            version=str(info.get("ServerVersion", "")),
            rootless=rootless,
            # Only root in its containers, who is its owner outside, may write this machine's files. Code that ran as
            # that user could write what belongs to root in there, /dev too; with copies it is a user of its own.
            copies=rootless,
            missing_limits=tuple(limit for name, limit in BY_ENGINE.items() if not info.get(name, True)),
            address=address,
            architecture=SAME_MACHINE.get(machine, machine),
        )

    @property
    def user(self) -> tuple[int, int]:
        """User and group of the code in a container: whom the workspace belongs to, wherever it is."""
        return (SERVICE_ID, SERVICE_ID) if self.copies else running_identity()

    @property
    def enforced(self) -> tuple[str, ...]:
        """What the kernel enforces."""
        return (*ALWAYS, *(limit for limit in BY_ENGINE.values() if limit not in self.missing_limits))

    @property
    def best_effort(self) -> tuple[str, ...]:
        """What a watchdog does, or a limit that is not the whole of what is meant."""
        found = ["disk space of the workspace" + (" on the engine's machine" if self.copies else "")]
        if MEMORY in self.missing_limits:
            found.append("memory (of each process)")
        if PROCESSES in self.missing_limits:
            found.append("processes (of one user)")
        return tuple(found)

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not limited at all."""
        told = {MEMORY: "memory of all processes together", PROCESSOR: PROCESSOR}
        return tuple(told[limit] for limit in self.missing_limits if limit in told)

    @property
    def place(self) -> str:
        """What and where it is, in a few words."""
        if self.rootless:
            where = f", rootless, at {self.address}: files are copied to it, for a user of their own"
        elif self.copies:
            where = f" at {self.address}, which cannot use this machine's files: they are copied"
        else:
            where = ", local"
        return f"Docker {self.version}{where}"

    @property
    def stranger(self) -> str:
        """Why nothing that is installed here runs there; empty when it does."""
        here = SAME_MACHINE.get(platform.machine(), platform.machine())
        if not self.copies or not self.architecture or self.architecture == here:
            return ""
        return f"its machine is {self.architecture}, and this one {here}"


def unshared(trouble: str) -> bool:
    """Whether an engine failed because it cannot use this machine's files."""
    return any(mark in trouble for mark in UNSHARED)
