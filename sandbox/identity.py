"""Who sandboxed code runs as."""

import os
import stat
from pathlib import Path

SERVICE_ID = 61000
"""User and group of sandboxes that root starts: in a range that systemd and distributions leave unused."""


def sandbox_identity() -> tuple[int, int] | None:
    """The user and group that a worktree must belong to, or None when the process itself is unprivileged.

    A process that is root gives its worktrees to this identity (`os.chown`), and both backends run as it.
    """
    return (SERVICE_ID, SERVICE_ID) if os.geteuid() == 0 else None


def running_identity() -> tuple[int, int]:
    """The user and group that sandboxed code has on the host."""
    return sandbox_identity() or (os.geteuid(), os.getegid())


def reachable(path: Path, *, write: bool = False) -> bool:
    """Whether the sandbox's user can get to a path by its permission bits, and read it.

    Args:
        path: a file or a folder; links are followed.
        write: also whether it can write there.
    """
    uid, gid = running_identity()
    try:
        real = path.resolve(strict=True)
        for parent in real.parents:
            if not _allowed(parent.stat(), uid, gid, 0o1):
                return False
        status = real.stat()
    except OSError:
        return False
    wanted = 0o4 | (0o2 if write else 0) | (0o1 if stat.S_ISDIR(status.st_mode) else 0)
    return _allowed(status, uid, gid, wanted)


def _allowed(status: os.stat_result, uid: int, gid: int, wanted: int) -> bool:
    if status.st_uid == uid:
        bits = status.st_mode >> 6
    elif status.st_gid == gid:
        bits = status.st_mode >> 3
    else:
        bits = status.st_mode
    return bits & wanted == wanted
