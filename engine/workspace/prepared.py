"""A run's prepared worktree, and where its parts are."""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from config.paths import Paths
from engine.errors import WorkspaceError
from engine.workspace.git import Git

_RUN_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9])){0,99}")
_RECORD = "miracle.json"


@dataclass(frozen=True)
class Prepared:
    """A worktree on a branch of its own.

    Attributes:
        run_id: the run.
        worktree: the files; the sandbox sees these and nothing else.
        repository: the git directory that holds the branch.
        owned: True when that is in Miracle's data directory because the person's folder has none.
        branch: `autonomous/<run>`.
        base_commit: what the run began with.
        snapshot: True when uncommitted work of the person is part of it.
        git_dir: the worktree's git directory, outside the worktree.
        objects: the object store, shared with the repository.
        identity: user and group that the files belong to.
        notes: sentences about what was left out.
    """

    run_id: str
    worktree: Path
    repository: Path
    owned: bool
    branch: str
    base_commit: str
    snapshot: bool
    git_dir: Path
    objects: Path
    identity: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()

    @property
    def ref(self) -> str:
        """The branch's full name."""
        return f"refs/heads/{self.branch}"

    @property
    def git(self) -> Git:
        """Git on the worktree."""
        return Git(self.git_dir, self.worktree, self.git_dir / "index", self.objects)

    @property
    def store(self) -> Git:
        """Git on the objects only: it works where the worktree is gone, too."""
        return Git(self.git_dir, objects=self.objects)

    @property
    def home(self) -> Git:
        """Git on the repository that holds the branch, for refs only."""
        return Git(self.repository)


def check_run_id(run_id: str) -> None:
    """Refuse a run id that is no safe file and branch name.

    Raises:
        WorkspaceError: it is none.
    """
    if not _is_safe(run_id):
        raise WorkspaceError(f"{run_id!r} cannot name a run", "Use letters, digits, `-`, `_` and single dots.")


def _is_safe(run_id: str) -> bool:
    return _RUN_ID.fullmatch(run_id) is not None and not run_id.endswith(".lock")


def git_dir_of(run_id: str, paths: Paths) -> Path:
    """Where a run's git directory is."""
    return paths.repositories / f"{run_id}.run"


def write_record(prepared: Prepared) -> None:
    """Keep what a later process needs to go on, in one step."""
    kept = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(prepared).items()}
    beside = prepared.git_dir / f"{_RECORD}.part"
    with beside.open("w", encoding="utf-8") as file:
        json.dump(kept, file)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(prepared.git_dir / _RECORD)


def forget_record(git_dir: Path) -> None:
    """From now on the worktree counts as one that was never made."""
    (git_dir / _RECORD).unlink(missing_ok=True)


def find_prepared(run_id: str, paths: Paths, identity: tuple[int, int] | None) -> Prepared | None:
    """The run's worktree, or None where it has none; its folder may be gone."""
    if not _is_safe(run_id):
        # A log may come from anywhere; a name with slashes would look for a record outside of Miracle's folder.
        return None
    return read_record(git_dir_of(run_id, paths), identity)


def read_record(git_dir: Path, identity: tuple[int, int] | None) -> Prepared | None:
    """What an earlier process prepared, or None when it did not come to its end."""
    try:
        kept = json.loads((git_dir / _RECORD).read_text(encoding="utf-8"))
        return Prepared(
            run_id=kept["run_id"],
            worktree=Path(kept["worktree"]),
            repository=Path(kept["repository"]),
            owned=kept["owned"],
            branch=kept["branch"],
            base_commit=kept["base_commit"],
            snapshot=kept["snapshot"],
            git_dir=git_dir,
            objects=Path(kept["objects"]),
            identity=identity,
            notes=tuple(kept["notes"]),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
