"""Opening a path so that it can never lead out of a folder: openat2 where the kernel has it, else a walk."""

import ctypes
import errno
import os
import sys
from functools import cache

OPENAT2 = 437
"""The same number on every architecture."""
RESOLVE = 0x02 | 0x04 | 0x08
"""RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH"""
UNAVAILABLE = (errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.E2BIG)
RETRIES = 16


class OpenHow(ctypes.Structure):
    """`struct open_how` of openat2(2)."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def openat_beneath(folder: int, parts: tuple[str, ...], flags: int, mode: int = 0) -> int:
    """Open a path below an open folder without following any link.

    Args:
        folder: file descriptor of the folder.
        parts: names without separators, `.` and `..`.
        flags: as of open(2); O_CLOEXEC and O_NOFOLLOW are added.
        mode: permission bits of a file that is created.

    Raises:
        OSError: ELOOP or ENOTDIR for a link on the way, and whatever open(2) says.
    """
    flags |= os.O_CLOEXEC | os.O_NOFOLLOW
    if not parts:
        return os.open(".", flags, mode, dir_fd=folder)
    if _has_openat2():
        return _openat2(folder, "/".join(parts), flags, mode)
    return _walk(folder, parts, flags, mode)


def _walk(folder: int, parts: tuple[str, ...], flags: int, mode: int) -> int:
    """Open component by component, each a real folder."""
    here = os.dup(folder)
    try:
        for name in parts[:-1]:
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = below
        return os.open(parts[-1], flags, mode, dir_fd=here)
    finally:
        os.close(here)


def _openat2(folder: int, path: str, flags: int, mode: int) -> int:
    how = OpenHow(flags, mode if flags & os.O_CREAT else 0, RESOLVE)
    for _ in range(RETRIES):
        opened = int(_libc().syscall(OPENAT2, folder, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how)))
        if opened >= 0:
            return opened
        # EAGAIN: something was renamed under the lookup, and the kernel could not prove that it stayed inside.
        if ctypes.get_errno() not in (errno.EAGAIN, errno.EINTR):
            break
    code = ctypes.get_errno()
    raise OSError(code, os.strerror(code), path)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@cache
def _has_openat2() -> bool:
    """Whether the kernel knows openat2 and no filter forbids it."""
    if not sys.platform.startswith("linux"):
        return False
    folder = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(_openat2(folder, ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, 0))
    except OSError as exc:
        if exc.errno in UNAVAILABLE:
            return False
        raise
    finally:
        os.close(folder)
    return True
