"""Worktrees hold the person's files as they are, and making one leaves the person's tree alone."""

import os
import stat
from pathlib import Path

import pytest

from config.paths import Paths
from engine.errors import WorkspaceError
from engine.workspace import stage
from engine.workspace.checkpoint import checkpoint
from engine.workspace.prepared import Prepared, find_prepared, git_dir_of, write_record
from engine.workspace.worktree import prepare_worktree
from sandbox.identity import sandbox_identity
from tests.workspace_fixtures import Folder, content_at, files_of, paths, plain, prepared, repo

__all__ = ["paths", "plain", "repo"]


async def test_a_clean_tree_begins_at_head(repo: Folder, paths: Paths) -> None:
    before = repo.as_seen()
    work = await prepared(repo, paths)
    assert work.base_commit == repo.git("rev-parse", "HEAD") == repo.git("rev-parse", "autonomous/run-1")
    assert (work.snapshot, work.owned, work.branch) == (False, False, "autonomous/run-1")
    assert files_of(work.worktree) == repo.files()
    assert repo.as_seen() == before


async def test_no_git_directory_is_in_the_worktree(repo: Folder, paths: Paths) -> None:
    work = await prepared(repo, paths)
    assert not (work.worktree / ".git").exists()
    assert work.worktree not in work.git_dir.parents


async def test_a_dirty_tree_is_copied_into_the_base(repo: Folder, paths: Paths) -> None:
    repo.write({"staged.py": "s\n", "app.py": "staged\n"})
    repo.git("add", "-A")
    repo.write({"app.py": "changed again\n", "new/file.txt": "n\n", "ignored/secret": "no\n"})
    (repo.root / "pkg/core.py").unlink()
    before = repo.as_seen()
    work = await prepared(repo, paths)
    assert work.snapshot
    assert set(files_of(work.worktree)) == {".gitignore", "app.py", "staged.py", "new/file.txt"}
    assert await content_at(work, work.base_commit, "app.py") == b"changed again\n"
    assert repo.git("rev-parse", f"{work.base_commit}^") == repo.git("rev-parse", "HEAD")
    assert repo.as_seen() == before


async def test_a_repository_without_commits_gets_a_base_of_its_files(tmp_path: Path, paths: Paths) -> None:
    empty = Folder(tmp_path / "empty")
    empty.git("init", "-q")
    work = await prepared(empty, paths)
    assert (work.snapshot, files_of(work.worktree)) == (False, {})
    assert empty.git("log", "--oneline", "autonomous/run-1").count("\n") == 0
    empty.write({"a.txt": "a\n"})
    again = await prepared(empty, paths, "run-2")
    assert again.snapshot
    assert files_of(again.worktree) == {"a.txt": b"a\n"}


async def test_a_plain_folder_gets_a_repository_elsewhere(plain: Folder, paths: Paths) -> None:
    work = await prepared(plain, paths)
    assert work.owned
    assert paths.repositories in work.repository.parents
    assert not (plain.root / ".git").exists()
    assert files_of(work.worktree) == plain.files()
    second = await prepared(plain, paths, "run-2")
    assert second.repository == work.repository


async def test_a_second_call_returns_what_is_there(repo: Folder, paths: Paths) -> None:
    first = await prepared(repo, paths)
    (first.worktree / "work.py").write_text("w\n")
    repo.write({"app.py": "later\n"})
    assert await prepared(repo, paths) == first
    assert (first.worktree / "work.py").exists()


async def test_a_half_made_worktree_is_made_anew(repo: Folder, paths: Paths) -> None:
    first = await prepared(repo, paths)
    (first.git_dir / "miracle.json").unlink()
    (first.worktree / "app.py").unlink()
    assert await prepared(repo, paths) == first
    assert files_of(first.worktree) == repo.files()


async def test_a_lost_worktree_comes_back_from_its_branch(repo: Folder, paths: Paths) -> None:
    first = await prepared(repo, paths)
    first.worktree.rename(first.worktree.with_name("moved"))
    assert await prepared(repo, paths) == first
    assert files_of(first.worktree) == repo.files()


async def test_the_files_belong_to_the_sandbox_user(repo: Folder, paths: Paths) -> None:
    identity = sandbox_identity()
    work = await prepared(repo, paths)
    owners = {(path.lstat().st_uid, path.lstat().st_gid) for path in [work.worktree, *work.worktree.rglob("*")]}
    assert owners == {identity or (os.geteuid(), os.getegid())}
    assert stat.S_IMODE(work.git_dir.stat().st_mode) == 0o700


async def test_odd_files_are_carried_over(repo: Folder, paths: Paths, tmp_path: Path) -> None:
    """Binary files, links, names that are no UTF-8, executables, a FIFO."""
    odd = os.fsdecode(b"caf\xe9.txt")
    repo.write({"image.bin": bytes(range(256)) * 100, odd: "x\n", "new\nline.txt": "x\n", "tool.sh": "#!/bin/sh\n"})
    (repo.root / "tool.sh").chmod(0o755)
    (repo.root / "out").symlink_to("/etc/passwd")
    os.mkfifo(repo.root / "pipe")
    work = await prepared(repo, paths)
    assert (work.worktree / "image.bin").read_bytes() == bytes(range(256)) * 100
    assert (work.worktree / odd).exists()
    assert (work.worktree / "new\nline.txt").exists()
    assert os.readlink(work.worktree / "out") == "/etc/passwd"
    assert (work.worktree / "tool.sh").stat().st_mode & 0o100
    assert not (work.worktree / "pipe").exists()


async def test_very_large_files_are_noted_not_copied(
    repo: Folder, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "MAX_FILE_BYTES", 1000)
    repo.write({"big.bin": b"0" * 1001, "small.bin": b"0" * 1000})
    work = await prepared(repo, paths)
    assert not (work.worktree / "big.bin").exists()
    assert (work.worktree / "small.bin").exists()
    assert any("big.bin" in note for note in work.notes)


async def test_a_folder_that_holds_too_much_is_refused(
    plain: Folder, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "MAX_NEW_FILES", 1)
    with pytest.raises(WorkspaceError, match="too much"):
        await prepared(plain, paths)


async def test_filters_and_hooks_of_the_repository_start_nothing(repo: Folder, paths: Paths, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-checkout", "pre-commit", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch '{trace}'\n")
        (hooks / name).chmod(0o755)
    repo.write({".gitattributes": "* filter=evil diff=evil merge=evil\n"})
    repo.commit("attributes")
    repo.git("config", "core.hooksPath", str(hooks))
    for key in ("filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.evil.textconv",
                "diff.evil.command", "merge.evil.driver", "core.fsmonitor", "diff.external"):  # fmt: skip
        repo.git("config", key, f"touch '{trace}'; cat")
    trace.unlink(missing_ok=True)
    (repo.root / "app.py").write_text("dirty\n")
    work = await prepared(repo, paths)
    assert (work.worktree / "app.py").read_text() == "dirty\n"
    assert not trace.exists()


async def test_repositories_inside_are_noted_not_followed(repo: Folder, paths: Paths) -> None:
    inner = Folder(repo.root / "vendor" / "inner")
    inner.git("init", "-q")
    inner.write({"x.py": "x\n"})
    inner.commit()
    work = await prepared(repo, paths)
    assert not (work.worktree / "vendor" / "inner").exists()
    assert any("vendor/inner" in note for note in work.notes)


async def test_submodules_and_lfs_are_noted(repo: Folder, paths: Paths) -> None:
    head = repo.git("rev-parse", "HEAD")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{head},module")
    repo.write({".gitattributes": "*.bin filter=lfs\n"})
    repo.git("add", ".gitattributes")
    repo.git("commit", "-q", "-m", "module")
    work = await prepared(repo, paths)
    text = " ".join(work.notes)
    assert "Submodules are empty in the worktree: module" in text
    assert "LFS" in text
    assert (work.worktree / "module").is_dir()


async def test_a_branch_in_the_way_is_named(repo: Folder, paths: Paths) -> None:
    repo.git("branch", "autonomous")
    with pytest.raises(WorkspaceError) as caught:
        await prepared(repo, paths)
    assert "git branch -m" in caught.value.hint


@pytest.mark.parametrize("run_id", ["", "../x", "a/b", "a b", ".x", "a..b", "x.lock", "-x", "a\n"])
async def test_an_unsafe_run_id_is_refused(repo: Folder, paths: Paths, run_id: str) -> None:
    with pytest.raises(WorkspaceError, match="cannot name a run"):
        await prepare_worktree(run_id, repo.root, paths, None)
    lies = Prepared(run_id, paths.data, paths.data, True, "b", "c", False, git_dir_of(run_id, paths), paths.data)
    lies.git_dir.mkdir(parents=True)
    write_record(lies)
    assert find_prepared(run_id, paths, None) is None, "what a log of anybody's names is not looked for outside"


async def test_line_ends_of_the_person_are_no_change(tmp_path: Path, paths: Paths) -> None:
    folder = Folder(tmp_path / "crlf")
    folder.git("init", "-q")
    folder.git("config", "core.autocrlf", "true")
    folder.write({"a.txt": "one\r\ntwo\r\n"})
    folder.commit()
    os.utime(folder.root / "a.txt", (1, 1))
    work = await prepared(folder, paths)
    assert not work.snapshot


async def test_global_settings_that_say_how_files_are_stored_count(
    tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (tmp_path / "my ignores").write_text("*.secret\n")
    (tmp_path / ".gitconfig").write_text(
        f'[core]\n\tautocrlf = true\n\tsafecrlf = true\n\texcludesFile = "{tmp_path}/my ignores"\n'
        f"\tfsmonitor = touch {tmp_path}/ran\n"
    )
    folder = Folder(tmp_path / "crlf")
    folder.git("init", "-q")
    folder.write({"a.txt": "one\r\ntwo\r\n", "b.secret": "s"})
    folder.git("-c", "core.safecrlf=false", "-c", "core.fsmonitor=false", "add", "-A")
    folder.git("-c", "core.fsmonitor=false", "commit", "-q", "-m", "x")
    (tmp_path / "ran").unlink(missing_ok=True)
    os.utime(folder.root / "a.txt", (1, 1))
    work = await prepared(folder, paths)
    assert not work.snapshot
    assert set(files_of(work.worktree)) == {"a.txt"}
    (work.worktree / "unix.txt").write_text("one\ntwo\n")
    assert [change.path for change in (await checkpoint(work, "x", base=work.base_commit)).files] == ["unix.txt"]
    assert not (tmp_path / "ran").exists()


async def test_a_linked_worktree_and_a_split_index_are_read(repo: Folder, paths: Paths, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "linked")
    linked = Folder(tmp_path / "linked")
    linked.git("update-index", "--split-index")
    linked.write({"app.py": "linked\n"})
    work = await prepared(linked, paths)
    assert (work.worktree / "app.py").read_text() == "linked\n"
    assert repo.git("rev-parse", "autonomous/run-1") == work.base_commit
