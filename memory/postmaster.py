"""What can be told of an embedded server from outside: its pid file, its process, the locks around it.

Standard library only: the keeper process imports this without site-packages.
"""

import fcntl
import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The folder of one embedded server and the files in it."""

    path: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data directory."""
        return self.path / "cluster"

    @property
    def log(self) -> Path:
        """What the server and its keeper say."""
        return self.path / "server.log"

    @property
    def start_lock(self) -> Path:
        """Held while a server is started or stopped."""
        return self.path / "start.lock"

    @property
    def users_lock(self) -> Path:
        """Held shared by every process that uses the server; the kernel lets go of it even after a kill -9."""
        return self.path / "users.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper as long as it watches a server."""
        return self.path / "keeper.lock"

    @property
    def socket_note(self) -> Path:
        """Names the socket directory, so that a restarted server is found where the old one was."""
        return self.path / "socket"

    @property
    def exit_note(self) -> Path:
        """Written by the keeper with the exit status of a server that ended."""
        return self.path / "exited"

    @property
    def making_lock(self) -> Path:
        """Held by the program that makes a data directory, which may outlive a Miracle that was killed."""
        return self.path / "making.lock"

    @property
    def upgrade(self) -> Path:
        """Where data of an older version is copied into a cluster of the new one."""
        return self.path / "upgrade"

    @property
    def ready(self) -> Path:
        """A new cluster that was verified, on its way to take the place of the old one."""
        return self.path / "cluster.ready"

    @property
    def mark(self) -> str:
        """The argument by which this home's postmaster is known among all processes."""
        return "cluster_name=miracle-" + hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]


def running_pid(home: Home) -> int | None:
    """The pid of this home's postmaster; None for a missing, stale, truncated or reused pid file."""
    try:
        pid = int((home.cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if pid > 1 and _is_postmaster(pid, home.mark) else None


def _is_postmaster(pid: int, mark: str) -> bool:
    # A zombie's command line is empty, a backend's is rewritten: only a live postmaster still shows the mark.
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        if Path("/proc/self/cmdline").exists():
            return False
        asked = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
        command = asked.stdout.split()
    return mark in command


def wait_gone(home: Home, pid: int, timeout_s: float) -> bool:
    """Whether the postmaster ended within the time."""
    deadline = time.monotonic() + timeout_s
    while _is_postmaster(pid, home.mark):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def open_lock(path: Path) -> int:
    """A file descriptor to lock; children do not inherit it."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(fd: int) -> bool:
    """Take the lock if it is free now."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether some process holds the lock of this file."""
    fd = open_lock(path)
    try:
        return not try_lock(fd)
    finally:
        os.close(fd)


@contextmanager
def locked(path: Path, timeout_s: float, meanwhile: Callable[[], None] | None = None) -> Iterator[int]:
    """Hold the file's lock exclusively; a child that inherits its file descriptor, which is yielded, holds it on.

    Args:
        path: the file.
        timeout_s: seconds to wait for it.
        meanwhile: called every half second of the wait.

    Raises:
        TimeoutError: another process held it for the whole time.
    """
    fd = open_lock(path)
    try:
        begun = told = time.monotonic()
        while not try_lock(fd):
            now = time.monotonic()
            if now > begun + timeout_s:
                raise TimeoutError(f"{path} stayed locked for {timeout_s:.0f} s")
            if meanwhile is not None and now > told + 0.5:
                meanwhile()
                told = now
            time.sleep(0.01)
        yield fd
    finally:
        os.close(fd)


def forget_socket(home: Home) -> None:
    """Remove the socket directory of a server that ended, and the note of it."""
    with suppress(OSError):
        remove_socket(Path(home.socket_note.read_text()))
    home.socket_note.unlink(missing_ok=True)


def remove_socket(folder: Path) -> None:
    """Remove a socket directory with what a server left in it."""
    with suppress(OSError):
        for left in (*folder.glob(".s.PGSQL.*"), folder / "home"):
            left.unlink(missing_ok=True)
        folder.rmdir()
