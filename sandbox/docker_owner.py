"""Whose containers are whose: labels that name the process which owns one, on this boot of this machine."""

import contextlib
import platform
from collections.abc import Mapping
from pathlib import Path

OWNER, STARTED, BOOT, MACHINE, RUN = (
    "miracle.owner", "miracle.owner-started", "miracle.boot", "miracle.machine", "miracle.run",
)  # fmt: skip


def owner_labels(pid: int, run_id: str) -> dict[str, str]:
    """The labels of a container that a process owns."""
    return {OWNER: str(pid), STARTED: _started(pid), BOOT: _boot(), MACHINE: machine(), RUN: run_id}


def abandoned(labels: Mapping[str, str]) -> bool:
    """Whether a container's owner is gone for certain; another machine's owner is never judged."""
    if labels.get(MACHINE) != machine():
        return False
    if labels.get(BOOT) != _boot():
        return True
    pid = labels.get(OWNER, "")
    return not pid.isdigit() or _started(int(pid)) != labels.get(STARTED)


def _started(pid: int) -> str:
    """When a process started, so that a reused process id is not mistaken for the owner; empty when it is gone."""
    import psutil

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return f"{process.create_time():.2f}"
    return ""


def _boot() -> str:
    return _line("/proc/sys/kernel/random/boot_id")


def machine() -> str:
    """This machine's name, which no other has."""
    return f"{_line('/etc/machine-id')}/{platform.node()}"


def _line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
