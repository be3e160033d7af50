"""What stored commits hold, and trees put together of several: read and written as objects, without a checkout."""

import secrets
from collections.abc import Iterable, Mapping

from engine.workspace.git import Git, split
from engine.workspace.prepared import Prepared

Entry = tuple[str, str]
"""Mode and object name of a file."""


async def files_of(prepared: Prepared, commit: str) -> dict[str, Entry]:
    """The regular files of a commit by path."""
    listed = split(await prepared.store("ls-tree", "-r", "-z", "--full-tree", commit))
    files = {}
    for line in listed:
        about, path = line.split("\t", 1)
        mode, kind, name = about.split(" ")
        if kind == "blob" and mode != "120000":
            files[path] = (mode, name)
    return files


async def tree_with(prepared: Prepared, base: str, files: Mapping[str, Entry]) -> str:
    """A tree that is another with some files put into it.

    Args:
        prepared: the worktree whose objects are used.
        base: a commit or tree.
        files: the files by path.

    Returns:
        The tree's object name.
    """
    index = prepared.git_dir / f"clean-{secrets.token_hex(8)}.index"
    git = Git(prepared.git_dir, index=index, objects=prepared.objects)
    try:
        await git("read-tree", base)
        if files:
            await git("update-index", "-z", "--index-info", stdin=_index_info(files.items()))
        return await git.line("write-tree")
    finally:
        index.unlink(missing_ok=True)


def _index_info(files: Iterable[tuple[str, Entry]]) -> bytes:
    lines = (f"{mode} {name}\t{path}\0" for path, (mode, name) in files)
    return "".join(lines).encode("utf-8", "surrogateescape")
