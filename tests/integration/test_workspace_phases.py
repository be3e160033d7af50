"""Worktrees of phases and forks: apart while they work, merged without a checkout, gone when they are done."""

from dataclasses import replace
from pathlib import Path

import pytest

from config.paths import Paths
from engine.errors import WorkspaceError
from engine.workspace.checkpoint import checkpoint, head
from engine.workspace.phases import begin_at, close_phase, merge_phase, open_phase, phase_prepared
from engine.workspace.prepared import Prepared, forget_record
from engine.workspace.tree_merge import merge_files, merge_trees
from sandbox.identity import sandbox_identity
from tests.workspace_fixtures import Folder, edit, files_of, paths, plain, prepared, repo

__all__ = ["paths", "plain", "repo"]

Files = dict[str, str | bytes | None]


async def worked(work: Prepared, files: Files) -> str:
    edit(work, files)
    return (await checkpoint(work, "work", base=work.base_commit)).commit


async def test_phases_work_apart_and_come_together(repo: Folder, paths: Paths) -> None:
    run = await prepared(repo, paths)
    before = repo.as_seen()
    one = await open_phase(run, "p1", run.base_commit)
    two = await open_phase(run, "p2", run.base_commit)
    assert (one.branch, one.worktree.name) == ("autonomous/run-1.p1", "run-1.p1")
    assert files_of(one.worktree) == files_of(two.worktree) == repo.files()
    first = await worked(one, {"app.py": "ONE\ntwo\nthree\nfour\nfive\n", "one.py": "1\n"})
    second = await worked(two, {"app.py": "one\ntwo\nthree\nfour\nFIVE\n", "pkg/core.py": None})
    assert "one.py" not in files_of(two.worktree) | files_of(run.worktree)
    merged = await merge_phase(run, one.base_commit, first, "Merge phase p1")
    merged = await merge_phase(run, two.base_commit, second, "Merge phase p2")
    assert merged.conflicts == ()
    assert files_of(run.worktree) == {
        "app.py": b"ONE\ntwo\nthree\nfour\nFIVE\n",
        "one.py": b"1\n",
        ".gitignore": b"ignored/\n",
    }
    assert repo.git("rev-parse", "autonomous/run-1") == merged.commit == await head(run)
    assert repo.git("rev-parse", f"{merged.commit}^2") == second
    assert repo.git("log", "-1", "--format=%s", merged.commit) == "Merge phase p2"
    await close_phase(one)
    await close_phase(two)
    await close_phase(two)
    assert repo.git("for-each-ref", "--format=%(refname)", "refs/heads/autonomous") == "refs/heads/autonomous/run-1"
    assert not one.worktree.exists()
    assert not one.git_dir.exists()
    assert phase_prepared("run-1", "p1", paths, sandbox_identity()) is None
    assert repo.as_seen() == before


async def test_merging_the_same_commit_again_changes_nothing(repo: Folder, paths: Paths) -> None:
    run = await prepared(repo, paths)
    phase = await open_phase(run, "p1", run.base_commit)
    commit = await worked(phase, {"one.py": "1\n"})
    first = await merge_phase(run, phase.base_commit, commit, "m")
    assert await merge_phase(run, phase.base_commit, commit, "m") == first


async def test_a_merge_that_was_killed_before_the_branch_moved_is_made_again(repo: Folder, paths: Paths) -> None:
    """The files are there and the branch is not: what a kill between the two leaves."""
    run = await prepared(repo, paths)
    phase = await open_phase(run, "p1", run.base_commit)
    commit = await worked(phase, {"one.py": "1\n", "app.py": "x\n"})
    edit(run, {"one.py": "1\n", "app.py": "half"})
    merged = await merge_phase(run, phase.base_commit, commit, "m")
    assert files_of(run.worktree)["app.py"] == b"x\n"
    assert await head(run) == merged.commit != run.base_commit


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        ({"app.py": "1\ntwo\nthree\nfour\nfive\n"}, {"app.py": "2\ntwo\nthree\nfour\nfive\n"}, "app.py"),
        ({"new.py": "a\n"}, {"new.py": "b\n"}, "new.py"),
        ({"app.py": None}, {"app.py": "2\ntwo\nthree\nfour\nfive\n"}, "app.py"),
        ({"é è.py": b"\0a"}, {"é è.py": b"\0b"}, "é è.py"),
    ],
)
async def test_conflicts_are_named_and_nothing_is_merged(
    repo: Folder, paths: Paths, first: Files, second: Files, path: str
) -> None:
    run = await prepared(repo, paths)
    one, two = [await open_phase(run, name, run.base_commit) for name in ("p1", "p2")]
    tip = (await merge_phase(run, one.base_commit, await worked(one, first), "m")).commit
    theirs = await worked(two, second)
    before = files_of(run.worktree)
    merged = await merge_phase(run, two.base_commit, theirs, "m")
    assert (merged.commit, merged.conflicts) == (tip, (path,))
    assert files_of(run.worktree) == before
    assert (await merge_files(run, two.base_commit, tip, theirs)).conflicts == (path,)


async def test_the_way_without_gits_own_merge_comes_to_the_same(repo: Folder, paths: Paths) -> None:
    run = await prepared(repo, paths)
    one, two = [await open_phase(run, name, run.base_commit) for name in ("p1", "p2")]
    first = await worked(one, {"app.py": "ONE\ntwo\nthree\nfour\nfive\n", "lib/one.py": "1\n"})
    second = await worked(two, {"app.py": "one\ntwo\nthree\nfour\nFIVE\n", "pkg/core.py": None, "lib/two.py": "2\n"})
    merged = await merge_trees(run, run.base_commit, first, second)
    assert merged.tree
    assert merged == await merge_files(run, run.base_commit, first, second)


async def test_a_file_in_the_way_of_a_folder_is_a_conflict_file_by_file(repo: Folder, paths: Paths) -> None:
    run = await prepared(repo, paths)
    one, two = [await open_phase(run, name, run.base_commit) for name in ("p1", "p2")]
    first, second = await worked(one, {"lib": "file\n"}), await worked(two, {"lib/x.py": "x\n"})
    assert (await merge_files(run, run.base_commit, first, second)).conflicts == ("lib/x.py",)
    assert (await merge_phase(run, run.base_commit, first, "m")).conflicts == ()
    assert (await merge_phase(run, run.base_commit, second, "m")).conflicts


async def test_attributes_of_the_worktree_do_not_hide_conflicts(repo: Folder, paths: Paths) -> None:
    repo.write({".gitattributes": "* merge=union\n"})
    repo.commit()
    run = await prepared(repo, paths)
    one, two = [await open_phase(run, name, run.base_commit) for name in ("p1", "p2")]
    await merge_phase(run, run.base_commit, await worked(one, {"app.py": "1\n"}), "m")
    assert (await merge_phase(run, run.base_commit, await worked(two, {"app.py": "2\n"}), "m")).conflicts == ("app.py",)


async def test_opening_again_returns_what_is_there(repo: Folder, paths: Paths) -> None:
    run = await prepared(repo, paths)
    phase = await open_phase(run, "p1", run.base_commit)
    edit(phase, {"draft.py": "d\n"})
    assert await open_phase(run, "p1", run.base_commit) == phase
    assert phase_prepared("run-1", "p1", paths, sandbox_identity()) == phase
    assert "draft.py" in files_of(phase.worktree)


async def test_a_lost_worktree_is_as_its_branch_has_it(repo: Folder, paths: Paths) -> None:
    run = await prepared(repo, paths)
    phase = await open_phase(run, "p1", run.base_commit)
    await worked(phase, {"one.py": "1\n"})
    for name in files_of(phase.worktree):
        (phase.worktree / name).unlink()
    (phase.worktree / "pkg").rmdir()
    phase.worktree.rmdir()
    await open_phase(run, "p1", run.base_commit)
    assert files_of(phase.worktree) == {**repo.files(), "one.py": b"1\n"}


async def test_a_half_opened_phase_is_opened_anew(repo: Folder, paths: Paths) -> None:
    run = await prepared(repo, paths)
    phase = await open_phase(run, "p1", run.base_commit)
    edit(phase, {"rest": "of an earlier one\n"})
    forget_record(phase.git_dir)
    assert await open_phase(run, "p1", run.base_commit) == phase
    assert "rest" not in files_of(phase.worktree)


async def test_a_phase_that_begins_elsewhere_is_made_anew_and_its_commits_stay(repo: Folder, paths: Paths) -> None:
    run = await prepared(repo, paths)
    commit = await worked(await open_phase(run, "p1", run.base_commit), {"one.py": "1\n"})
    tip = await worked(run, {"other.py": "o\n"})
    again = await open_phase(run, "p1", tip)
    assert again.base_commit == tip
    assert set(files_of(again.worktree)) == {*repo.files(), "other.py"}
    repo.git("gc", "-q", "--prune=now")
    assert repo.git("cat-file", "-t", commit) == "commit"


async def test_a_phase_may_be_called_lock(repo: Folder, paths: Paths) -> None:
    run = await prepared(repo, paths)
    phase = await open_phase(run, "lock", run.base_commit)
    assert phase_prepared("run-1", "lock", paths, sandbox_identity()) == phase


async def test_a_fork_begins_at_a_checkpoint_and_keeps_the_base(repo: Folder, paths: Paths) -> None:
    repo.write({"draft.txt": "mine\n"})
    run = await prepared(repo, paths)
    early = await worked(run, {"one.py": "1\n"})
    await worked(run, {"one.py": "2\n"})
    before = repo.as_seen()
    fork = await begin_at("run-2", repo.root, paths, sandbox_identity(), run, early)
    assert (fork.branch, fork.base_commit, fork.snapshot) == ("autonomous/run-2", run.base_commit, True)
    assert repo.git("rev-parse", "autonomous/run-2") == early
    assert files_of(fork.worktree) == {**repo.files(), "one.py": b"1\n"}
    assert repo.git("rev-parse", "refs/miracle/run-2/snapshot") == run.base_commit
    edit(fork, {"two.py": "2\n"})
    assert await begin_at("run-2", repo.root, paths, sandbox_identity(), run, early) == fork
    assert "two.py" in files_of(fork.worktree)
    assert repo.as_seen() == before


async def test_a_fork_of_a_plain_folder_shares_its_repository(plain: Folder, paths: Paths) -> None:
    run = await prepared(plain, paths)
    commit = await worked(run, {"new.txt": "n\n"})
    fork = await begin_at("run-2", plain.root, paths, None, run, commit)
    assert (fork.repository, fork.owned) == (run.repository, True)
    assert (fork.worktree / "new.txt").read_text() == "n\n"


async def test_a_fork_of_another_repository_or_a_lost_commit_is_refused(
    repo: Folder, paths: Paths, tmp_path: Path
) -> None:
    run = await prepared(repo, paths)
    other = Folder(tmp_path / "other")
    other.git("init", "-q")
    with pytest.raises(WorkspaceError, match="is not the repository"):
        await begin_at("run-2", other.root, paths, None, run, run.base_commit)
    with pytest.raises(WorkspaceError, match="is not in the repository any more"):
        await begin_at("run-2", repo.root, paths, None, run, "1" * 40)
    with pytest.raises(WorkspaceError, match="is not in the repository any more"):
        await open_phase(replace(run), "p1", "1" * 40)
