"""Whether a folder can be a run's workspace, and what kind of folder it is."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.errors import WorkspaceError
from engine.workspace.git import Git, split

_UNFINISHED = {
    "MERGE_HEAD": ("merge", "git merge --continue` or `git merge --abort"),
    "rebase-merge": ("rebase", "git rebase --continue` or `git rebase --abort"),
    "rebase-apply": ("rebase", "git rebase --continue` or `git rebase --abort"),
    "CHERRY_PICK_HEAD": ("cherry-pick", "git cherry-pick --continue` or `git cherry-pick --abort"),
    "REVERT_HEAD": ("revert", "git revert --continue` or `git revert --abort"),
}


@dataclass(frozen=True)
class WorkspaceKind:
    """A folder that can be worked on.

    Attributes:
        kind: `repository`, or `plain` for a folder that no repository holds.
        root: the repository's top folder, or the folder itself; what the run works on.
        git_dir: where HEAD and the index are; None for a plain folder.
        common_dir: where refs and settings are; differs from `git_dir` in a linked worktree.
        objects: where objects are.
        object_format: `sha1` or `sha256`.
        head: the commit that is checked out; empty when there is none yet.
        branch: the branch's full name; empty when HEAD is detached.
        note: a sentence for the person when something is not as it looks.
    """

    kind: Literal["repository", "plain"]
    root: Path
    git_dir: Path | None = None
    common_dir: Path | None = None
    objects: Path | None = None
    object_format: str = "sha1"
    head: str = ""
    branch: str = ""
    note: str = ""


async def check_workspace(path: Path) -> WorkspaceKind:
    """Find out what kind of workspace a folder is; nothing is written.

    Args:
        path: the person's folder; a subfolder of a repository stands for the whole repository.

    Raises:
        WorkspaceError: a run cannot work on it; the hint says what to do.
    """
    folder = _existing(path)
    found = await Git(None, folder).run(
        "rev-parse", "--path-format=absolute", "--is-bare-repository", "--is-inside-work-tree", "--absolute-git-dir",
        "--git-common-dir", "--git-path", "objects", "--show-object-format",
    )  # fmt: skip
    if found.code != 0:
        return _plain(folder, found.err)
    bare, inside, git_dir, common_dir, objects, object_format = os.fsdecode(found.out).rstrip("\n").split("\n")
    if bare == "true":
        raise WorkspaceError(
            f"{path} is a bare repository", "Name a clone of it that has files: `git clone` makes one."
        )
    if inside != "true":
        raise WorkspaceError(
            f"{path} is inside a repository's .git folder", "Name the folder that holds the project's files."
        )
    root = Path(await Git(None, folder).line("rev-parse", "--show-toplevel"))
    if root != folder and await _ignored(root, folder):
        return _plain(folder, "")
    git = Git(Path(git_dir), root)
    await _refuse_unfinished(path, Path(git_dir), git)
    _writable(root)
    _writable(Path(objects))
    head = await git.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    branch = await git.run("symbolic-ref", "--quiet", "HEAD")
    note = (
        f"{folder} is part of the repository {root}; the run works on the whole repository." if root != folder else ""
    )
    return WorkspaceKind(
        kind="repository",
        root=root,
        git_dir=Path(git_dir),
        common_dir=Path(common_dir),
        objects=Path(objects),
        object_format=object_format,
        head=head.out.decode().strip(),
        branch=os.fsdecode(branch.out).strip(),
        note=note,
    )


def _existing(path: Path) -> Path:
    if "\0" in str(path):
        raise WorkspaceError("The workspace's name has a NUL in it", "Name a folder that exists.")
    try:
        folder = path.expanduser().resolve(strict=True)
    except FileNotFoundError as exc:
        raise WorkspaceError(
            f"{path} does not exist", f"Make it with `mkdir -p {path}`, or name another folder."
        ) from exc
    except (OSError, RuntimeError) as exc:
        raise WorkspaceError(f"{path} cannot be opened", f"The system says: {exc}") from exc
    if not folder.is_dir():
        raise WorkspaceError(f"{path} is no folder", "Name the folder that holds the project.")
    _writable(folder)
    return folder


def _writable(folder: Path) -> None:
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        raise WorkspaceError(
            f"{folder} is not writable",
            "Change its permissions or its owner, or name another folder: a result could not be delivered there.",
        )


def _plain(folder: Path, said: str) -> WorkspaceKind:
    if (folder / ".git").exists():
        raise WorkspaceError(
            f"The repository in {folder} is damaged",
            f"`git status` shows what is wrong. Git says: {said.strip()[-500:]}",
        )
    if folder in (Path("/"), Path.home()):
        raise WorkspaceError(f"{folder} is too wide for a workspace", "Name the project's own folder inside it.")
    return WorkspaceKind(kind="plain", root=folder)


async def _ignored(root: Path, folder: Path) -> bool:
    """Whether the repository around a folder takes no notice of it."""
    return (await Git(None, root).run("check-ignore", "--quiet", f"./{folder.relative_to(root)}")).code == 0


async def _refuse_unfinished(path: Path, git_dir: Path, git: Git) -> None:
    for name, (what, remedy) in _UNFINISHED.items():
        if (git_dir / name).exists():
            raise WorkspaceError(f"{path} has an unfinished {what}", f"Finish it first: `{remedy}`.")
    unmerged = sorted({line.split("\t", 1)[1] for line in split(await git("ls-files", "-z", "--unmerged"))})
    if unmerged:
        raise WorkspaceError(
            f"{path} has unresolved conflicts", f"Resolve them and `git add` the files: {', '.join(unmerged[:5])}."
        )
