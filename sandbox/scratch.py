"""Folders for work that is not done: gone after it, and swept up later when their maker was killed in the middle."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DAY_S = 86_400
MAKING, STEP, IMAGE = ".making-", "step-", "miracle-image-"
"""How folders begin in which environments are made, installers work, and images are put together."""


@contextmanager
def scratch(prefix: str, parent: Path) -> Iterator[Path]:
    """A folder that this process alone works in, and that may be moved away when it is done.

    A lock on it, which the system drops with its holder, says that its maker lives.
    """
    path, descriptor = _locked(prefix, parent)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def sweep(prefix: str, parent: Path) -> list[Path]:
    """Remove the folders of `scratch` whose makers are gone, and say which."""
    return [path for path in parent.glob(f"{prefix}*") if _abandoned_and_removed(path)]


def _locked(prefix: str, parent: Path) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with suppress(OSError):  # some network file systems lock no folder: there age has to say it
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if path.exists():
            return path, descriptor
        os.close(descriptor)  # somebody swept it up before it was locked


def _abandoned_and_removed(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if _in_use(descriptor):
            return False
        shutil.rmtree(path, ignore_errors=True)
        return True
    finally:
        os.close(descriptor)


def _in_use(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return time.time() - os.fstat(descriptor).st_mtime < DAY_S
    return False
