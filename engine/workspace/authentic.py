"""Whether a repository still holds a commit, byte for byte."""

from engine.workspace.git import LONG_TIMEOUT_S, Git


async def authentic(store: Git, commit: str, tree: str) -> str:
    """Read every object of a commit and compare it with its name, which is the hash of what it holds.

    Args:
        store: git on the objects.
        commit: the commit.
        tree: the tree that it must have.

    Returns:
        What is wrong; empty when nothing is.
    """
    found = await store.run("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}")
    if found.code != 0:
        return f"commit {commit[:12]} is gone, or damaged. {found.err.strip()[:300]}".strip()
    has = found.out.decode().strip()
    if has != tree:
        return f"commit {commit[:12]} has the tree {has[:12]}, not {tree[:12]}"
    arguments = ("rev-list", "--objects", "--verify-objects", "--no-walk", "--quiet", commit)
    read = await store.run(*arguments, timeout_s=LONG_TIMEOUT_S)
    # A file whose contents do not fit its name is an error on the screen, and no error to the exit status.
    if read.code != 0 or read.err.strip():
        return f"files of commit {commit[:12]} are damaged or gone: {read.err.strip()[:300]}"
    return ""


async def branch_stands(home: Git, branch: str, commit: str) -> str:
    """Where a branch is instead of at a commit; empty when it is there, or when there is no such branch any more."""
    found = await home.run("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
    at = found.out.decode().strip()
    return "" if found.code != 0 or at == commit else f"{branch} is at {at[:12]}, not at the proved {commit[:12]}"
