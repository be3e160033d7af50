"""What a person takes of a result while they choose: rows of files and hunks, and a side for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from engine.workspace.hunks import Hunk, Side
    from engine.workspace.preview import Preview, Selection
    from engine.workspace.verdicts import FileDelivery

Mark = Literal["taken", "left", "open", "mine", "theirs", "blocked", "part"]


@dataclass(frozen=True)
class HunkRow:
    """A file, or one of its hunks."""

    file: FileDelivery
    hunk: Hunk | None = None


@dataclass
class HunkDraft:
    """A choice in the making; begins with everything taken that no conflict holds up."""

    preview: Preview
    rows: list[HunkRow] = field(default_factory=list)
    sides: dict[tuple[str, int], Side] = field(default_factory=dict)

    @classmethod
    def of(cls, preview: Preview) -> HunkDraft:
        """The draft that a dialog begins with."""
        draft = cls(preview)
        for file in preview.files:
            draft.rows.append(HunkRow(file))
            draft.rows += [HunkRow(file, hunk) for hunk in file.hunks]
            draft.take_file(file)
        return draft

    def mark(self, row: HunkRow) -> Mark:
        """How a row stands."""
        if row.file.blocked:
            return "blocked"
        if row.hunk is None:
            marks = {self.mark(HunkRow(row.file, hunk)) for hunk in row.file.hunks}
            if "open" in marks:
                return "open"
            return "left" if marks == {"left"} else "part" if "left" in marks else "taken"
        side = self.sides.get((row.file.path, row.hunk.number))
        if row.hunk.conflict:
            return side or "open"
        return "taken" if side else "left"

    def toggle(self, row: HunkRow) -> bool:
        """Take or leave a hunk, or all of a file.

        Returns:
            False where only a decision for one side helps.
        """
        if row.hunk is None:
            if self.mark(row) == "left" or not self._taken(row.file):
                self.take_file(row.file)
            else:
                self.leave_file(row.file)
            return True
        key = (row.file.path, row.hunk.number)
        if row.hunk.conflict and key not in self.sides:
            return False
        if key in self.sides:
            del self.sides[key]
        else:
            self.sides[key] = "theirs"
        return True

    def _taken(self, file: FileDelivery) -> bool:
        return any((file.path, hunk.number) in self.sides for hunk in file.hunks)

    def take_file(self, file: FileDelivery) -> None:
        """Take every hunk of a file that needs no decision."""
        self.sides.update({(file.path, hunk.number): "theirs" for hunk in file.hunks if not hunk.conflict})

    def leave_file(self, file: FileDelivery) -> None:
        """Leave every hunk of a file, decisions included."""
        for hunk in file.hunks:
            self.sides.pop((file.path, hunk.number), None)

    def decide(self, row: HunkRow, side: Side) -> bool:
        """Decide a conflict, or all of a file's.

        Returns:
            False where there is none.
        """
        conflicts = row.file.conflicts if row.hunk is None else tuple(h for h in (row.hunk,) if h.conflict)
        self.sides.update({(row.file.path, hunk.number): side for hunk in conflicts})
        return bool(conflicts)

    def take_all(self) -> None:
        """Take everything that needs no decision."""
        for file in self.preview.files:
            self.take_file(file)

    def leave_all(self) -> None:
        """Leave everything."""
        self.sides.clear()

    @property
    def open(self) -> int:
        """How many conflicts have no decision."""
        return sum((file.path, hunk.number) not in self.sides for file in self.preview.files for hunk in file.conflicts)

    @property
    def writes(self) -> int:
        """How many hunks would be written."""
        return sum(side == "theirs" for side in self.sides.values())

    @property
    def summary(self) -> str:
        """What writing would do now."""
        if not self.writes:
            return "Nothing is chosen."
        text = f"{self.writes} of {self.preview.hunks} hunks are written into {self.preview.folder}"
        left = self.selection().left_out(self.preview)
        if not left and self.preview.merges:
            return f"{text} and, if it has no other changes, committed as a merge."
        undecided = f" Open: {self.open} in conflict, which is left as it is." if self.open else ""
        return f"{text}, uncommitted.{undecided}"

    def selection(self) -> Selection:
        """The choice as the engine takes it."""
        from engine.workspace.preview import Selection

        sides: dict[str, dict[int, Side]] = {}
        for (path, number), side in self.sides.items():
            sides.setdefault(path, {})[number] = side
        return Selection(sides, self.preview.seen)
