"""The merge commit of a delivery: made without a checkout, after the files are in place."""

from engine.errors import WorkspaceError
from engine.workspace.git import LONG_TIMEOUT_S, Git
from engine.workspace.inspect import WorkspaceKind
from engine.workspace.prepared import Prepared
from engine.workspace.threeway import Verdict, index_lines


async def may_commit(prepared: Prepared, kind: WorkspaceKind, commit: str) -> bool:
    """Whether a merge commit tells the truth here.

    It would not on a detached HEAD, on a branch without what the run began with, nor when the run began with a
    snapshot: the person's uncommitted work would become history that they never committed. Nor is one made twice.
    """
    if kind.git_dir is None or not kind.head or not kind.branch or prepared.snapshot or kind.branch == prepared.ref:
        return False
    git = Git(kind.git_dir)
    known = await git.run("merge-base", "--is-ancestor", prepared.base_commit, kind.head)
    return known.code == 0 and (await git.run("merge-base", "--is-ancestor", commit, kind.head)).code != 0


def refuse_locked(kind: WorkspaceKind) -> None:
    """Refuse while another git works in the person's tree.

    Raises:
        WorkspaceError: its lock is there.
    """
    if kind.git_dir is not None and (kind.git_dir / "index.lock").exists():
        raise WorkspaceError(
            f"Another git is at work in {kind.root}",
            f"Wait for it; if none runs, remove {kind.git_dir / 'index.lock'}. Then promote again.",
        )


async def commit_merge(prepared: Prepared, kind: WorkspaceKind, commit: str, verdicts: list[Verdict]) -> str:
    """Record a delivery as a merge of the run's branch; the person's index follows, then their branch.

    Args:
        prepared: the run's worktree.
        kind: the person's repository, clean but for the delivered files.
        commit: the run's commit.
        verdicts: every file that the run changed.

    Returns:
        The merge commit.
    """
    assert kind.git_dir is not None
    private = prepared.git_dir / "merge.index"
    git = Git(prepared.git_dir, kind.root, private, prepared.objects)
    entries = index_lines(verdicts, len(kind.head))
    private.unlink(missing_ok=True)
    try:
        await git("read-tree", kind.head)
        await git("update-index", "-z", "--index-info", stdin=entries)
        tree = await git.line("write-tree")
    finally:
        private.unlink(missing_ok=True)
    text = f"Merge branch '{prepared.branch}'\n".encode()
    made = await git.line("commit-tree", tree, "-p", kind.head, "-p", commit, stdin=text)
    theirs = Git(prepared.git_dir, kind.root, kind.git_dir / "index", prepared.objects)
    await theirs("update-index", "-z", "--index-info", stdin=entries)
    await theirs.run("update-index", "-q", "--refresh", timeout_s=LONG_TIMEOUT_S)
    await Git(kind.git_dir)("update-ref", "-m", f"merge {prepared.branch}: Miracle", "HEAD", made, kind.head)
    return made
