"""Three-way merges of whole commits in the object store: no checkout, no work tree, no person."""

import secrets
from dataclasses import dataclass

from engine.errors import WorkspaceError
from engine.workspace.git import LONG_TIMEOUT_S, Git, shown, split
from engine.workspace.prepared import Prepared
from engine.workspace.threeway import ABSENT, Change, Verdict, index_lines, run_changes
from engine.workspace.verdicts import judge

_CONFLICTS = 1
_NOT_KNOWN = 129
"""What git ends with when it does not know an option."""


@dataclass(frozen=True)
class TreeMerge:
    """The merged tree, or the files in conflict, of which each names itself only."""

    tree: str
    conflicts: tuple[str, ...] = ()


async def merge_trees(prepared: Prepared, base: str, ours: str, theirs: str) -> TreeMerge:
    """Merge `theirs` into `ours`; git's own merge where it can do that without a checkout, else file by file.

    Args:
        prepared: a worktree whose object store holds the commits.
        base: the commit that both began from.
        ours: a commit.
        theirs: a commit.

    Raises:
        WorkspaceError: a commit is not there, or objects cannot be written.
    """
    git = prepared.store
    # Git works the base out by itself; another one than ours would merge something else.
    if (await git.run("merge-base", "--all", ours, theirs)).out.decode().split() == [base]:
        merged = await git.run(
            "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs, timeout_s=LONG_TIMEOUT_S
        )
        if merged.code in (0, _CONFLICTS):
            tree, *paths = split(merged.out)
            return TreeMerge("" if merged.code else tree, tuple(sorted(map(shown, paths))))
        if merged.code != _NOT_KNOWN:
            raise WorkspaceError("Two branches of the run cannot be merged", f"Git says: {merged.err.strip()[-500:]}")
    return await merge_files(prepared, base, ours, theirs)


async def merge_files(prepared: Prepared, base: str, ours: str, theirs: str) -> TreeMerge:
    """The same file by file: a renamed file counts as removed and added."""
    index = prepared.git_dir / f"merge-{secrets.token_hex(8)}.index"
    git = Git(prepared.git_dir, index=index, objects=prepared.objects)
    changes = await run_changes(git, base, theirs)
    own = {change.path: change for change in await run_changes(git, base, ours)}
    verdicts = [await _judged(git, change, own) for change in changes]
    conflicts = tuple(shown(verdict.path) for verdict in verdicts if verdict.conflict)
    if conflicts:
        return TreeMerge("", conflicts)
    try:
        await git("read-tree", ours)
        await git("update-index", "-z", "--index-info", stdin=index_lines(verdicts, len(ours)))
        return TreeMerge(await git.line("write-tree"))
    finally:
        index.unlink(missing_ok=True)


async def _judged(git: Git, change: Change, own: dict[str, Change]) -> Verdict:
    ours = own[change.path].theirs if change.path in own else change.base
    if change.theirs != ABSENT and change.base == ABSENT and _in_way(change.path, own):
        return Verdict(change.path, ours, ours, "a folder is where a file would be")
    return await judge(git, change, ours)


def _in_way(path: str, own: dict[str, Change]) -> bool:
    added = [name for name, change in own.items() if change.theirs != ABSENT]
    return any(name.startswith(f"{path}/") or path.startswith(f"{name}/") for name in added)
