"""Host-side reads and writes of a folder that sandboxed code can write: nothing leads out of it, nothing hangs."""

import errno
import io
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sandbox.beneath import openat_beneath
from sandbox.errors import MissingFile, UnreadableFile, UnsafePath

LIMIT = 2 * 2**20
CHUNK = 256 * 1024
INSIDE = "Use a path relative to the workspace, without `..` and without links."
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY


def open_beneath(root: Path, relative: str) -> int:
    """Open a regular file inside a folder for reading, following no link.

    Args:
        root: the folder; links on the way to it are followed.
        relative: the path inside it, with `/` between names.

    Returns:
        A file descriptor that the caller closes.

    Raises:
        UnsafePath: the path leads out, goes through a link, or names no regular file.
        MissingFile: nothing is there.
    """
    parts = split_relative(relative)
    with open_folder(root, ()) as folder, translated(relative):
        # O_NONBLOCK: opening a FIFO must not wait for a writer.
        opened = openat_beneath(folder, parts, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    mode = os.fstat(opened).st_mode
    if not stat.S_ISREG(mode):
        os.close(opened)
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise UnsafePath(f"{relative} is {kind}.", "Name a regular file.")
    return opened


def read_bytes(root: Path, relative: str, limit: int = LIMIT) -> bytes:
    """Read a whole file inside a folder.

    Args:
        root: the folder.
        relative: the path inside it.
        limit: bytes above which the file is refused.

    Raises:
        UnsafePath: as of `open_beneath`.
        UnreadableFile: the file is larger than the limit.
    """
    with os.fdopen(open_beneath(root, relative), "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise UnreadableFile(f"{relative} is larger than {limit:,} bytes.", "Search it, or read another file.")
    return content


def read_text(root: Path, relative: str, limit: int = LIMIT) -> str:
    """Read a whole UTF-8 file inside a folder.

    Args:
        root: the folder.
        relative: the path inside it.
        limit: bytes above which the file is refused.

    Raises:
        UnsafePath: as of `open_beneath`.
        UnreadableFile: the file is larger than the limit, or it is not text.
    """
    content = read_bytes(root, relative, limit)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise UnreadableFile(f"{relative} is not UTF-8 text.", "Read a text file.") from exc
    if "\0" in text:
        raise UnreadableFile(f"{relative} is a binary file.", "Read a text file.")
    return text


def write_text(root: Path, relative: str, text: str) -> None:
    """Write a file inside a folder in one step, making the folders on its way.

    An existing file keeps its permission bits. New files and folders get the owner of the folder that holds them,
    so that the sandbox's user may go on with them.

    Raises:
        UnsafePath: the path leads out, goes through a link, or names something that is no regular file.
    """
    write_file(root, relative, io.BytesIO(text.encode()))


def write_file(root: Path, relative: str, source: BinaryIO, mode: int | None = None) -> None:
    """Write what a source holds as `write_text` does, piece by piece.

    Args:
        root: the folder.
        relative: the path inside it.
        source: read from where it stands to its end.
        mode: permission bits; those of an existing file, or the usual, when None.

    Raises:
        UnsafePath: as of `write_text`.
    """
    parts = split_relative(relative)
    with open_folder(root, ()) as top, translated(relative):
        make_folders(top, parts[:-1])
        with _folder_at(top, parts[:-1]) as folder:
            _replace(folder, parts[-1], source, relative, mode)


def delete(root: Path, relative: str) -> None:
    """Delete a file inside a folder; a link itself is deleted, never what it points to.

    Raises:
        UnsafePath: the path leads out, goes through a link, or names a folder.
        MissingFile: nothing is there.
    """
    parts = split_relative(relative)
    with open_folder(root, parts[:-1], relative) as folder, translated(relative):
        if stat.S_ISDIR(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode):
            raise UnsafePath(f"{relative} is a folder.", "Delete the files in it.")
        os.unlink(parts[-1], dir_fd=folder)


def split_relative(relative: str) -> tuple[str, ...]:
    """The names of a relative path.

    Raises:
        UnsafePath: it is empty, absolute, contains NUL or `..`.
    """
    if "\0" in relative:
        raise UnsafePath("A path may not contain NUL.", INSIDE)
    if relative.startswith(("/", "~")) or (os.sep != "/" and os.sep in relative):
        raise UnsafePath(f"{relative} is not a path inside the workspace.", INSIDE)
    parts = tuple(part for part in relative.split("/") if part not in ("", "."))
    if ".." in parts:
        raise UnsafePath(f"{relative} leads out of the workspace.", INSIDE)
    if not parts:
        raise UnsafePath("The path is empty.", INSIDE)
    return parts


@contextmanager
def translated(relative: str) -> Iterator[None]:
    """Turn the system's errors into the package's, once."""
    try:
        yield
    except FileNotFoundError as exc:
        raise MissingFile(f"{relative} does not exist.", "List the files to see what is there.") from exc
    except OSError as exc:
        if exc.errno in (errno.ELOOP, errno.EXDEV):
            raise UnsafePath(f"{relative} goes through a link.", INSIDE) from exc
        if exc.errno == errno.ENXIO:
            raise UnsafePath(f"{relative} is no regular file.", "Name a regular file.") from exc
        raise UnsafePath(f"{relative}: {exc.strerror}.", INSIDE) from exc


@contextmanager
def open_folder(root: Path, parts: tuple[str, ...], relative: str = "") -> Iterator[int]:
    """The open folder `parts` below the root."""
    try:
        top = os.open(root, FOLDER_FLAGS | os.O_CLOEXEC)
    except OSError as exc:
        raise UnsafePath(f"The workspace {root} cannot be opened: {exc.strerror}.", "Check that it exists.") from exc
    try:
        with translated(relative):
            folder = openat_beneath(top, parts, FOLDER_FLAGS)
    finally:
        os.close(top)
    try:
        yield folder
    finally:
        os.close(folder)


@contextmanager
def _folder_at(top: int, parts: tuple[str, ...]) -> Iterator[int]:
    folder = openat_beneath(top, parts, FOLDER_FLAGS)
    try:
        yield folder
    finally:
        os.close(folder)


def make_folders(top: int, parts: tuple[str, ...]) -> None:
    """Make the folders on a way that are missing, each its holder's owner's."""
    for depth in range(len(parts)):
        with _folder_at(top, parts[:depth]) as folder:
            try:
                os.mkdir(parts[depth], 0o755, dir_fd=folder)
            except FileExistsError:
                continue
            with _folder_at(folder, (parts[depth],)) as made:
                hand_over(made, folder)


def _replace(folder: int, name: str, source: BinaryIO, relative: str, wanted: int | None) -> None:
    """Write beside the file and rename over it, so that a reader sees the old or the new file whole."""
    mode = 0o644 if wanted is None else wanted
    try:
        existing = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        pass
    else:
        if not stat.S_ISREG(existing.st_mode):
            raise UnsafePath(f"{relative} is no regular file.", "Name a regular file.")
        mode = stat.S_IMODE(existing.st_mode) if wanted is None else wanted
    beside = f".{secrets.token_hex(8)}.part"
    opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        with os.fdopen(opened, "wb") as file:
            shutil.copyfileobj(source, file, CHUNK)
            hand_over(file.fileno(), folder)
            os.fchmod(file.fileno(), mode)
        os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(beside, dir_fd=folder)
        raise


def hand_over(opened: int, folder: int) -> None:
    """Give what root made to the owner of the folder that holds it."""
    if os.geteuid() == 0:
        owner = os.fstat(folder)
        os.fchown(opened, owner.st_uid, owner.st_gid)
