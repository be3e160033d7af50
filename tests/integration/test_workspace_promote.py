"""Delivery into the person's tree: nothing of theirs is ever lost."""

import asyncio
import os
import stat
import sys
from pathlib import Path

import pytest

from config.paths import Paths
from engine.errors import WorkspaceError
from engine.workspace.checkpoint import checkpoint
from engine.workspace.prepared import Prepared
from engine.workspace.promote import How, promote
from tests.workspace_fixtures import Folder, edit, files_of, paths, plain, prepared, repo

__all__ = ["paths", "plain", "repo"]

RESULT: dict[str, str | bytes | None] = {
    "app.py": "one\ntwo\nthree\nfour\nFIVE\n",
    "lib/new.py": "new = 1\n",
    "pkg/core.py": None,
}
WANTED = {"app.py": b"one\ntwo\nthree\nfour\nFIVE\n", "lib/new.py": b"new = 1\n", ".gitignore": b"ignored/\n"}


async def done(work: Prepared, files: dict[str, str | bytes | None] | None = None) -> str:
    edit(work, RESULT if files is None else files)
    return (await checkpoint(work, "result", base=work.base_commit)).commit


async def test_a_clean_branch_gets_a_merge_commit(repo: Folder, paths: Paths) -> None:
    work = await prepared(repo, paths)
    commit = await done(work)
    first = repo.git("rev-parse", "HEAD")
    outcome = await promote(work, repo.root, "run-1", "merge", commit)
    assert repo.git("rev-parse", "HEAD") == outcome.commit
    assert repo.git("rev-parse", "HEAD^1", "HEAD^2").split() == [first, commit]
    assert repo.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert repo.git("status", "--porcelain") == ""
    assert repo.files() == WANTED
    assert not (repo.root / "pkg").exists()
    assert "as commit" in outcome.detail


async def test_other_work_since_then_is_merged(repo: Folder, paths: Paths) -> None:
    work = await prepared(repo, paths)
    commit = await done(work)
    repo.write({"app.py": "ONE\ntwo\nthree\nfour\nfive\n", "mine.py": "m\n"})
    repo.commit("meanwhile")
    repo.write({"untracked.txt": "u\n"})
    await promote(work, repo.root, "run-1", "merge", commit)
    assert (repo.root / "app.py").read_text() == "ONE\ntwo\nthree\nfour\nFIVE\n"
    assert repo.git("status", "--porcelain") == "?? untracked.txt"
    assert repo.git("show", "HEAD:app.py").startswith("ONE")
    assert repo.git("show", "HEAD:mine.py") == "m"


async def test_a_dirty_tree_gets_uncommitted_changes_beside_its_own(repo: Folder, paths: Paths) -> None:
    repo.write({"app.py": "dirty\ntwo\nthree\nfour\nfive\n", "draft.txt": "d\n"})
    work = await prepared(repo, paths)
    commit = await done(work, {"app.py": "dirty\ntwo\nthree\nfour\nFIVE\n"})
    repo.write({"app.py": "dirtier\ntwo\nthree\nfour\nfive\n"})
    repo.git("add", "draft.txt")
    first, index = repo.git("rev-parse", "HEAD"), (repo.root / ".git/index").read_bytes()
    outcome = await promote(work, repo.root, "run-1", "merge", commit)
    assert (repo.root / "app.py").read_text() == "dirtier\ntwo\nthree\nfour\nFIVE\n"
    assert repo.git("rev-parse", "HEAD") == first
    assert (repo.root / ".git/index").read_bytes() == index
    assert "uncommitted" in outcome.detail


@pytest.mark.parametrize(
    ("mine", "says"),
    [
        ({"app.py": "one\ntwo\nthree\nfour\nmy five\n"}, "app.py: both changed the same lines"),
        ({"lib/new.py": "mine\n"}, "lib/new.py: you have another file of that name"),
        ({"pkg/core.py": "x = 2\n"}, "pkg/core.py: you changed it, and the run removed it"),
        ({"app.py": b"\0binary\n"}, "app.py: both changed it, and it is no text"),
        ({"lib": "a file\n"}, "lib/new.py: a file is where its folder would be"),
        ({"lib/new.py/x": "a folder\n"}, "lib/new.py: a folder is there"),
    ],
)
async def test_conflicts_are_named_and_nothing_is_written(
    repo: Folder, paths: Paths, mine: dict[str, str | bytes], says: str
) -> None:
    work = await prepared(repo, paths)
    commit = await done(work)
    repo.write(mine)
    before = repo.as_seen()
    with pytest.raises(WorkspaceError) as caught:
        await promote(work, repo.root, "run-1", "merge", commit)
    assert says in caught.value.title
    assert "Nothing was written" in caught.value.hint
    assert repo.as_seen() == before


async def test_a_file_the_person_removed_is_a_conflict(repo: Folder, paths: Paths) -> None:
    work = await prepared(repo, paths)
    commit = await done(work)
    (repo.root / "app.py").unlink()
    with pytest.raises(WorkspaceError, match="you removed it"):
        await promote(work, repo.root, "run-1", "merge", commit)


async def test_nothing_is_written_through_a_link(repo: Folder, paths: Paths, tmp_path: Path) -> None:
    work = await prepared(repo, paths)
    commit = await done(work)
    (tmp_path / "elsewhere").mkdir()
    (repo.root / "lib").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError, match="is a link"):
        await promote(work, repo.root, "run-1", "merge", commit)
    assert list((tmp_path / "elsewhere").iterdir()) == []


KILLED = """
import asyncio, os, sys
from pathlib import Path
from config.paths import find_paths
from engine.workspace.promote import How, promote
from engine.workspace.worktree import prepare_worktree
step, workspace, commit = sys.argv[1:]
calls = 0
def dies(event, arguments):
    global calls
    name = f"{event} {arguments[1]}" if event == "subprocess.Popen" else event
    if step in name and (event == "subprocess.Popen" or ".miracle-promote" in str(arguments[0])):
        calls += 1
        if calls == (2 if event == "os.rename" else 1):
            os._exit(9)
async def main():
    work = await prepare_worktree("run-1", Path(workspace), find_paths(), None)
    sys.addaudithook(dies)
    await promote(work, Path(workspace), "run-1", "merge", commit)
asyncio.run(main())
"""


@pytest.mark.parametrize("step", ["os.rename", "'read-tree'", "'commit-tree'", "'update-ref', '-m'"])
async def test_promoting_again_finishes_what_a_kill_cut_short(repo: Folder, paths: Paths, step: str) -> None:
    """Killed between two files, before the merge commit, before the index, before the branch moves."""
    work = await prepared(repo, paths)
    commit = await done(work)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, step, str(repo.root), commit,
        cwd=Path(__file__).parents[2], env={**os.environ, "MIRACLE_HOME": str(paths.data.parent)},
    )  # fmt: skip
    assert await process.wait() == 9
    outcome = await promote(work, repo.root, "run-1", "merge", commit)
    assert repo.files() == WANTED
    assert repo.git("status", "--porcelain") == ""
    assert repo.git("rev-parse", "HEAD") == outcome.commit
    assert repo.git("rev-parse", "HEAD^2") == commit


async def test_promoting_twice_says_that_it_is_done(repo: Folder, paths: Paths) -> None:
    repo.write({"dirty.txt": "d\n"})
    work = await prepared(repo, paths)
    commit = await done(work)
    await promote(work, repo.root, "run-1", "merge", commit)
    before = repo.as_seen()
    outcome = await promote(work, repo.root, "run-1", "merge", commit)
    assert "already" in outcome.detail
    assert repo.as_seen() == before


async def test_a_detached_head_and_another_branch_get_uncommitted_changes(repo: Folder, paths: Paths) -> None:
    work = await prepared(repo, paths)
    commit = await done(work)
    repo.git("checkout", "-q", "--detach")
    first = repo.git("rev-parse", "HEAD")
    assert "uncommitted" in (await promote(work, repo.root, "run-1", "merge", commit)).detail
    assert repo.git("rev-parse", "HEAD") == first


async def test_another_git_at_work_is_respected(repo: Folder, paths: Paths) -> None:
    work = await prepared(repo, paths)
    commit = await done(work)
    (repo.root / ".git/index.lock").touch()
    with pytest.raises(WorkspaceError, match="Another git"):
        await promote(work, repo.root, "run-1", "merge", commit)
    (repo.root / ".git/index.lock").unlink()
    assert b"FIVE" not in (repo.root / "app.py").read_bytes()


async def test_a_plain_folder_gets_the_files(plain: Folder, paths: Paths) -> None:
    work = await prepared(plain, paths)
    (plain.root / "notes.txt").chmod(0o600)
    commit = await done(work, {"notes.txt": "hello there\n", "sub/new.txt": "n\n", "data/rows.csv": None})
    outcome = await promote(work, plain.root, "run-1", "merge", commit)
    assert plain.files() == {"notes.txt": b"hello there\n", "sub/new.txt": b"n\n"}
    assert stat.S_IMODE((plain.root / "notes.txt").stat().st_mode) == 0o600
    assert (plain.root / "sub/new.txt").stat().st_uid == plain.root.stat().st_uid
    assert outcome.how == "merge"
    assert not (plain.root / ".git").exists()
    assert sorted(os.listdir(plain.root)) == ["notes.txt", "sub"]


async def test_a_plain_folder_that_changed_in_the_same_place_is_refused(plain: Folder, paths: Paths) -> None:
    work = await prepared(plain, paths)
    commit = await done(work, {"notes.txt": "hello there\n", "sub/new.txt": "n\n"})
    plain.write({"notes.txt": "mine\nhello\n"})
    with pytest.raises(WorkspaceError, match="both changed the same lines"):
        await promote(work, plain.root, "run-1", "merge", commit)
    assert plain.files() == {"notes.txt": b"mine\nhello\n", "data/rows.csv": b"a,b\n1,2\n"}


async def test_a_patch_applies(repo: Folder, paths: Paths) -> None:
    work = await prepared(repo, paths)
    commit = await done(work, {**RESULT, "img.bin": bytes(range(256))})
    outcome = await promote(work, repo.root, "run-1", "patch", commit)
    assert repo.git("status", "--porcelain") == "?? run-1.patch"
    repo.git("apply", "run-1.patch")
    (repo.root / "run-1.patch").unlink()
    assert repo.files() == {**WANTED, "img.bin": bytes(range(256))}
    assert "git apply" in outcome.detail


async def test_the_branch_is_kept_and_named(repo: Folder, plain: Folder, paths: Paths) -> None:
    work = await prepared(repo, paths)
    commit = await done(work)
    repo.git("branch", "-D", "autonomous/run-1")
    outcome = await promote(work, repo.root, "run-1", "branch", commit)
    assert repo.git("rev-parse", "autonomous/run-1") == commit
    assert "git merge autonomous/run-1" in outcome.detail
    other = await prepared(plain, paths, "run-2")
    outcome = await promote(other, plain.root, "run-2", "branch", await done(other, {"x": "x\n"}))
    assert str(other.repository) in outcome.detail
    assert plain.files().keys() == {"notes.txt", "data/rows.csv"}


@pytest.mark.parametrize("how", ["merge", "patch"])
async def test_nothing_to_deliver_is_said(repo: Folder, paths: Paths, how: How) -> None:
    work = await prepared(repo, paths)
    with pytest.raises(WorkspaceError, match="changed no file"):
        await promote(work, repo.root, "run-1", how, work.base_commit)


async def test_links_and_modes_are_delivered(repo: Folder, paths: Paths) -> None:
    work = await prepared(repo, paths)
    edit(work, {"run.sh": "#!/bin/sh\n"})
    (work.worktree / "run.sh").chmod(0o755)
    (work.worktree / "app.py").chmod(0o755)
    (work.worktree / "link").symlink_to("app.py")
    commit = await done(work, {})
    await promote(work, repo.root, "run-1", "merge", commit)
    assert os.readlink(repo.root / "link") == "app.py"
    assert (repo.root / "run.sh").stat().st_mode & 0o111
    assert (repo.root / "app.py").stat().st_mode & 0o111
    assert repo.git("status", "--porcelain") == ""


async def test_line_ends_of_the_person_are_kept(tmp_path: Path, paths: Paths) -> None:
    folder = Folder(tmp_path / "crlf")
    folder.git("init", "-q")
    folder.git("config", "core.autocrlf", "true")
    folder.write({"a.txt": "one\r\ntwo\r\n"})
    folder.commit()
    work = await prepared(folder, paths)
    commit = await done(work, {"a.txt": "one\r\nTWO\r\n"})
    await promote(work, folder.root, "run-1", "merge", commit)
    assert files_of(folder.root) == {"a.txt": b"one\r\nTWO\r\n"}
    assert folder.git("status", "--porcelain") == ""


async def test_filters_of_the_repository_start_nothing(repo: Folder, paths: Paths, tmp_path: Path) -> None:
    repo.write({".gitattributes": "* filter=evil merge=evil\n"})
    repo.commit()
    work = await prepared(repo, paths)
    commit = await done(work)
    trace = tmp_path / "ran"
    for key in ("filter.evil.clean", "filter.evil.smudge", "merge.evil.driver", "core.fsmonitor"):
        repo.git("config", key, f"touch '{trace}'; cat")
    trace.unlink(missing_ok=True)
    await promote(work, repo.root, "run-1", "merge", commit)
    assert (repo.root / "app.py").read_bytes() == WANTED["app.py"]
    assert not trace.exists()


async def test_a_repository_of_sha256_is_delivered_to(tmp_path: Path, paths: Paths) -> None:
    folder = Folder(tmp_path / "sha256")
    folder.git("init", "-q", "--object-format=sha256")
    folder.write({"app.py": "1\n", "gone.py": "1\n"})
    folder.commit()
    work = await prepared(folder, paths)
    commit = await done(work, {"app.py": "2\n", "gone.py": None})
    outcome = await promote(work, folder.root, "run-1", "merge", commit)
    assert len(outcome.commit) == 64
    assert files_of(folder.root) == {"app.py": b"2\n"}
    assert folder.git("status", "--porcelain") == ""
