"""A run's worktree: the person's files as they are now, on a branch of its own, without touching the person's tree.

The branch and its objects are in the person's repository, so that the result is there to take; the git directory that
works on the worktree is our own (`halves`), and the person's index, HEAD and files are only read.
"""

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path

from config.paths import Paths
from engine.errors import WorkspaceError
from engine.workspace.git import LONG_TIMEOUT_S, Git, GitError, shown, split
from engine.workspace.halves import make_half, make_repository, point_branch
from engine.workspace.inspect import WorkspaceKind, check_workspace
from engine.workspace.kept import SNAPSHOT, keep
from engine.workspace.leftovers import clear_leftovers
from engine.workspace.prepared import Prepared, check_run_id, git_dir_of, read_record, write_record
from engine.workspace.stage import hand_over, load_index, stage_folder
from sandbox.removal import remove_tree

BRANCHES = "autonomous"


async def prepare_worktree(run_id: str, workspace: Path, paths: Paths, identity: tuple[int, int] | None) -> Prepared:
    """Make a run's worktree, or return the one that an earlier process made.

    Args:
        run_id: the run; names the branch `autonomous/<run>`.
        workspace: the person's folder.
        paths: where Miracle's files live.
        identity: user and group that sandboxed code runs as; None when it is the process's own.

    Raises:
        WorkspaceError: the folder cannot be worked on.
    """
    check_run_id(run_id)
    git_dir = git_dir_of(run_id, paths)
    earlier = read_record(git_dir, identity)
    if earlier is not None:
        await make_good(earlier)
        return earlier
    kind = await check_workspace(workspace)
    try:
        return await _prepare(run_id, kind, git_dir, paths, identity)
    except OSError as exc:
        raise WorkspaceError(
            f"The run's worktree cannot be made: {exc.strerror}", f"Is there room on the disk that holds {paths.data}?"
        ) from exc


async def _prepare(
    run_id: str, kind: WorkspaceKind, git_dir: Path, paths: Paths, identity: tuple[int, int] | None
) -> Prepared:
    worktree = paths.worktrees / run_id
    await asyncio.to_thread(_clear, git_dir, worktree)
    # A sandboxed user passes through these folders to its worktree, and lists none of them.
    for folder in (paths.worktrees, paths.repositories):
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    repository, objects = await _repository(kind, paths)
    await clear_leftovers(run_id, git_dir, repository)
    branch = f"{BRANCHES}/{run_id}"
    await make_half(git_dir, kind, objects, f"refs/heads/{branch}")
    base, snapshot, notes = await _base(kind, git_dir, objects)
    prepared = Prepared(
        run_id=run_id,
        worktree=worktree,
        repository=repository,
        owned=kind.kind == "plain",
        branch=branch,
        base_commit=base,
        snapshot=snapshot,
        git_dir=git_dir,
        objects=objects,
        identity=identity,
        notes=((kind.note,) if kind.note else ()) + notes,
    )
    worktree.mkdir(mode=0o700)
    await asyncio.gather(
        point_branch(prepared.home, prepared.ref, base), point_branch(prepared.git, prepared.ref, base)
    )
    if base != kind.head:
        await keep(prepared.home, run_id, SNAPSHOT, base)
    await _fill(prepared, base)
    prepared = replace(prepared, notes=prepared.notes + await _not_followed(prepared))
    await asyncio.to_thread(write_record, prepared)
    return prepared


async def _repository(kind: WorkspaceKind, paths: Paths) -> tuple[Path, Path]:
    """The git directory that holds the branch, and its objects."""
    if kind.common_dir is not None and kind.objects is not None:
        return kind.common_dir, kind.objects
    named = hashlib.sha256(str(kind.root).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    repository = paths.repositories / f"folder-{named}.git"
    await make_repository(repository)
    return repository, repository / "objects"


async def _base(kind: WorkspaceKind, git_dir: Path, objects: Path) -> tuple[str, bool, tuple[str, ...]]:
    """The commit a run begins with: HEAD when the person's tree is clean, else a snapshot on top of it."""
    index = git_dir / "snapshot.index"
    git = Git(git_dir, kind.root, index, objects)
    await load_index(kind, git, index)
    staged = await stage_folder(git, nested=False)
    tree = await git.line("write-tree")
    index.unlink(missing_ok=True)
    if kind.head and await git.line("rev-parse", f"{kind.head}^{{tree}}") == tree:
        return kind.head, False, tuple(staged.notes)
    parents = ("-p", kind.head) if kind.head else ()
    message = b"What the run began with: the files as they were, committed or not\n"
    commit = await git.line("commit-tree", tree, *parents, stdin=message)
    nothing = await git.line("hash-object", "-t", "tree", "--stdin")
    return commit, kind.kind == "repository" and tree != nothing, tuple(staged.notes)


async def make_good(prepared: Prepared) -> None:
    """Write a worktree again that somebody removed, as its branch has it; nothing where it still is.

    It is made beside its place and moved there when it is whole: a kill in between leaves nothing that looks like it.
    """
    if prepared.worktree.is_dir():
        return
    beside = prepared.worktree.with_name(f".{prepared.worktree.name}.new")
    await asyncio.to_thread(_clear, beside)
    beside.mkdir(mode=0o700, parents=True)
    await _fill(replace(prepared, worktree=beside), prepared.ref)
    beside.rename(prepared.worktree)


async def _fill(prepared: Prepared, commit: str) -> None:
    """Write a commit's files into a new worktree."""
    (prepared.git_dir / "index").unlink(missing_ok=True)
    await write_files(prepared, commit)


async def write_files(prepared: Prepared, commit: str) -> None:
    """Make the worktree's tracked files those of a commit, and hand them to the sandbox's user.

    Raises:
        WorkspaceError: objects are missing, or the disk is full.
    """
    try:
        await prepared.git("read-tree", "--reset", "-u", "--no-recurse-submodules", commit, timeout_s=LONG_TIMEOUT_S)
    except GitError as exc:
        raise WorkspaceError("The worktree's files cannot be written", _advice(prepared, exc)) from exc
    if await asyncio.to_thread(hand_over, prepared.worktree, prepared.identity):
        # The change of owner shows in each file's status; without this every later comparison would read them all.
        await prepared.git.run("update-index", "-q", "--refresh", timeout_s=LONG_TIMEOUT_S)


def _advice(prepared: Prepared, error: GitError) -> str:
    if "No space left" in error.hint:
        return f"The disk that holds {prepared.worktree} is full: make room and resume the run."
    if "promisor" in error.hint or "unable to read" in error.hint or "missing" in error.hint:
        return f"The repository is a partial clone; fetch what it lacks with `git fetch --refetch`. {error.hint}"
    return error.hint


async def _not_followed(prepared: Prepared) -> tuple[str, ...]:
    """Sentences about submodules and LFS files, whose contents are not in the worktree."""
    notes: list[str] = []
    listed = split(await prepared.git("ls-files", "--stage", "-z"))
    modules = [entry.split("\t", 1)[1] for entry in listed if entry.startswith("160000 ")]
    if modules:
        notes.append(f"Submodules are empty in the worktree: {', '.join(map(shown, modules[:5]))}.")
    if await asyncio.to_thread(_uses_lfs, prepared.worktree):
        notes.append("Files of Git LFS are pointers in the worktree.")
    return tuple(notes)


def _uses_lfs(worktree: Path) -> bool:
    attributes = worktree / ".gitattributes"
    if attributes.is_symlink() or not attributes.is_file():
        return False
    with attributes.open("rb") as file:
        return b"filter=lfs" in file.read(2**20)


def _clear(*folders: Path) -> None:
    for folder in folders:
        if folder.exists():
            remove_tree(folder)
