"""A promotion can be taken back: the person's files as they were, and nothing of what they did since is lost."""

import asyncio
import os
import stat
import sys
from pathlib import Path

import pytest

from config.paths import Paths
from engine.errors import WorkspaceError
from engine.workspace.backup import forget_backup, read_backup
from engine.workspace.checkpoint import checkpoint
from engine.workspace.prepared import Prepared
from engine.workspace.preview import Selection
from engine.workspace.promote import promote
from engine.workspace.undo import UndoOutcome, preview_undo, undo
from tests.workspace_fixtures import Folder, edit, files_of, paths, plain, prepared, repo

__all__ = ["paths", "plain", "repo"]

RESULT: dict[str, str | bytes | None] = {
    "app.py": "one\ntwo\nthree\nfour\nFIVE\n",
    "lib/new.py": "new = 1\n",
    "pkg/core.py": None,
}


async def done(work: Prepared, files: dict[str, str | bytes | None] | None = None) -> str:
    edit(work, RESULT if files is None else files)
    return (await checkpoint(work, "result", base=work.base_commit)).commit


async def undone(work: Prepared, folder: Folder, *force: str) -> UndoOutcome:
    outcome = await undo(work, folder.root, frozenset(force))
    await forget_backup(work, outcome.backup)
    return outcome


async def test_a_merge_is_taken_back_with_its_commit(repo: Folder, paths: Paths) -> None:
    work = await prepared(repo, paths)
    commit = await done(work)
    before, first = repo.as_seen(), repo.git("rev-parse", "HEAD")
    merged = await promote(work, repo.root, "run-1", "merge", commit)
    assert merged.files == ("app.py", "lib/new.py", "pkg/core.py")
    assert merged.undo == "refs/miracle/run-1/before-promotion"
    seen = await preview_undo(work, repo.root)
    assert dict(seen.files) == {"app.py": "as it was", "lib/new.py": "removed", "pkg/core.py": "written again"}
    assert (seen.conflicts, seen.moves.startswith("main goes from")) == ((), True)
    outcome = await undone(work, repo)
    assert repo.as_seen()[0::3] == before[0::3]
    assert repo.git("status", "--porcelain") == ""
    assert repo.git("rev-parse", "HEAD") == first
    assert repo.git("rev-parse", "HEAD@{1}") == merged.commit
    assert "back at" in outcome.detail
    with pytest.raises(WorkspaceError, match="no promotion"):
        await undo(work, repo.root)
    again = await promote(work, repo.root, "run-1", "merge", commit)
    assert repo.git("rev-parse", "HEAD") == again.commit


async def test_work_that_came_after_stays(repo: Folder, paths: Paths) -> None:
    work = await prepared(repo, paths)
    merged = await promote(work, repo.root, "run-1", "merge", await done(work))
    repo.write({"app.py": "MINE\ntwo\nthree\nfour\nFIVE\n", "mine.py": "m\n"})
    repo.git("add", "mine.py")
    outcome = await undone(work, repo)
    assert (repo.root / "app.py").read_text() == "MINE\ntwo\nthree\nfour\nfive\n"
    assert repo.git("status", "--porcelain").split("\n") == ["M app.py", "A  mine.py"]
    assert merged.commit[:12] in outcome.detail


async def test_a_merge_with_commits_on_top_stays_in_the_history(repo: Folder, paths: Paths) -> None:
    work = await prepared(repo, paths)
    await promote(work, repo.root, "run-1", "merge", await done(work))
    repo.write({"later.py": "l\n"})
    later = repo.commit("later")
    assert "stays in the history" in (await preview_undo(work, repo.root)).warning
    outcome = await undone(work, repo)
    assert repo.git("rev-parse", "HEAD") == later
    assert (repo.root / "app.py").read_text() == "one\ntwo\nthree\nfour\nfive\n"
    assert (repo.root / "pkg/core.py").exists()
    assert "stays in your history" in outcome.detail


async def test_a_file_changed_in_the_same_place_is_refused_by_name(repo: Folder, paths: Paths) -> None:
    work = await prepared(repo, paths)
    await promote(work, repo.root, "run-1", "merge", await done(work))
    repo.write({"app.py": "one\ntwo\nthree\nfour\nmy five\n", "lib/new.py": "new = 2\n"})
    before = repo.as_seen()
    assert len((await preview_undo(work, repo.root)).conflicts) == 2
    with pytest.raises(WorkspaceError) as caught:
        await undo(work, repo.root)
    assert "app.py: both changed the same lines; lib/new.py: you changed it" in caught.value.title
    with pytest.raises(WorkspaceError, match=r"lib/new\.py"):
        await undo(work, repo.root, frozenset({"app.py"}))
    assert repo.as_seen() == before
    await undone(work, repo, "app.py", "lib/new.py")
    assert (repo.root / "app.py").read_text() == "one\ntwo\nthree\nfour\nfive\n"
    assert not (repo.root / "lib").exists()
    assert repo.git("show", "refs/miracle/run-1/before-undo:lib/new.py") == "new = 2"


async def test_a_dirty_tree_is_as_dirty_as_before(repo: Folder, paths: Paths) -> None:
    repo.write({"app.py": "dirty\ntwo\nthree\nfour\nfive\n", "draft.txt": "d\n"})
    work = await prepared(repo, paths)
    commit = await done(work, {"app.py": "dirty\ntwo\nthree\nfour\nFIVE\n", "draft.txt": "D\n"})
    before = repo.as_seen()
    await promote(work, repo.root, "run-1", "merge", commit)
    assert (repo.root / "draft.txt").read_text() == "D\n"
    await undone(work, repo)
    assert repo.as_seen() == before


async def test_bytes_and_permissions_are_as_they_were(tmp_path: Path, paths: Paths) -> None:
    folder = Folder(tmp_path / "crlf")
    folder.git("init", "-q")
    folder.git("config", "core.autocrlf", "true")
    folder.write({"a.txt": "one\r\ntwo\r\n", "mixed.txt": "one\ntwo\r\n", "gone.txt": "x\n", "run.sh": "#!\n"})
    folder.commit()
    (folder.root / "gone.txt").chmod(0o600)
    (folder.root / "link").symlink_to("a.txt")
    work = await prepared(folder, paths)
    (work.worktree / "link").unlink()
    (work.worktree / "link").symlink_to("run.sh")
    (work.worktree / "run.sh").chmod(0o755)
    commit = await done(work, {"a.txt": "1\n", "mixed.txt": "2\n", "gone.txt": None})
    before = files_of(folder.root)
    await promote(work, folder.root, "run-1", "merge", commit)
    assert set(files_of(folder.root)) == {"a.txt", "mixed.txt", "run.sh"}
    await undone(work, folder)
    assert files_of(folder.root) == before
    assert stat.S_IMODE((folder.root / "gone.txt").stat().st_mode) == 0o600
    assert not (folder.root / "run.sh").stat().st_mode & 0o111
    assert os.readlink(folder.root / "link") == "a.txt"


async def test_promotions_are_taken_back_one_after_the_other(plain: Folder, paths: Paths) -> None:
    work = await prepared(plain, paths)
    commit = await done(work, {"notes.txt": "hello there\n", "sub/new.txt": "n\n"})
    start = plain.files()
    await promote(work, plain.root, "run-1", "merge", commit, Selection({"notes.txt": {1: "theirs"}}))
    part = plain.files()
    await promote(work, plain.root, "run-1", "merge", commit)
    assert set(plain.files()) == {*start, "sub/new.txt"}
    await undone(work, plain)
    assert plain.files() == part != start
    await undone(work, plain)
    assert plain.files() == start


async def test_what_is_kept_can_be_restored_by_hand(repo: Folder, paths: Paths) -> None:
    work = await prepared(repo, paths)
    await promote(work, repo.root, "run-1", "merge", await done(work))
    repo.git("branch", "-D", "autonomous/run-1")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    repo.git("restore", "--source=refs/miracle/run-1/before-promotion:before", "--worktree", "--", "app.py")
    assert (repo.root / "app.py").read_text() == "one\ntwo\nthree\nfour\nfive\n"


async def test_the_snapshot_outlives_branch_and_cleaning_and_is_restored_by_hand(repo: Folder, paths: Paths) -> None:
    repo.write({"app.py": "unsaved\n", "untracked/draft.txt": "d\n"})
    (repo.root / "pkg/core.py").unlink()
    before = repo.files()
    await prepared(repo, paths)
    assert repo.git("branch", "--list", "*miracle*") == repo.git("tag") == ""
    repo.git("branch", "-D", "autonomous/run-1")
    repo.git("checkout", "-q", "-f", "HEAD")
    repo.git("clean", "-fdq")
    repo.git("gc", "-q", "--prune=now")
    assert repo.files() != before
    repo.git("restore", "--source=refs/miracle/run-1/snapshot", "--worktree", "--", ".")
    assert repo.files() == before


async def test_a_clean_tree_needs_no_snapshot(repo: Folder, paths: Paths) -> None:
    await prepared(repo, paths)
    assert repo.git("for-each-ref", "refs/miracle") == ""


async def test_undoing_respects_another_git_and_another_folder(repo: Folder, paths: Paths, plain: Folder) -> None:
    work = await prepared(repo, paths)
    await promote(work, repo.root, "run-1", "merge", await done(work))
    with pytest.raises(WorkspaceError, match="was written into"):
        await undo(work, plain.root)
    (repo.root / ".git/index.lock").touch()
    with pytest.raises(WorkspaceError, match="Another git"):
        await undo(work, repo.root)
    (repo.root / ".git/index.lock").unlink()
    assert (repo.root / "lib/new.py").exists()


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from config.paths import find_paths
from engine.workspace.backup import forget_backup
from engine.workspace.promote import promote
from engine.workspace.undo import undo
from engine.workspace.worktree import prepare_worktree
what, nth, workspace, commit = sys.argv[1:]
calls = 0
def dies(event, arguments):
    global calls
    renamed = event in ("os.rename", "os.remove") and os.fspath(arguments[0]).startswith(workspace)
    writes = event == "subprocess.Popen" and any(
        word in str(arguments[1]) for word in ("update-ref", "commit-tree", "'update-index', '-z'", "write-tree")
    )
    if renamed or writes:
        calls += 1
        if calls == int(nth):
            os.kill(os.getpid(), signal.SIGKILL)
async def main():
    work = await prepare_worktree("run-1", Path(workspace), find_paths(), None)
    sys.addaudithook(dies)
    if what == "promote":
        await promote(work, Path(workspace), "run-1", "merge", commit)
    else:
        await forget_backup(work, (await undo(work, Path(workspace))).backup)
    os._exit(7)
asyncio.run(main())
"""


async def killed(paths: Paths, what: str, nth: int, repo: Folder, commit: str) -> bool:
    """Run it in a process that is killed before its nth write; whether it was."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, what, str(nth), str(repo.root), commit,
        cwd=Path(__file__).parents[2], env={**os.environ, "MIRACLE_HOME": str(paths.data.parent)},
    )  # fmt: skip
    status = await process.wait()
    assert status in (7, -9)
    return status == -9


def whole(repo: Folder, first: dict[str, bytes], last: dict[str, bytes]) -> None:
    """Every file is the old one or the new one."""
    now = {path: body for path, body in repo.files().items() if not path.startswith(".miracle-promote")}
    for path, body in now.items():
        assert body in (first.get(path), last.get(path)), path


async def test_a_kill_before_any_write_of_promote_and_undo_is_made_good(repo: Folder, paths: Paths) -> None:
    """Each write, in turn, is the one that does not happen: files are whole, and doing it again finishes."""
    work = await prepared(repo, paths)
    commit = await done(work)
    before, first = repo.files(), repo.git("rev-parse", "HEAD")
    await promote(work, repo.root, "run-1", "merge", commit)
    after = repo.files()
    await undone(work, repo)
    kills = {"promote": 0, "undo": 0}
    for what in ("promote", "undo"):
        nth = 1
        while await killed(paths, what, nth, repo, commit):
            kills[what] += 1
            whole(repo, before, after)
            if what == "promote":
                merged = await promote(work, repo.root, "run-1", "merge", commit)
                assert (repo.files(), repo.git("status", "--porcelain")) == (after, "")
                assert merged.files == ("app.py", "lib/new.py", "pkg/core.py")
            if await read_backup(work) is not None:
                await undone(work, repo)
            assert (repo.files(), repo.git("status", "--porcelain")) == (before, "")
            assert repo.git("rev-parse", "HEAD") == first
            assert await read_backup(work) is None
            if what == "undo":
                await promote(work, repo.root, "run-1", "merge", commit)
            nth += 1
        if what == "promote":
            assert repo.files() == after
    assert repo.files() == before
    assert kills["promote"] >= 10
    assert kills["undo"] >= 6
