"""The environments on this machine: which there are, which are in use, and the removal of those that are not needed."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.scratch import DAY_S as DAY_S
from sandbox.scratch import MAKING, sweep

GIB = 2**30
USES = ".uses"
"""Folder of one file an environment: locked by whoever uses it, and touched at each use."""
LOOKED = ".looked"
"""Beside these, a file that is touched whenever somebody looked for what can go."""
GONE = ".going-"

_HELD: dict[Path, int] = {}
"""Descriptors of the locks that this process holds on environments until it ends."""


@dataclass(frozen=True)
class Kept:
    """An environment on disk."""

    path: Path
    bytes: int
    used_at: float
    """Seconds since the epoch."""
    in_use: bool

    @property
    def name(self) -> str:
        return self.path.name


def hold(target: Path) -> None:
    """Keep an environment, made or about to be, from being removed while this process lives."""
    if target not in _HELD:
        uses = target.parent / USES
        uses.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(uses / target.name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        _HELD[target] = descriptor
    os.utime(_HELD[target])


def environment_names(folder: Path) -> set[str]:
    """The names of the environments in a folder; nothing of them is measured."""
    return {path.name for path in _environments(folder)}


def kept_environments(folder: Path) -> list[Kept]:
    """The environments in a folder, the one used longest ago first."""
    found = []
    for path in _environments(folder):
        used = folder / USES / path.name
        found.append(Kept(path, _size(path), (used if used.exists() else path).stat().st_mtime, not _free(path)))
    return sorted(found, key=lambda one: (one.used_at, one.name))


def collect(
    folder: Path,
    *,
    max_bytes: float,
    max_age_s: float,
    now: float | None = None,
    everything: bool = False,
    every_s: float = 0,
) -> list[Kept]:
    """Remove environments that nobody uses: those too old, then the oldest until the rest fits.

    Args:
        folder: of the environments.
        max_bytes: what all of them may take.
        max_age_s: seconds since its last use after which one goes.
        now: seconds since the epoch; the clock's by default.
        everything: all that nobody uses, whatever its age.
        every_s: seconds since anybody's last look within which this is none: measuring them reads every folder.

    Returns:
        What was removed.
    """
    if not _due(folder, every_s):
        _sweep(folder)
        return []
    there = kept_environments(folder)
    left = sum(one.bytes for one in there)
    removed = []
    moment = time.time() if now is None else now
    for one in there:
        due = everything or left > max_bytes or moment - one.used_at > max_age_s
        if due and _remove(one.path):
            left -= one.bytes
            removed.append(one)
    _sweep(folder)
    return removed


def _due(folder: Path, every_s: float) -> bool:
    """Whether the last look is long ago; if so, this is one."""
    looked = folder / USES / LOOKED
    try:
        if 0 <= time.time() - looked.stat().st_mtime < every_s:
            return False
    except FileNotFoundError:
        if not folder.is_dir():
            return True
    looked.parent.mkdir(parents=True, exist_ok=True)
    looked.touch()
    return True


def _remove(path: Path) -> bool:
    """Remove an environment unless somebody holds it."""
    with _exclusive(path) as free:
        if not free:
            return False
        going = path.with_name(f"{GONE}{path.name}-{os.getpid()}")
        path.rename(going)
    shutil.rmtree(going, ignore_errors=True)
    return True


def _sweep(folder: Path) -> None:
    """Remove what a killed process left half made or half removed."""
    sweep(MAKING, folder)
    for path in folder.glob(f"{GONE}*"):
        shutil.rmtree(path, ignore_errors=True)


def _environments(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.name.startswith(("python-", "node-")) and path.is_dir()]


def _free(path: Path) -> bool:
    with _exclusive(path) as free:
        return free


@contextmanager
def _exclusive(path: Path) -> Iterator[bool]:
    """Whether nobody uses it, and nobody can begin to while this is open."""
    uses = path.parent / USES
    uses.mkdir(parents=True, exist_ok=True)
    known = (uses / path.name).exists()
    descriptor = os.open(uses / path.name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not known:
            # Looking is no use: it stays as old as it was.
            os.utime(descriptor, (path.stat().st_atime, path.stat().st_mtime))
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def _size(root: Path) -> int:
    """Bytes on disk; a file with several names counts once."""
    seen: dict[tuple[int, int], int] = {}
    for folder, _, files in os.walk(root):
        for name in files:
            status = os.lstat(os.path.join(folder, name))
            seen[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(seen.values())
