"""Checkpoints: a commit for each iteration, made without a checkout, hook or filter."""

import asyncio
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from engine.errors import WorkspaceError
from engine.task import FileChange
from engine.workspace.difference import difference
from engine.workspace.git import LONG_TIMEOUT_S, Git, split
from engine.workspace.halves import SKIPPED_FOLDERS, point_branch
from engine.workspace.prepared import Prepared
from engine.workspace.stage import hand_over, make_readable, stage_folder
from engine.workspace.worktree import write_files
from sandbox.removal import prune_deep


@dataclass(frozen=True)
class Checkpoint:
    """A commit of the worktree.

    Attributes:
        commit: the commit; its tree may be that of its parent.
        tree: the tree, equal for equal contents.
        files: what changed against the base that was asked for.
        diff: the same as a unified diff, cut where it is very long.
        put_back: kept files that something had changed.
        notes: sentences about files that were left out.
    """

    commit: str
    tree: str
    files: tuple[FileChange, ...]
    diff: str
    put_back: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


async def checkpoint(prepared: Prepared, message: str, *, base: str, keep: frozenset[str] = frozenset()) -> Checkpoint:
    """Commit the worktree as it is to the run's branch.

    Args:
        prepared: the run's worktree.
        message: the commit's message.
        base: the commit that `files` and `diff` compare with.
        keep: files that stay as the last checkpoint has them, whatever was done to them.

    Raises:
        WorkspaceError: the worktree cannot be read, or the repository cannot be written.
    """
    git = prepared.git
    pruned = await asyncio.to_thread(prune_deep, prepared.worktree)
    staged, tip = await asyncio.gather(stage_folder(git, nested=True, keep=keep), head(prepared))
    if staged.put_back:
        await asyncio.to_thread(hand_over, prepared.worktree, prepared.identity)
    # Not the tip's tree, even when nothing is staged now: a process may have been killed between staging and commit.
    tree = await git.line("write-tree")
    (files, diff), commit = await asyncio.gather(difference(git, base, tree), _commit(prepared, tree, tip, message))
    return Checkpoint(commit, tree, files, diff, staged.put_back, (*staged.notes, *map(_too_deep, pruned[:3])))


def _too_deep(folder: str) -> str:
    return f"removed from the worktree, because folders are nested too deep in it: {folder[:80]}…"


async def _commit(prepared: Prepared, tree: str, tip: str, message: str) -> str:
    text = message.encode("utf-8", "replace").replace(b"\0", b"") or b"checkpoint"
    commit = await prepared.git.line("commit-tree", tree, "-p", tip, stdin=text + b"\n")
    await _move_branch(prepared, commit)
    return commit


async def _move_branch(prepared: Prepared, commit: str) -> None:
    moves = [point_branch(prepared.git, prepared.ref, commit)]
    if not await asyncio.to_thread(_checked_out, prepared):
        moves.append(point_branch(prepared.home, prepared.ref, commit))
    await asyncio.gather(*moves)


def _checked_out(prepared: Prepared) -> bool:
    """Whether the person looks at the run's branch; moving it would make their files seem changed."""
    try:
        return (prepared.repository / "HEAD").read_text().strip() == f"ref: {prepared.ref}"
    except OSError:
        return False


async def head(prepared: Prepared) -> str:
    """The newest commit of the run's branch."""
    return await prepared.store.line("rev-parse", "--verify", f"{prepared.ref}^{{commit}}")


async def tree_of(prepared: Prepared, commit: str) -> str:
    """The tree of a commit: equal for equal contents."""
    return await prepared.store.line("rev-parse", "--verify", f"{commit}^{{tree}}")


async def tag(prepared: Prepared, name: str, commit: str) -> str:
    """Name a commit for good: `autonomous/<run>/<name>` among the repository's tags.

    Returns:
        The tag's name.
    """
    named = f"{prepared.branch}/{name}"
    if (await prepared.home.run("check-ref-format", f"refs/tags/{named}")).code != 0:
        raise WorkspaceError(f"{named!r} cannot name a tag", "Use letters, digits, `-` and `_`.")
    await prepared.home("update-ref", f"refs/tags/{named}", commit)
    return named


async def changes_between(prepared: Prepared, base: str, commit: str) -> tuple[tuple[FileChange, ...], str]:
    """The changed files between two commits of a run, and the diff."""
    return await difference(prepared.store, base, commit)


async def restore(prepared: Prepared, commit: str) -> None:
    """Make the worktree and the run's branch equal to a commit; ignored files stay.

    Raises:
        WorkspaceError: the commit is not there, or files cannot be written.
    """
    prepared.worktree.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() != 0:
        await asyncio.to_thread(make_readable, prepared.worktree)
    await asyncio.to_thread(prune_deep, prepared.worktree)
    await asyncio.to_thread(_sweep, prepared.worktree)
    await write_files(prepared, commit)
    others = split(await prepared.git("ls-files", "--others", "--exclude-standard", "-z", timeout_s=LONG_TIMEOUT_S))
    if others:
        await prepared.git("clean", "-ffdq", timeout_s=LONG_TIMEOUT_S)
    if await head(prepared) != await prepared.git.line("rev-parse", "--verify", f"{commit}^{{commit}}"):
        await _move_branch(prepared, commit)


def _sweep(root: Path) -> None:
    """Remove FIFOs, sockets and nested git directories, which git would leave or look into."""
    for folder, folders, files in os.walk(root):
        for name in files:
            path = os.path.join(folder, name)
            kind = os.lstat(path).st_mode
            if name == ".git" or not (stat.S_ISREG(kind) or stat.S_ISLNK(kind)):
                os.unlink(path)
        if ".git" in folders:
            _remove_tree(Path(folder) / ".git")
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]


def _remove_tree(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
        return
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            _remove_tree(Path(entry.path))
        else:
            os.unlink(entry.path)
    folder.rmdir()


def _make_empty(target: Path) -> None:
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise WorkspaceError(f"{target} is not empty", "A clean checkout needs an empty folder.")


async def checkout_clean(prepared: Prepared, commit: str, target: Path) -> None:
    """Write a commit's files, and nothing else, into a new folder.

    Args:
        prepared: the run's worktree.
        commit: the commit.
        target: a folder that does not exist or is empty.

    Raises:
        WorkspaceError: the folder holds something, or files cannot be written.
    """
    _make_empty(target)
    index = prepared.git_dir / f"clean-{secrets.token_hex(8)}.index"
    git = Git(prepared.git_dir, target, index, prepared.objects)
    try:
        await git("read-tree", "--reset", "-u", commit, timeout_s=LONG_TIMEOUT_S)
    finally:
        index.unlink(missing_ok=True)
    await asyncio.to_thread(hand_over, target, prepared.identity)
