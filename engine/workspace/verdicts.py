"""What becomes of a file that a run changed: as a whole, or hunk by hunk as a person chooses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.workspace.blobs import read_blobs
from engine.workspace.git import Git, shown
from engine.workspace.hunks import Edit, Hunk, Side, combine, edits, is_binary, lines_of, merged
from engine.workspace.threeway import ABSENT, IN_WAY, LINK, MODULE, Change, Entry, Verdict

Status = Literal["added", "deleted", "modified", "same"]


@dataclass(frozen=True)
class FileDelivery:
    """A file that the run changed, against the person's file as it is now.

    Attributes:
        change: what the run did.
        ours: what the person has.
        status: what taking all of it does to the person's folder; `same` when it is there already.
        hunks: what can be taken or left.
        lines: the person's lines, where there are hunks of lines.
        blocked: why nothing can be written at this path, whatever is chosen.
    """

    change: Change
    ours: Entry
    status: Status
    hunks: tuple[Hunk, ...] = ()
    lines: tuple[bytes, ...] = ()
    blocked: str = ""

    @property
    def path(self) -> str:
        """The path as any screen can show it."""
        return shown(self.change.path)

    @property
    def conflicts(self) -> tuple[Hunk, ...]:
        """Hunks that wait for the person's decision."""
        return tuple(hunk for hunk in self.hunks if hunk.conflict)

    @property
    def why(self) -> str:
        """A sentence about what is in the way of taking all of it; empty when nothing is."""
        reason = self.blocked or next((hunk.conflict for hunk in self.hunks if hunk.conflict), "")
        return f"{self.path}: {reason}" if reason else ""


async def judge(git: Git, change: Change, ours: Entry | str) -> Verdict:
    """Decide what becomes of one file when all of the run's work is taken.

    Args:
        git: for reading and storing objects.
        change: what the run did.
        ours: what the person has now.

    Returns:
        A verdict with a conflict when only a person can decide.
    """
    if not isinstance(ours, str):
        if ours == change.theirs:
            return Verdict(change.path, ours, ours)
        if ours == change.base and MODULE not in (change.theirs[0], change.base[0]):
            return Verdict(change.path, ours, change.theirs)
    file = await examine(git, change, ours)
    if file.why:
        return Verdict(change.path, file.ours, file.ours, file.why)
    return await settle(git, file, {hunk.number: "theirs" for hunk in file.hunks})


async def examine(
    git: Git,
    change: Change,
    ours: Entry | str,
    blobs: dict[str, bytes] | None = None,
    run_edits: list[Edit] | None = None,
) -> FileDelivery:
    """Find the hunks of one file.

    Args:
        git: for reading objects.
        change: what the run did.
        ours: what the person has now.
        blobs: contents that were read already.
        run_edits: what the run changed in it, where that is known already.
    """
    if isinstance(ours, str):
        if ours == IN_WAY and change.theirs == ABSENT:
            return FileDelivery(change, ABSENT, "same")
        return FileDelivery(change, ABSENT, "modified", blocked=ours)
    status: Status = "added" if ours == ABSENT else "deleted" if change.theirs == ABSENT else "modified"
    if ours == change.theirs:
        return FileDelivery(change, ours, "same")
    if MODULE in (ours[0], change.base[0], change.theirs[0]):
        return FileDelivery(change, ours, status, blocked="submodules are not merged")
    names = [ours[1], change.base[1], change.theirs[1]]
    found = blobs if blobs is not None else await read_blobs(git, names)
    text = [lines_of(found[name]) if name in found and not is_binary(found[name]) else None for name in names]
    if ABSENT in (ours, change.base, change.theirs) or LINK in (ours[0], change.base[0], change.theirs[0]):
        why = "" if ours == change.base else _why(change, ours)
        return FileDelivery(change, ours, status, (Hunk(1, "file", 0, text[0] or (), text[2] or (), why),))
    hunks: tuple[Hunk, ...] = ()
    if change.theirs[1] not in (change.base[1], ours[1]):
        mine, base, theirs = text
        if mine is None or base is None or theirs is None:
            why = "" if ours[1] == change.base[1] else "both changed it, and it is no text"
            return FileDelivery(change, ours, status, (Hunk(1, "file", conflict=why),))
        own = await edits(git, change.base[1], ours[1])
        run = run_edits if run_edits is not None else await edits(git, change.base[1], change.theirs[1])
        hunks = combine(mine, theirs, own, run)
    if change.theirs[0] not in (change.base[0], ours[0]):
        hunks = (*hunks, Hunk(len(hunks) + 1, "mode"))
    return FileDelivery(change, ours, status if hunks else "same", hunks, text[0] or ())


def _why(change: Change, ours: Entry) -> str:
    if change.base == ABSENT:
        return "you have another file of that name"
    if ours == ABSENT:
        return "you removed it, and the run changed it"
    if change.theirs == ABSENT:
        return "you changed it, and the run removed it"
    return "a link that both changed"


async def settle(git: Git, file: FileDelivery, sides: Mapping[int, Side]) -> Verdict:
    """The file with the hunks that a person chose; every other hunk stays as the person has it.

    Args:
        git: for storing the result.
        file: the file.
        sides: what is chosen, by the number of the hunk.
    """
    path, ours, theirs, base = file.change.path, file.ours, file.change.theirs, file.change.base
    taken = [hunk for hunk in file.hunks if sides.get(hunk.number) == "theirs"]
    if not taken:
        return Verdict(path, ours, ours)
    if taken[0].kind == "file":
        links = LINK in (ours[0], base[0], theirs[0])
        mode = theirs[0] if ours == ABSENT or links or theirs[0] != base[0] else ours[0]
        return Verdict(path, ours, ABSENT if theirs == ABSENT else (mode, theirs[1]))
    mode = theirs[0] if any(hunk.kind == "mode" for hunk in taken) else ours[0]
    if all(hunk.kind == "mode" for hunk in taken):
        return Verdict(path, ours, (mode, ours[1]))
    if ours[1] == base[1] and len(taken) == len(file.hunks):
        return Verdict(path, ours, (mode, theirs[1]))
    content = merged(file.lines, file.hunks, lambda hunk: hunk in taken)
    return Verdict(path, ours, (mode, await git.line("hash-object", "-w", "--no-filters", "--stdin", stdin=content)))
