"""What comes back of a workspace from another machine, read as if whoever wrote it wanted to harm this one."""

import contextlib
import os
import posixpath
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from sandbox.errors import MissingFile, TooMuch, UnsafeArchive, UnsafePath
from sandbox.removal import DEEPEST, LONGEST
from sandbox.safe_entries import make_folder, remove_folder, set_mode, write_link
from sandbox.safe_files import CHUNK, delete, write_file
from sandbox.workspace_archive import KEPT_HOME, Entry, Hashed

END = b"\0" * 1024
"""How every whole archive ends."""
LIVABLE = 0o700
"""What a folder's owner may always do: code cannot lock Miracle out of what it made."""
TELL = 5


@dataclass
class Returned:
    """An archive that was read: what it holds, and what is not taken of it."""

    entries: dict[str, Entry] = field(default_factory=dict)
    members: dict[str, tarfile.TarInfo] = field(default_factory=dict)
    """Of each file, the part of the archive that holds its content."""
    left_out: list[str] = field(default_factory=list)
    bytes: int = 0


def take_back(
    source: BinaryIO, top: str, workspace: Path, sent: dict[str, Entry], *, max_bytes: int, max_files: int
) -> str:
    """Make the workspace what an archive says, where that differs from what was sent.

    Args:
        source: the archive; it can be read from any place.
        top: the folder in it that is the workspace.
        workspace: this machine's folder.
        sent: what it held when it was sent; everything else in it is let be.
        max_bytes: what all files together may hold.
        max_files: how many entries there may be.

    Returns:
        What was not taken, in a line; empty when all was.

    Raises:
        UnsafeArchive: it is cut short, or holds what no sandboxed code can make; nothing was taken.
        TooMuch: it holds more; nothing was taken.
        UnsafePath: something cannot be written here.
    """
    source.seek(-len(END), os.SEEK_END)
    if source.read() != END:
        raise UnsafeArchive("The engine's archive is cut short.")
    source.seek(0)
    try:
        with tarfile.open(fileobj=source, mode="r:") as archive:
            returned = _read(archive, top, sent, max_bytes, max_files)
            _apply(archive, returned, workspace, sent)
    except (tarfile.TarError, ValueError, EOFError) as exc:
        raise UnsafeArchive(f"The engine's archive cannot be read: {exc}.") from exc
    if not returned.left_out:
        return ""
    more = len(returned.left_out) - TELL
    return "; ".join(returned.left_out[:TELL]) + (f"; and {more:,} more" if more > 0 else "")


def _read(archive: tarfile.TarFile, top: str, sent: dict[str, Entry], max_bytes: int, max_files: int) -> Returned:
    """Look at everything before anything is written."""
    found, whole = Returned(), False
    for number, member in enumerate(archive):
        if number > max_files:
            raise TooMuch(f"More than {max_files:,} files are in the workspace.")
        path = _path(member.name, top)
        if not path:
            whole = member.isdir()
            continue
        if path in found.entries:
            raise UnsafeArchive(f"The engine's archive holds {path!r} twice.")
        parts = path.split("/")
        if any(part.lower() == KEPT_HOME for part in parts):
            _leave(found, path, "git's own")
        elif len(parts) > DEEPEST or len(os.fsencode(path)) > LONGEST:
            _leave(found, path[:80], "nested too deep")
        elif (holder := posixpath.dirname(path)) and found.entries.get(holder, Entry("file")).kind != "folder":
            raise UnsafeArchive(f"In the engine's archive {path!r} is in no folder.")
        else:
            _take(archive, member, path, top, sent, found)
        if found.bytes > max_bytes:
            raise TooMuch(f"More than {max_bytes // 2**20:,} MB are in the workspace.")
    if not whole:
        raise UnsafeArchive("The engine's archive does not hold the workspace.")
    return found


def _take(
    archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, top: str, sent: dict[str, Entry], found: Returned
) -> None:
    mode = member.mode & 0o777
    if member.isdir():
        found.entries[path] = Entry("folder", mode)
    elif member.issym():
        if sent.get(path) == Entry("link", 0, member.linkname) or _stays(path, member.linkname):
            found.entries[path] = Entry("link", 0, member.linkname)
        else:
            _leave(found, path, "a link that leads out")
    elif member.islnk():
        # A second name becomes a file of its own, with the content of one that is in this very archive.
        first = found.members.get(_path(member.linkname, top))
        if first is None:
            raise UnsafeArchive(f"In the engine's archive {path!r} is another name of nothing.")
        _file(archive, first, path, first.mode & 0o777, found)
    elif member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse():
        _file(archive, member, path, mode, found)
    elif member.isfifo():
        _leave(found, path, "a pipe")
    else:
        raise UnsafeArchive(f"In the engine's archive {path!r} is a device, or nothing that is known.")


def _file(archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, mode: int, found: Returned) -> None:
    hashed = Hashed(_content(archive, member))
    while hashed.read(CHUNK):
        pass
    found.entries[path] = Entry("file", mode, hashed.digest)
    found.members[path] = member
    found.bytes += member.size


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> BinaryIO:
    content = archive.extractfile(member)
    if content is None:
        raise UnsafeArchive(f"The engine's archive has no content for {member.name!r}.")
    return cast(BinaryIO, content)


def _path(name: str, top: str) -> str:
    """The path below the workspace; empty for the workspace itself."""
    parts = name.rstrip("/").split("/")
    if parts[0] != top or "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise UnsafeArchive(f"The engine's archive holds {name!r}, which is not in the workspace.")
    return "/".join(parts[1:])


def _stays(path: str, target: str) -> bool:
    """Whether a link cannot lead out: some steps up, then only down.

    A step up after one down might go through another link and so go up further than it seems.
    """
    steps = [step for step in target.split("/") if step not in ("", ".")]
    ups = next((at for at, step in enumerate(steps) if step != ".."), len(steps))
    down = steps[ups:]
    inside = not target.startswith("/") and "\0" not in target and ups <= path.count("/")
    return inside and not any(step == ".." or step.lower() == KEPT_HOME for step in down)


def _leave(found: Returned, path: str, why: str) -> None:
    found.left_out.append(f"{path} ({why})")


def _apply(archive: tarfile.TarFile, returned: Returned, workspace: Path, sent: dict[str, Entry]) -> None:
    entries = returned.entries
    for path in sorted(sent, key=lambda one: one.count("/"), reverse=True):
        there = entries.get(path)
        if there is None or there.kind != sent[path].kind:
            if sent[path].kind == "folder":
                remove_folder(workspace, path)
            else:
                with contextlib.suppress(MissingFile):
                    delete(workspace, path)
    changed = {path: entry for path, entry in entries.items() if sent.get(path) != entry}
    for path, entry in changed.items():
        if entry.kind == "folder":
            make_folder(workspace, path)
        elif entry.kind == "link":
            write_link(workspace, path, entry.says)
        elif _same_content(sent.get(path), entry):
            set_mode(workspace, path, entry.mode)
        else:
            write_file(workspace, path, _content(archive, returned.members[path]), entry.mode)
    for path, entry in reversed(changed.items()):
        if entry.kind == "folder":
            with contextlib.suppress(UnsafePath):
                set_mode(workspace, path, entry.mode | LIVABLE)


def _same_content(before: Entry | None, after: Entry) -> bool:
    return before is not None and (before.kind, before.says) == (after.kind, after.says)
