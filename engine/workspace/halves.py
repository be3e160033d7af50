"""A run's own git directory: the half of a worktree that the sandbox never sees.

It holds HEAD, an index and settings of our own; the objects are those of the repository that the branch belongs to.
The person's settings take no part, so no filter, hook or monitor named there is ever known to git.
"""

import asyncio
import os
from pathlib import Path

from engine.errors import WorkspaceError
from engine.workspace.git import Git
from engine.workspace.inspect import WorkspaceKind

EXCLUDED = (
    "__pycache__/",
    "*.pyc",
    ".hypothesis/",
    "node_modules/",
    ".pytest_cache/",
    ".mypy_cache/",
    ".ruff_cache/",
    ".coverage",
    ".tox/",
    ".nox/",
    ".venv/",
    ".DS_Store",
    ".????????????????.part",
    ".miracle-promote-*/",
)
"""What no checkpoint holds unless the repository already tracks it."""

SKIPPED_FOLDERS = frozenset(
    {".git", *(name.rstrip("/") for name in EXCLUDED if name.endswith("/") and "*" not in name)}
)
"""Folders that listings, searches and outlines leave out."""

_KEPT_SETTINGS = ("core.autocrlf", "core.eol", "core.filemode", "core.symlinks", "core.ignorecase")
"""Settings that say how files are stored; none of them can name a program."""
_EXCLUDES_LIMIT = 2**20
_CODE = ("py", "pyi", "pyw", "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "json", "toml", "ini", "cfg", "sh")
_ATTRIBUTES = "* !diff !merge -filter\n" + "".join(f"*.{one} -working-tree-encoding -ident\n" for one in _CODE)
"""What files in the worktree say about diffs, merges and filters is not heard; nor about another encoding of code: what
is judged in a commit has to be what runs on the disk."""
_COPIED = ("config", "shallow", "info/attributes", "info/exclude")


async def make_half(git_dir: Path, kind: WorkspaceKind, objects: Path, branch: str) -> None:
    """Make a run's git directory.

    Args:
        git_dir: where; it does not exist yet.
        kind: the person's folder.
        objects: the object store to share.
        branch: the full name of the branch that HEAD names.
    """
    _lay_out(git_dir, branch)
    settings = await _kept_settings(kind)
    version = 1 if kind.object_format != "sha1" else 0
    lines = [
        "[core]",
        f"\trepositoryformatversion = {version}",
        "\tbare = false",
        "\tlogallrefupdates = false",
        "\tsafecrlf = false",
    ]
    if version:
        lines += ["[extensions]", f"\tobjectformat = {kind.object_format}"]
    (git_dir / "config").write_text("\n".join(lines) + "\n")
    git = Git(git_dir, objects=objects)
    for key, value in settings.items():
        await git("config", "--file", str(git_dir / "config"), key, value)
    (git_dir / "info" / "attributes").write_text(_ATTRIBUTES)
    (git_dir / "info" / "exclude").write_bytes(await _excludes(kind) + ("\n".join(EXCLUDED) + "\n").encode())
    if kind.common_dir and (kind.common_dir / "shallow").is_file():
        (git_dir / "shallow").write_bytes((kind.common_dir / "shallow").read_bytes())


def copy_half(source: Path, git_dir: Path, branch: str) -> None:
    """Make another git directory with the settings of one that is there.

    Args:
        source: that one.
        git_dir: where; it does not exist yet.
        branch: the full name of the branch that HEAD names.
    """
    _lay_out(git_dir, branch)
    for name in _COPIED:
        if (source / name).is_file():
            (git_dir / name).write_bytes((source / name).read_bytes())


def _lay_out(git_dir: Path, branch: str) -> None:
    git_dir.mkdir(mode=0o700, parents=True)
    for folder in ("objects/info", "objects/pack", "refs/heads", "info"):
        (git_dir / folder).mkdir(parents=True)
    (git_dir / "HEAD").write_text(f"ref: {branch}\n")


async def make_repository(git_dir: Path) -> None:
    """Make, unless it is there, the bare repository of a folder that has none: whole, or not at all."""
    if (git_dir / "HEAD").exists():
        return
    git_dir.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    begun = git_dir.with_name(f"{git_dir.name}.part")
    try:
        await Git(None, git_dir.parent)("init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(begun))
        os.chmod(begun, 0o700)
        begun.rename(git_dir)
    except (WorkspaceError, OSError):
        # Two runs that begin at once make it together; one of them comes first.
        if not (git_dir / "HEAD").exists():
            raise


async def _kept_settings(kind: WorkspaceKind) -> dict[str, str]:
    if kind.git_dir is None:
        return {}
    listed = await Git(kind.git_dir, kind.root, own_settings=True).run("config", "--list", "--null", "--includes")
    kept: dict[str, str] = {}
    for entry in os.fsdecode(listed.out).split("\0"):
        key, _, value = entry.partition("\n")
        if key.lower() in (name.lower() for name in _KEPT_SETTINGS):
            kept[key.lower()] = value
    return kept


async def _excludes(kind: WorkspaceKind) -> bytes:
    """The person's own ignore rules besides the .gitignore files."""
    sources: list[Path] = []
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    sources.append(settings / "git" / "ignore")
    if kind.common_dir:
        sources.append(kind.common_dir / "info" / "exclude")
        named = await Git(kind.git_dir, kind.root, own_settings=True).run("config", "--get", "core.excludesFile")
        if named.code == 0:
            sources.append(Path(os.fsdecode(named.out).strip()))
    return await asyncio.to_thread(_read_rules, sources)


def _read_rules(sources: list[Path]) -> bytes:
    rules = b""
    for source in sources:
        try:
            with open(os.path.expanduser(source), "rb") as file:
                rules += file.read(_EXCLUDES_LIMIT) + b"\n"
        except OSError:
            continue
    return rules


async def point_branch(git: Git, branch: str, commit: str) -> None:
    """Make a branch name a commit.

    Raises:
        WorkspaceError: the repository has a branch in the way.
    """
    done = await git.run("update-ref", branch, commit)
    if done.code == 0:
        return
    if "cannot lock ref" in done.err and "exists; cannot create" in done.err:
        raise WorkspaceError(
            f"The branch {branch.removeprefix('refs/heads/')} cannot be made",
            "The repository has a branch named `autonomous` in its way; rename it: `git branch -m autonomous other`.",
        )
    raise WorkspaceError(
        f"The branch {branch.removeprefix('refs/heads/')} cannot be written", f"Git says: {done.err.strip()[-500:]}"
    )
