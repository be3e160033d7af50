"""Checkpoints keep what the worktree holds, whatever sandboxed code left there."""

import os
from pathlib import Path

import pytest

from config.paths import Paths
from engine.errors import WorkspaceError
from engine.workspace import difference, stage
from engine.workspace.checkpoint import (
    Checkpoint,
    changes_between,
    checkout_clean,
    checkpoint,
    head,
    restore,
    tag,
    tree_of,
)
from engine.workspace.prepared import Prepared
from tests.workspace_fixtures import Folder, content_at, edit, files_of, paths, plain, prepared, repo

__all__ = ["paths", "plain", "repo"]


@pytest.fixture
async def work(repo: Folder, paths: Paths) -> Prepared:
    return await prepared(repo, paths)


async def names_at(work: Prepared, commit: str) -> set[str]:
    return set((await work.git("ls-tree", "-r", "-z", "--name-only", commit)).decode().split("\0")) - {""}


def counted(taken: Checkpoint) -> dict[str, tuple[str, int, int]]:
    return {change.path: (change.status, change.added, change.removed) for change in taken.files}


async def test_a_checkpoint_is_a_commit_on_the_branch(repo: Folder, work: Prepared) -> None:
    before = repo.as_seen()
    edit(work, {"app.py": "one\n2\nthree\nfour\nfive\nsix\n", "new.py": "n\n", "pkg/core.py": None})
    taken = await checkpoint(work, "Iteration 1", base=work.base_commit)
    assert counted(taken) == {
        "app.py": ("modified", 2, 1),
        "new.py": ("added", 1, 0),
        "pkg/core.py": ("deleted", 0, 1),
    }
    assert "+six" in taken.diff
    assert "--- a/app.py" in taken.diff
    assert repo.git("rev-parse", "autonomous/run-1") == taken.commit
    assert repo.git("log", "-1", "--format=%an <%ae> %s", taken.commit) == "Miracle <miracle@localhost> Iteration 1"
    assert repo.as_seen() == before


async def test_nothing_changed_leaves_a_commit_all_the_same(work: Prepared) -> None:
    first = await checkpoint(work, "one", base=work.base_commit)
    second = await checkpoint(work, "two", base=first.commit)
    assert second.commit != first.commit
    assert second.tree == first.tree == await tree_of(work, work.base_commit)
    assert (second.files, second.diff) == ((), "")
    assert await work.git.line("rev-parse", f"{second.commit}^") == first.commit


async def test_renames_and_binary_files_are_named(work: Prepared) -> None:
    text = "".join(f"line {number}\n" for number in range(50))
    edit(work, {"long.txt": text, "a.bin": bytes(range(256))})
    first = await checkpoint(work, "one", base=work.base_commit)
    (work.worktree / "long.txt").rename(work.worktree / "moved.txt")
    edit(work, {"a.bin": bytes(range(255, -1, -1))})
    second = await checkpoint(work, "two", base=first.commit)
    assert counted(second) == {"moved.txt": ("renamed", 0, 0), "a.bin": ("modified", 0, 0)}
    assert "Binary files" in second.diff
    assert "\0" not in second.diff


async def test_a_long_diff_is_cut_with_a_note(work: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "DIFF_LIMIT", 5_000)
    edit(work, {f"f{number:03}.txt": f"{number}\n" * 50 for number in range(100)})
    taken = await checkpoint(work, "many", base=work.base_commit)
    assert len(taken.files) == 100
    assert len(taken.diff) < 5_200
    assert "The diff is cut here" in taken.diff.splitlines()[-1]


async def test_what_tests_leave_behind_is_not_committed(work: Prepared) -> None:
    left = ("pkg/__pycache__/x.pyc", ".hypothesis/y", "node_modules/z/z.js", ".pytest_cache/v", "ignored/q")
    edit(work, {**dict.fromkeys(left, "x"), "kept.py": "k\n"})
    taken = await checkpoint(work, "x", base=work.base_commit)
    assert [change.path for change in taken.files] == ["kept.py"]


async def test_special_files_are_left_out(work: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    """FIFOs, sockets, closed files, links that lead out, a tracked file that became a FIFO, very large files."""
    monkeypatch.setattr(stage, "MAX_FILE_BYTES", 1000)
    os.mkfifo(work.worktree / "pipe")
    (work.worktree / "pkg/core.py").unlink()
    os.mkfifo(work.worktree / "pkg/core.py")
    (work.worktree / "out").symlink_to("/etc")
    edit(work, {"closed.txt": "c\n", "big.txt": "b" * 2000, "dir/inner.txt": "i\n", "app.py": "a" * 2000})
    (work.worktree / "closed.txt").chmod(0)
    (work.worktree / "dir").chmod(0)
    taken = await checkpoint(work, "x", base=work.base_commit)
    assert await names_at(work, taken.commit) == {".gitignore", "app.py", "out", "closed.txt", "dir/inner.txt"}
    assert await content_at(work, taken.commit, "out") == b"/etc"
    assert (await content_at(work, taken.commit, "app.py")).startswith(b"one\n")
    assert {"pkg/core.py", "big.txt", "app.py"} <= {note.split(" ")[0] for note in taken.notes}


async def test_a_folder_that_became_a_link_hides_nothing(work: Prepared, tmp_path: Path) -> None:
    """The file behind the link is not the project's."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "core.py").write_text("secret\n")
    (work.worktree / "pkg/core.py").unlink()
    (work.worktree / "pkg").rmdir()
    (work.worktree / "pkg").symlink_to(tmp_path / "elsewhere")
    taken = await checkpoint(work, "x", base=work.base_commit)
    assert await names_at(work, taken.commit) == {".gitignore", "app.py", "pkg"}
    await restore(work, work.base_commit)
    assert (work.worktree / "pkg/core.py").read_text() == "x = 1\n"
    assert (tmp_path / "elsewhere" / "core.py").read_text() == "secret\n"


async def test_a_repository_made_in_the_sandbox_runs_nothing_and_hides_nothing(work: Prepared, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    inner = Folder(work.worktree / "inner")
    inner.git("init", "-q")
    inner.write({"code.py": "c\n"})
    inner.commit()
    inner.git("config", "core.fsmonitor", f"touch '{trace}'")
    inner.git("config", "filter.evil.clean", f"touch '{trace}'; cat")
    edit(work, {".gitattributes": "* filter=evil -diff\n", "app.py": "changed\n", ".git/config": "[core]\n"})
    taken = await checkpoint(work, "x", base=work.base_commit)
    assert await names_at(work, taken.commit) >= {"inner/code.py", ".gitattributes"}
    assert not any(".git/" in f"/{name}/" and "/.git/" in f"/{name}" for name in await names_at(work, taken.commit))
    assert "+changed" in taken.diff
    assert not trace.exists()


async def test_code_is_on_the_disk_what_it_is_in_the_commit(work: Prepared, tmp_path: Path) -> None:
    """With an encoding of its own, a comment on the disk could be an assertion in the commit, where it is judged."""
    attributes = "*.py working-tree-encoding=UTF-7 ident\n"
    edit(work, {".gitattributes": attributes, "test_a.py": "# +AAo-assert f() == 3\n# $Id$\n"})
    taken = await checkpoint(work, "one", base=work.base_commit)
    assert await content_at(work, taken.commit, "test_a.py") == b"# +AAo-assert f() == 3\n# $Id$\n"
    await checkout_clean(work, taken.commit, tmp_path / "clean")
    assert (tmp_path / "clean" / "test_a.py").read_bytes() == b"# +AAo-assert f() == 3\n# $Id$\n"


async def test_restore_makes_the_worktree_equal_to_a_commit(repo: Folder, work: Prepared) -> None:
    edit(work, {"app.py": "v1\n", "sub/new.py": "n\n"})
    first = await checkpoint(work, "one", base=work.base_commit)
    wanted = files_of(work.worktree)
    edit(
        work,
        {"app.py": "v2\n", "sub/new.py": None, "junk/a/b.txt": "j", "pkg/core.py": None, "__pycache__/c.pyc": b"1"},
    )
    os.mkfifo(work.worktree / "pipe")
    (work.worktree / "pkg" / "core.py").mkdir()
    await checkpoint(work, "two", base=first.commit)
    await restore(work, first.commit)
    found = files_of(work.worktree)
    assert found.pop("__pycache__/c.pyc") == b"1"
    assert found == wanted
    assert not (work.worktree / "pipe").exists()
    assert await head(work) == first.commit == repo.git("rev-parse", "autonomous/run-1")
    after = await checkpoint(work, "three", base=first.commit)
    assert after.files == ()


async def test_protected_files_are_put_back(work: Prepared, tmp_path: Path) -> None:
    """A command in the sandbox can write what the tools refuse to write."""
    edit(work, {"tests/test_a.py": "assert 1\n", "tests/test_b.py": "assert 2\n"})
    taken = await checkpoint(work, "tests", base=work.base_commit)
    edit(work, {"tests/test_a.py": "pass\n", "app.py": "work\n", "tests/test_c.py": "new\n"})
    (work.worktree / "tests/test_b.py").unlink()
    (work.worktree / "tests/test_b.py").symlink_to(tmp_path / "elsewhere")
    keep = frozenset({"tests/test_a.py", "tests/test_b.py", "tests/test_c.py", "gone.py"})
    after = await checkpoint(work, "code", base=taken.commit, keep=keep)
    assert set(after.put_back) == {"tests/test_a.py", "tests/test_b.py"}
    assert (work.worktree / "tests/test_a.py").read_text() == "assert 1\n"
    assert (work.worktree / "tests/test_b.py").read_text() == "assert 2\n"
    assert not (tmp_path / "elsewhere").exists()
    assert (work.worktree / "app.py").read_text() == "work\n"
    assert work.identity is None or (work.worktree / "tests/test_a.py").stat().st_uid == work.identity[0]
    assert [change.path for change in after.files] == ["app.py", "tests/test_c.py"]
    again = await checkpoint(work, "again", base=after.commit, keep=keep)
    assert (again.put_back, again.files) == ((), ())


async def test_a_folder_in_the_place_of_a_kept_file_goes(work: Prepared, tmp_path: Path) -> None:
    edit(work, {"tests/test_a.py": "assert 1\n"})
    taken = await checkpoint(work, "tests", base=work.base_commit)
    (work.worktree / "tests/test_a.py").unlink()
    edit(work, {"tests/test_a.py/inner.py": "x\n"})
    after = await checkpoint(work, "code", base=taken.commit, keep=frozenset({"tests/test_a.py"}))
    assert (work.worktree / "tests/test_a.py").read_text() == "assert 1\n"
    assert after.files == ()
    (work.worktree / "tests/test_a.py").unlink()
    (work.worktree / "tests").rename(tmp_path / "tests")
    (work.worktree / "tests").symlink_to(tmp_path / "tests")
    await checkpoint(work, "code", base=taken.commit, keep=frozenset({"tests/test_a.py"}))
    assert not (tmp_path / "tests/test_a.py").exists()
    assert (work.worktree / "tests/test_a.py").read_text() == "assert 1\n"


async def test_a_clean_checkout_holds_the_commit_and_nothing_else(work: Prepared, tmp_path: Path) -> None:
    edit(work, {"app.py": "v1\n", "ignored/x": "i", "run.sh": "#!/bin/sh\n"})
    (work.worktree / "run.sh").chmod(0o755)
    taken = await checkpoint(work, "one", base=work.base_commit)
    edit(work, {"app.py": "v2\n"})
    target = tmp_path / "clean"
    await checkout_clean(work, taken.commit, target)
    assert files_of(target).keys() == await names_at(work, taken.commit)
    assert (target / "app.py").read_text() == "v1\n"
    assert (target / "run.sh").stat().st_mode & 0o100
    assert work.identity is None or (target / "app.py").stat().st_uid == work.identity[0]
    assert (work.worktree / "app.py").read_text() == "v2\n"
    with pytest.raises(WorkspaceError, match="not empty"):
        await checkout_clean(work, taken.commit, target)


async def test_tags_are_in_the_repository(repo: Folder, work: Prepared) -> None:
    assert await tag(work, "phase-1", work.base_commit) == "autonomous/run-1/phase-1"
    assert repo.git("rev-parse", "autonomous/run-1/phase-1") == work.base_commit
    with pytest.raises(WorkspaceError, match="cannot name a tag"):
        await tag(work, "a b", work.base_commit)


async def test_changes_between_two_checkpoints(work: Prepared) -> None:
    edit(work, {"a.py": "1\n"})
    first = await checkpoint(work, "one", base=work.base_commit)
    edit(work, {"b.py": "1\n"})
    second = await checkpoint(work, "two", base=first.commit)
    files, diff = await changes_between(work, work.base_commit, second.commit)
    assert [change.path for change in files] == ["a.py", "b.py"]
    assert diff.count("diff --git") == 2


async def test_a_branch_that_the_person_looks_at_is_not_moved_under_them(repo: Folder, work: Prepared) -> None:
    repo.git("checkout", "-q", "autonomous/run-1")
    edit(work, {"a.py": "1\n"})
    taken = await checkpoint(work, "one", base=work.base_commit)
    assert repo.git("status", "--porcelain") == ""
    assert await head(work) == taken.commit


async def test_a_deleted_branch_comes_back(repo: Folder, work: Prepared) -> None:
    repo.git("branch", "-D", "autonomous/run-1")
    taken = await checkpoint(work, "one", base=work.base_commit)
    assert repo.git("rev-parse", "autonomous/run-1") == taken.commit


async def test_messages_of_any_kind_are_kept(repo: Folder, work: Prepared) -> None:
    taken = await checkpoint(work, "-m \0 \ud800 ünï\n\n#no comment", base=work.base_commit)
    assert "#no comment" in repo.git("log", "-1", "--format=%B", taken.commit)


def test_closed_files_are_opened_again_by_their_owner(tmp_path: Path) -> None:
    closed = tmp_path / "tree"
    (closed / "sub").mkdir(parents=True)
    (closed / "sub" / "file").write_text("x")
    (closed / "sub" / "out").symlink_to("/etc/passwd")
    for path in (closed / "sub" / "file", closed / "sub"):
        path.chmod(0)
    stage.make_readable(closed)
    assert (closed / "sub").stat().st_mode & 0o700 == 0o700
    assert (closed / "sub" / "file").stat().st_mode & 0o400
