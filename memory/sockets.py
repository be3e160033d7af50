"""The directories that embedded servers put their sockets into: short paths, closed to others, swept when orphaned."""

import os
import socket
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from memory.cluster import Account, give
from memory.postmaster import Home, remove_socket

PREFIX = "miracle-"
OWNER_NOTE = "home"
"""File in a socket directory that names the server's home."""
EMPTY_S = 86_400
"""Seconds after which an empty directory was left by a start that was cut short."""


def socket_folder(home: Home, who: Account) -> Path:
    """A directory for the socket that only the server's account can enter, on a path short enough for a socket.

    A restarted server takes the place of the old one, so that those who are connected find it again.
    """
    owner = _owner(who)
    try:
        noted = Path(home.socket_note.read_text())
        if _is_ours(noted, owner):
            return noted
    except (OSError, ValueError):
        pass
    base = _socket_base(who)
    sweep(Path(base), owner)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    (folder / OWNER_NOTE).write_bytes(os.fsencode(home.path))
    give(folder, who)
    home.socket_note.write_text(str(folder))
    return folder


def sweep(base: Path, owner: int) -> None:
    """Remove the socket directories of this account that no home knows any more and no server listens in."""
    for folder in base.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if _is_ours(folder, owner) and _is_orphan(folder):
                remove_socket(folder)


def _is_ours(folder: Path, owner: int) -> bool:
    state = folder.lstat()
    return stat.S_ISDIR(state.st_mode) and state.st_uid == owner and stat.S_IMODE(state.st_mode) == 0o700


def _is_orphan(folder: Path) -> bool:
    left = {path.name for path in folder.iterdir()}
    if not left:
        return time.time() - folder.lstat().st_mtime > EMPTY_S
    if OWNER_NOTE not in left or not all(name == OWNER_NOTE or name.startswith(".s.PGSQL.") for name in left):
        return False
    home = Home(Path(os.fsdecode((folder / OWNER_NOTE).read_bytes())))
    with suppress(OSError):
        if home.socket_note.read_text() == str(folder):
            return False
    return not any(_is_listening(path) for path in folder.glob(".s.PGSQL.*") if not path.name.endswith(".lock"))


def _is_listening(path: Path) -> bool:
    # Asked of the kernel and not of a pid, which another container's processes may have as well.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        try:
            asking.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        return True


def _owner(who: Account) -> int:
    return os.geteuid() if who.uid is None else who.uid


def _socket_base(who: Account) -> str:
    # Root's own runtime directory is closed to the server's account; a list of directories is split at commas.
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    fit = who.uid is None and 0 < len(runtime) < 60 and not set(runtime) & set(", \"'")
    return runtime if fit and os.access(runtime, os.W_OK | os.X_OK) else "/tmp"
