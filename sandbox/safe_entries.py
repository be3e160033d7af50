"""Folders and links, made and removed inside a folder that is not trusted; files have `sandbox.safe_files`."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

from sandbox.beneath import openat_beneath
from sandbox.errors import MissingFile, UnsafePath
from sandbox.safe_files import FOLDER_FLAGS, make_folders, open_folder, split_relative, translated


def make_folder(root: Path, relative: str) -> None:
    """Make a folder inside a folder, with those on its way; one that is there stays.

    Raises:
        UnsafePath: the path leads out, goes through a link, or names something that is no folder.
    """
    parts = split_relative(relative)
    with open_folder(root, ()) as top, translated(relative):
        make_folders(top, parts)
        os.close(openat_beneath(top, parts, FOLDER_FLAGS))


def write_link(root: Path, relative: str, target: str) -> None:
    """Make a symbolic link inside a folder, in the place of a file or a link; what it points to is the caller's care.

    Raises:
        UnsafePath: the path leads out, goes through a link, or names a folder.
    """
    parts = split_relative(relative)
    with open_folder(root, ()) as top, translated(relative):
        make_folders(top, parts[:-1])
    with open_folder(root, parts[:-1], relative) as folder, translated(relative):
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISDIR(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode):
                raise UnsafePath(f"{relative} is a folder.", "Delete the files in it.")
        beside = f".{secrets.token_hex(8)}.part"
        os.symlink(target, beside, dir_fd=folder)
        if os.geteuid() == 0:
            owner = os.fstat(folder)
            os.chown(beside, owner.st_uid, owner.st_gid, dir_fd=folder, follow_symlinks=False)
        os.rename(beside, parts[-1], src_dir_fd=folder, dst_dir_fd=folder)


def set_mode(root: Path, relative: str, mode: int) -> None:
    """Set the permission bits of a folder or a regular file inside a folder.

    Raises:
        UnsafePath: the path leads out, goes through a link, or nothing is there.
    """
    with open_folder(root, ()) as top, translated(relative):
        opened = openat_beneath(top, split_relative(relative), os.O_RDONLY | os.O_NONBLOCK)
        try:
            if stat.S_ISREG(os.fstat(opened).st_mode) or stat.S_ISDIR(os.fstat(opened).st_mode):
                os.fchmod(opened, mode)
        finally:
            os.close(opened)


def remove_folder(root: Path, relative: str) -> None:
    """Remove an empty folder inside a folder; one that is gone, or that holds something, is let be.

    Raises:
        UnsafePath: the path leads out or goes through a link.
    """
    parts = split_relative(relative)
    with contextlib.suppress(OSError, MissingFile), open_folder(root, parts[:-1], relative) as folder:
        os.rmdir(parts[-1], dir_fd=folder)
