"""Which folders a run can work on, and what a person is told of the others."""

import os
from pathlib import Path

import pytest

from engine.errors import WorkspaceError
from engine.workspace.inspect import check_workspace
from tests.workspace_fixtures import Folder, paths, plain, repo

__all__ = ["paths", "plain", "repo"]


async def refusal(path: Path) -> str:
    with pytest.raises(WorkspaceError) as caught:
        await check_workspace(path)
    assert caught.value.title
    assert caught.value.hint
    return caught.value.title


async def test_a_repository_is_found_with_its_branch(repo: Folder) -> None:
    kind = await check_workspace(repo.root)
    assert (kind.kind, kind.root, kind.note) == ("repository", repo.root, "")
    assert kind.head == repo.git("rev-parse", "HEAD")
    assert kind.branch == "refs/heads/main"


async def test_a_subfolder_stands_for_the_repository_and_says_so(repo: Folder) -> None:
    kind = await check_workspace(repo.root / "pkg")
    assert kind.root == repo.root
    assert "whole repository" in kind.note


async def test_a_folder_that_its_repository_ignores_is_plain(repo: Folder) -> None:
    (repo.root / "ignored").mkdir()
    assert (await check_workspace(repo.root / "ignored")).kind == "plain"


async def test_a_folder_without_repository_is_plain(plain: Folder) -> None:
    assert (await check_workspace(plain.root)).kind == "plain"


async def test_a_repository_without_commits_is_fine(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "new")
    folder.git("init", "-q")
    kind = await check_workspace(folder.root)
    assert (kind.kind, kind.head) == ("repository", "")


async def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in await refusal(tmp_path / "gone")
    (tmp_path / "file").write_text("x")
    assert "no folder" in await refusal(tmp_path / "file")
    assert "NUL" in await refusal(Path("a\0b"))
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert "cannot be opened" in await refusal(loop)


async def test_an_unwritable_folder_is_refused(repo: Folder) -> None:
    # Root may write everywhere; another user may not.
    repo.root.chmod(0o755)
    root = os.geteuid() == 0
    if root:
        for folder in (repo.root.parent, repo.root.parent.parent, repo.root.parent.parent.parent):
            folder.chmod(0o755)
        os.seteuid(61000)
    else:
        repo.root.chmod(0o500)
    try:
        title = await refusal(repo.root)
    finally:
        if root:
            os.seteuid(0)
        repo.root.chmod(0o755)
    assert "not writable" in title or "cannot be opened" in title


async def test_a_bare_repository_is_refused(tmp_path: Path) -> None:
    Folder(tmp_path).git("init", "-q", "--bare", str(tmp_path / "bare.git"))
    assert "bare" in await refusal(tmp_path / "bare.git")


async def test_the_git_folder_itself_is_refused(repo: Folder) -> None:
    assert ".git folder" in await refusal(repo.root / ".git")


async def test_a_damaged_repository_is_refused_and_not_taken_for_a_plain_folder(plain: Folder) -> None:
    (plain.root / ".git").mkdir()
    assert "damaged" in await refusal(plain.root)


@pytest.mark.parametrize(
    ("command", "word"), [("merge", "merge"), ("rebase", "rebase"), ("cherry-pick", "cherry-pick")]
)
async def test_unfinished_work_is_refused(repo: Folder, command: str, word: str) -> None:
    repo.git("checkout", "-q", "-b", "other")
    repo.write({"app.py": "other\n"})
    repo.commit("other")
    repo.git("checkout", "-q", "main")
    repo.write({"app.py": "mine\n"})
    repo.commit("mine")
    with pytest.raises(AssertionError):
        repo.git(command, "other")
    assert f"unfinished {word}" in await refusal(repo.root)


async def test_settings_of_the_repository_start_nothing(repo: Folder, tmp_path: Path) -> None:
    """A repository may be a stranger's: looking at it must not run what its settings name."""
    trace = tmp_path / "ran"
    repo.git("config", "core.fsmonitor", f"touch {trace};false")
    repo.git("config", "core.hooksPath", str(tmp_path))
    await check_workspace(repo.root)
    assert not trace.exists()


async def test_a_linked_worktree_is_a_workspace(repo: Folder, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "linked")
    kind = await check_workspace(tmp_path / "linked")
    assert kind.branch == "refs/heads/linked"
    assert kind.common_dir == repo.root / ".git"
    assert kind.git_dir != kind.common_dir
