"""Puts a worktree back to a checkpoint, and keeps what it held instead: nothing that somebody wrote is thrown away."""

from engine.workspace.checkpoint import head, restore, tree_of
from engine.workspace.kept import keep, private_ref
from engine.workspace.prepared import Prepared
from engine.workspace.stage import stage_folder


async def put_back(prepared: Prepared, commit: str) -> str:
    """Make the worktree equal to a checkpoint.

    Args:
        prepared: the worktree; nobody writes in it.
        commit: the checkpoint, which the branch's tip may be behind or ahead of after a kill.

    Returns:
        The private ref of a commit that holds what the worktree held instead; empty when it was equal.

    Raises:
        WorkspaceError: the commit is not there, or files cannot be written.
    """
    git = prepared.git
    staged = await stage_folder(git, nested=True)
    wanted = await tree_of(prepared, commit)
    tree = await git.line("write-tree")
    if tree == wanted and not staged.put_back:
        if await head(prepared) != commit:
            await restore(prepared, commit)
        return ""
    left = await git.line("commit-tree", tree, "-p", commit, stdin=b"Left in the worktree beside its checkpoint\n")
    name = f"left-{left[:12]}"
    await keep(prepared.home, prepared.run_id, name, left)
    await restore(prepared, commit)
    return private_ref(prepared.run_id, name)
