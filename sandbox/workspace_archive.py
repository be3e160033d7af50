"""A workspace as one archive, for an engine that does not see this machine's files."""

import contextlib
import hashlib
import os
import stat
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

from sandbox.errors import TooMuch
from sandbox.removal import DEEPEST

KEPT_HOME = ".git"
"""Neither sent nor taken back, at any depth and in any spelling."""
UNSEEN = (FileNotFoundError, PermissionError)
"""Of what went away meanwhile, or is not this user's to read: it stays here and as it is."""
DIGEST_BYTES = 16


@dataclass(frozen=True)
class Entry:
    """A file, folder or link, so that it can be told from what comes back."""

    kind: Literal["file", "folder", "link"]
    mode: int = 0
    """Permission bits; 0 of a link."""
    says: str = ""
    """The digest of a file, the target of a link."""


@dataclass
class Packed:
    """What an archive holds, by path below its root."""

    entries: dict[str, Entry] = field(default_factory=dict)
    bytes: int = 0


@dataclass(frozen=True)
class Owner:
    """Whom the files belong to where they are unpacked."""

    uid: int
    gid: int
    sealed: bool = False
    """Nobody may write, and all may read: for a tree that is not to be changed."""

    def own(self, info: tarfile.TarInfo, mode: int) -> None:
        """Set owner and permission bits."""
        info.uid, info.gid = self.uid, self.gid
        info.mode = mode & 0o777
        if self.sealed:
            users = mode >> 6 & 0o5
            info.mode = users << 6 | users << 3 | users


def pack(
    root: Path, target: BinaryIO, owner: Owner, *, max_bytes: int, max_files: int, leave: Iterable[str] = ()
) -> Packed:
    """Write a folder's regular files, folders and links into an archive; no link is followed.

    Args:
        root: the folder.
        target: written from where it stands.
        owner: of everything in the archive.
        max_bytes: what all files may hold.
        max_files: how many entries there may be.
        leave: folders at the top that are made, but left empty.

    Raises:
        TooMuch: it holds more.
        OSError: a file cannot be read.
    """
    packed, empty = Packed(), frozenset(leave)
    with tarfile.open(fileobj=target, mode="w|", format=tarfile.GNU_FORMAT, bufsize=2**18) as archive:
        for folder, folders, files, opened in os.fwalk(root, onerror=_raise):
            place = os.path.relpath(folder, root)
            prefix = "" if place == os.curdir else f"{place}/"
            _add_folder(archive, packed, prefix, os.fstat(opened), owner)
            names = sorted((*folders, *files))
            if prefix.count("/") >= DEEPEST or prefix.rstrip("/") in empty:
                folders.clear()
                continue
            folders[:] = [name for name in folders if name.lower() != KEPT_HOME]
            for name in names:
                if name.lower() != KEPT_HOME:
                    with contextlib.suppress(*UNSEEN):
                        _add(archive, packed, prefix + name, opened, name, owner)
            if packed.bytes > max_bytes or len(packed.entries) > max_files:
                raise TooMuch(f"{root} holds more than {max_bytes // 2**20:,} MB or {max_files:,} files.")
    return packed


def _raise(problem: OSError) -> None:
    if not isinstance(problem, UNSEEN):
        raise problem


def _add_folder(archive: tarfile.TarFile, packed: Packed, prefix: str, status: os.stat_result, owner: Owner) -> None:
    # Docker passes over ".", so that the folder that it unpacks into would stay root's; "/" is that folder as well.
    info = tarfile.TarInfo(prefix or "/")
    info.type, info.mtime = tarfile.DIRTYPE, int(status.st_mtime)
    owner.own(info, status.st_mode)
    archive.addfile(info)
    if prefix:
        packed.entries[prefix[:-1]] = Entry("folder", status.st_mode & 0o777)


def _add(archive: tarfile.TarFile, packed: Packed, path: str, folder: int, name: str, owner: Owner) -> None:
    """Add a file or a link; folders come by themselves, and pipes, sockets and devices are left out."""
    info = tarfile.TarInfo(path)
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    info.mtime = int(status.st_mtime)
    if stat.S_ISLNK(status.st_mode):
        info.type, info.linkname = tarfile.SYMTYPE, os.readlink(name, dir_fd=folder)
        owner.own(info, 0o777)
        archive.addfile(info)
        packed.entries[path] = Entry("link", 0, info.linkname)
    elif stat.S_ISREG(status.st_mode):
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
            status = os.fstat(file.fileno())
            info.size = status.st_size
            owner.own(info, status.st_mode)
            hashed = Hashed(file)
            archive.addfile(info, hashed)
        packed.entries[path] = Entry("file", status.st_mode & 0o777, hashed.digest)
        packed.bytes += info.size


class Hashed:
    """A file that remembers the digest of what was read of it."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._hash = hashlib.blake2b(digest_size=DIGEST_BYTES)

    def read(self, size: int = -1) -> bytes:
        piece = self._source.read(size)
        self._hash.update(piece)
        return piece

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()
