"""What an embedded server takes and who uses it, seen from outside."""

import os
from dataclasses import dataclass
from pathlib import Path

from config.disk_use import room_of
from memory.old_clusters import Kept, is_wished, kept_clusters
from memory.postmaster import Home, running_pid

LOCKS = Path("/proc/locks")


@dataclass(frozen=True)
class User:
    """A process that uses the server."""

    pid: int
    command: str


@dataclass(frozen=True)
class Footprint:
    """The embedded server of a home."""

    folder: Path
    pid: int | None
    """Of the postmaster, None when it does not run or cannot be seen from here."""
    cluster_bytes: int
    wal_bytes: int
    """What of it is the write-ahead log."""
    log_bytes: int
    users: tuple[User, ...]
    """Ourselves among them; empty where the system does not tell."""
    kept: tuple[Kept, ...]
    """Data from before an upgrade."""
    keep_for_good: bool
    """Whether that stays until a person drops it."""


def measure_home(home: Home) -> Footprint:
    """Look at the files and the locks of a home; nothing is written."""
    logs = (home.log, home.log.with_suffix(".log.1"))
    return Footprint(
        home.path,
        running_pid(home),
        room_of(home.cluster),
        room_of(home.cluster / "pg_wal"),
        sum(log.stat().st_size for log in logs if log.exists()),
        tuple(User(pid, _command(pid)) for pid in _holders(home.users_lock)),
        tuple(kept_clusters(home)),
        is_wished(home),
    )


def _holders(lock: Path) -> list[int]:
    """The processes that hold a lock of the file, as the kernel tells."""
    try:
        inode = lock.stat().st_ino
        lines = LOCKS.read_text().splitlines()
    except OSError:
        return []
    # 3: FLOCK  ADVISORY  READ 4711 fe:00:123 0 EOF, and with "->" after the number for one that waits.
    rows = (line.split() for line in lines if "->" not in line)
    return sorted({int(row[4]) for row in rows if row[1] == "FLOCK" and row[5].rpartition(":")[2] == str(inode)})


def _command(pid: int) -> str:
    """How the process was called, without the way to its programs."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return "a process that cannot be seen from here"
    shown = [word for word in words if word not in ("-m", "-P", "-I")]
    if shown and Path(shown[0]).name.startswith("python"):
        shown = shown[1:] or shown
    return " ".join([os.path.basename(shown[0]), *shown[1:]])[:100] if shown else "a process that has ended"
