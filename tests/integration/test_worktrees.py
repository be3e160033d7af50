"""Which worktrees may go: those of runs that are over, and no other."""

from config.paths import Paths
from engine.workspace.checkpoint import checkpoint
from engine.workspace.phases import open_phase, phase_prepared
from engine.worktrees import list_worktrees, remove_ended
from tests.workspace_fixtures import Folder, edit, paths, prepared, repo

__all__ = ["paths", "repo"]

RUNS = {
    "green": ("success", False),
    "at-work": ("success", True),
    "busy": ("running", True),
    "resting": ("paused", False),
    "asking": ("waiting", False),
    "failed": ("failed", False),
}


async def look(run_id: str) -> tuple[str, bool] | None:
    return RUNS.get(run_id)


async def test_only_worktrees_of_runs_that_are_over_are_removed(repo: Folder, paths: Paths) -> None:
    for name in (*RUNS, "stranger"):
        await prepared(repo, paths, name)
    found = await list_worktrees(paths, look)
    assert {one.name: one.status for one in found} == {
        **{name: status for name, (status, _) in RUNS.items()},
        "stranger": "unknown",
    }
    assert all(one.bytes > 0 for one in found)
    removed = await remove_ended(paths, found, look)
    assert {one.name for one in removed} == {"green", "failed"}
    left = {one.name for one in await list_worktrees(paths, look)}
    assert left == {"at-work", "busy", "resting", "asking", "stranger"}
    assert "autonomous/green" in repo.git("branch", "--list", "autonomous/*")


async def test_a_run_that_was_taken_up_again_after_the_look_keeps_its_worktree(repo: Folder, paths: Paths) -> None:
    await prepared(repo, paths, "green")
    found = await list_worktrees(paths, look)

    async def now(run_id: str) -> tuple[str, bool] | None:
        return "running", True

    assert await remove_ended(paths, found, now) == []
    assert (paths.worktrees / "green").is_dir()


async def test_a_phase_goes_with_its_branch_and_its_commits_stay(repo: Folder, paths: Paths) -> None:
    run = await prepared(repo, paths, "failed")
    phase = await open_phase(run, "p1", run.base_commit)
    edit(phase, {"one.py": "1\n"})
    commit = (await checkpoint(phase, "one", base=phase.base_commit)).commit
    found = await list_worktrees(paths, look)
    assert [(one.name, one.run_id) for one in found] == [("failed", "failed"), ("failed.p1", "failed")]
    await remove_ended(paths, found, look)
    assert await list_worktrees(paths, look) == []
    assert phase_prepared("failed", "p1", paths, None) is None
    repo.git("gc", "-q", "--prune=now")
    assert repo.git("cat-file", "-t", commit) == "commit"


async def test_no_folder_no_worktrees(paths: Paths) -> None:
    assert await list_worktrees(paths, look) == []
