"""Real repositories and folders for tests of the workspace."""

import os
import subprocess
from pathlib import Path

import pytest

from config.paths import Paths
from engine.workspace.git import Git
from engine.workspace.prepared import Prepared
from engine.workspace.worktree import prepare_worktree
from sandbox.identity import sandbox_identity


class Folder:
    """A person's folder, and git as the person uses it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def git(self, *arguments: str) -> str:
        """Run the person's git."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.root.parent), "LC_ALL": "C"}
        who = ("-c", "user.name=Person", "-c", "user.email=person@localhost", "-c", "init.defaultBranch=main")
        done = subprocess.run(
            ["git", "-C", str(self.root), *who, *arguments], env=environment, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def write(self, files: dict[str, str | bytes]) -> None:
        """Write files, making their folders."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str = "work") -> str:
        """Commit everything."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def as_seen(self) -> tuple[str, str, bytes, dict[str, bytes]]:
        """Everything of the person's that a run must not touch: HEAD, status, index and files."""
        index = self.root / ".git" / "index"
        return (
            self.git("rev-parse", "--symbolic-full-name", "HEAD"),
            self.git("status", "--porcelain"),
            index.read_bytes() if index.exists() else b"",
            self.files(),
        )

    def files(self) -> dict[str, bytes]:
        """The folder's regular files, without its git directory."""
        return files_of(self.root)


def files_of(root: Path) -> dict[str, bytes]:
    """Regular files below a folder by their relative paths, without git directories."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink() and ".git" not in path.relative_to(root).parts
    }


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    home = tmp_path / "miracle home"
    return Paths(data=home / "data", config=home / "config", cache=home / "cache", logs=home / "logs")


@pytest.fixture
def repo(tmp_path: Path) -> Folder:
    """A repository with one commit."""
    folder = Folder(tmp_path / "per son" / "project")
    folder.git("init", "-q")
    folder.write({"app.py": "one\ntwo\nthree\nfour\nfive\n", "pkg/core.py": "x = 1\n", ".gitignore": "ignored/\n"})
    folder.commit("first")
    return folder


@pytest.fixture
def plain(tmp_path: Path) -> Folder:
    """A folder without a repository."""
    folder = Folder(tmp_path / "plain")
    folder.write({"notes.txt": "hello\n", "data/rows.csv": "a,b\n1,2\n"})
    return folder


async def prepared(folder: Folder, paths: Paths, run_id: str = "run-1") -> Prepared:
    """A worktree for the folder, with the sandbox's identity when the tests run as root."""
    return await prepare_worktree(run_id, folder.root, paths, sandbox_identity())


def edit(work: Prepared, files: dict[str, str | bytes | None]) -> None:
    """Write or remove files of a worktree."""
    for name, content in files.items():
        path = work.worktree / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


async def content_at(work: Prepared, commit: str, path: str) -> bytes:
    """A file's content in a commit."""
    return await Git(work.git_dir, objects=work.objects)("cat-file", "blob", f"{commit}:{path}")
