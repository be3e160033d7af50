"""What a Docker engine says of itself: whether it is rootless, and which limits it can enforce."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.canary import ELSEWHERE

ALWAYS = ("network off", "read-only system", "no capabilities", "system-call filter", "file size", "open files",
          "temporary space", "time", "output")  # fmt: skip
BY_ENGINE = {"MemoryLimit": "memory", "PidsLimit": "processes", "CpuCfsQuota": "processor share"}
"""What an engine says that it can limit, and the limit; a rootless one often cannot."""
LOCAL = ("http+docker://localunixsocket", "http+docker://localhost", "unix://", "npipe://")
UNSHARED = ("bind source path does not exist", ELSEWHERE)
REMOTE_REMEDY = (
    "A remote engine is refused: tests run in a folder of this machine, and the engine at {address} sees another's. "
    "Unset DOCKER_HOST, or run Miracle on the engine's own machine (`miracle worker` takes its runs there)."
)
MAPPED_REMEDY = (
    "The engine has to see this machine's folders, with the same users: one with user-namespace remapping does not. "
    "Use another engine, a rootless one of your own, or bubblewrap."
)


@dataclass(frozen=True)
class Engine:
    """A Docker engine's properties."""

    version: str = ""
    rootless: bool = False
    missing: tuple[str, ...] = ()
    """Limits that it cannot enforce."""

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> "Engine":
        """Read what `docker info` says."""
        options = info.get("SecurityOptions") or ()
        return cls(
            version=str(info.get("ServerVersion", "")),
            rootless=any(str(option).startswith("name=rootless") for option in options),
            missing=tuple(limit for name, limit in BY_ENGINE.items() if not info.get(name, True)),
        )

    @property
    def enforced(self) -> tuple[str, ...]:
        """What the kernel enforces."""
        return (*ALWAYS, *(limit for limit in BY_ENGINE.values() if limit not in self.missing))

    @property
    def best_effort(self) -> tuple[str, ...]:
        """What a watchdog does."""
        return ("disk space of the workspace",)


def remedy_for(trouble: str, address: str) -> str:
    """What to do about an engine that did not pass.

    Args:
        trouble: what went wrong.
        address: where it answers.
    """
    if any(mark in trouble for mark in UNSHARED) or not address.startswith(LOCAL):
        return REMOTE_REMEDY.format(address=address)
    return MAPPED_REMEDY
