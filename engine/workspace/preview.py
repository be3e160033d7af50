"""What a delivery would do to the person's folder, file by file and hunk by hunk; nothing is written."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import WorkspaceError
from engine.workspace.blobs import read_blobs
from engine.workspace.git import Git
from engine.workspace.hunks import Side, all_edits
from engine.workspace.inspect import WorkspaceKind, check_workspace
from engine.workspace.merged import may_commit
from engine.workspace.prepared import Prepared
from engine.workspace.threeway import Change, Entry, entries_now, run_changes
from engine.workspace.verdicts import FileDelivery, examine

_AT_ONCE = 4


@dataclass(frozen=True)
class Preview:
    """A result against the person's folder as it is now.

    Attributes:
        run_id: the run.
        folder: where it would be written.
        commit: the run's commit.
        files: every file that the run changed and that is not the same already.
        merges: whether taking everything leads to a merge commit, provided that the folder has no other changes.
        seen: changes whenever a file of these does; a selection that names another one is refused.
    """

    run_id: str
    folder: str
    commit: str
    files: tuple[FileDelivery, ...] = ()
    merges: bool = False
    seen: str = ""

    @property
    def hunks(self) -> int:
        """How many hunks there are."""
        return sum(len(file.hunks) for file in self.files)

    @property
    def conflicts(self) -> int:
        """How many places wait for the person's decision."""
        return sum(len(file.conflicts) + bool(file.blocked) for file in self.files)


@dataclass(frozen=True)
class Selection:
    """What a person takes of a result.

    Attributes:
        sides: by path and hunk number: `theirs` takes the run's hunk; `mine` decides a conflict for what is there.
            Every other hunk is left, and its file stays there as it is.
        seen: `Preview.seen` of what the person looked at; empty when that does not matter.
    """

    sides: Mapping[str, Mapping[int, Side]] = field(default_factory=dict)
    seen: str = ""

    def of(self, file: FileDelivery) -> Mapping[int, Side]:
        """What is chosen in a file."""
        return self.sides.get(file.path, {})

    def left_out(self, preview: Preview) -> int:
        """How many hunks are not taken, conflicts that were decided for the person's side not counted."""
        return sum(
            bool(file.blocked) + sum(hunk.number not in self.of(file) for hunk in file.hunks) for file in preview.files
        )


def everything(preview: Preview) -> Selection:
    """All that can be taken without a decision; what is in conflict is left."""
    return Selection(
        {file.path: {hunk.number: "theirs" for hunk in file.hunks if not hunk.conflict} for file in preview.files},
        preview.seen,
    )


def in_tree(prepared: Prepared, kind: WorkspaceKind) -> Git:
    """Git on the person's folder, with the run's settings and an index of its own."""
    return Git(prepared.git_dir, kind.root, prepared.git_dir / "promote.index", prepared.objects)


async def look(prepared: Prepared, workspace: Path, commit: str) -> Preview:
    """Compare a run's result with the person's folder as it is now.

    Args:
        prepared: the run's worktree.
        workspace: the person's folder.
        commit: the commit to deliver.

    Raises:
        WorkspaceError: there is nothing to deliver, or the folder cannot be used.
    """
    kind = await check_workspace(workspace)
    refuse_new_repository(prepared, kind)
    git = in_tree(prepared, kind)
    changes = await run_changes(git, prepared.base_commit, commit)
    if not changes:
        raise nothing_to_deliver()
    now = await entries_now(git, [change.path for change in changes])
    files = await _examined(git, prepared.base_commit, commit, changes, now)
    seen = hashlib.sha256(repr((commit, sorted(now.items()))).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return Preview(
        run_id=prepared.run_id,
        folder=str(kind.root),
        commit=commit,
        files=tuple(file for file in files if file.status != "same"),
        merges=await may_commit(prepared, kind, commit),
        seen=seen,
    )


def nothing_to_deliver() -> WorkspaceError:
    """The error of a run whose result is what it began with."""
    return WorkspaceError("The run changed no file", "There is nothing to promote.")


def refuse_new_repository(prepared: Prepared, kind: WorkspaceKind) -> None:
    """Refuse a folder that became a repository while the run was at work.

    Raises:
        WorkspaceError: it did.
    """
    if kind.kind == "repository" and prepared.owned:
        raise WorkspaceError(
            f"{kind.root} has become a repository since the run began",
            "Promote it as a patch, and apply that with `git apply`.",
        )


async def _examined(
    git: Git, base: str, commit: str, changes: list[Change], now: dict[str, Entry | str]
) -> list[FileDelivery]:
    sides = [(change.base, change.theirs, now[change.path]) for change in changes]
    names = {entry[1] for three in sides for entry in three if not isinstance(entry, str) and entry[0] != "160000"}
    blobs, run_edits = await asyncio.gather(read_blobs(git, names), all_edits(git, base, commit, len(changes)))
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(place: int) -> FileDelivery:
        async with gate:
            change = changes[place]
            return await examine(git, change, now[change.path], blobs, run_edits[place] if run_edits else None)

    return list(await asyncio.gather(*(one(place) for place in range(len(changes)))))
