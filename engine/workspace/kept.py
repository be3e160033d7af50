"""Private refs: commits that must outlive branches and `git gc`, and that no list of branches or tags shows.

They are below `refs/miracle/<run>/` in the repository that holds the run's branch:

    snapshot            the person's files as the run began with them, uncommitted and untracked ones included
    before-promotion    what a promotion wrote over, see `engine.workspace.backup`
"""

from engine.workspace.git import Git

SNAPSHOT = "snapshot"
BEFORE = "before-promotion"


def private_ref(run_id: str, name: str) -> str:
    """The full name of a run's private ref."""
    return f"refs/miracle/{run_id}/{name}"


async def keep(home: Git, run_id: str, name: str, commit: str) -> str:
    """Name a commit by a private ref.

    Returns:
        The ref's full name.
    """
    ref = private_ref(run_id, name)
    await home("update-ref", ref, commit)
    return ref
