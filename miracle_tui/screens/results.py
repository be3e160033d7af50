"""What a person does with a result: take it, all or hunk by hunk, and take it back."""

from typing import TYPE_CHECKING, Literal

from engine.errors import EngineError
from engine.state import Status
from miracle_tui.screens.desk import Desk

if TYPE_CHECKING:
    from engine.workspace.preview import Preview, Selection
    from engine.workspace.undo import UndoPreview

NAMED = 12
"""Files that a question names; the rest is counted."""


class Results:
    """Delivers the shown run's result into the person's files, and takes it back."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def offer(self) -> None:
        """Show the receipt, what would change, and the ways to take the result."""
        from widgets.dialogs.promote_dialog import PromoteDialog

        run_id, state = self.desk.run_id, self.desk.state
        preview, trouble = await self._preview(run_id)
        how = await self.desk.screen.app.push_screen_wait(PromoteDialog(state, preview, trouble))
        if how == "hunks":
            await self._take_hunks(run_id)
        elif how is not None:
            await self._take(run_id, how)

    async def _preview(self, run_id: str) -> "tuple[Preview | None, str]":
        """What would change; or why that cannot be said, which leaves the other ways open."""
        try:
            return await self.desk.engine.promotion_preview(run_id), ""
        except EngineError as error:
            return None, f"{error.title}. {error.hint}"

    async def _take_hunks(self, run_id: str) -> None:
        from widgets.dialogs.hunk_dialog import HunkDialog

        preview = await self.desk.engine.promotion_preview(run_id)
        take = await self.desk.screen.app.push_screen_wait(HunkDialog(preview))
        if take is not None:
            await self._take(run_id, "merge", take)

    async def _take(
        self, run_id: str, how: Literal["merge", "patch", "branch"], take: "Selection | None" = None
    ) -> None:
        done = await self.desk.engine.promote(run_id, how, take=take)
        lines = [done.detail or done.commit, "U takes it back." if done.undo else ""]
        self.desk.screen.notify("\n".join(filter(None, lines)), title=f"Taken: {how}", markup=False, timeout=10)

    async def undo(self) -> None:
        """Put the person's files back as they were, after a question that shows what that touches."""
        run_id, state = self.desk.run_id, self.desk.state
        if state.status is not Status.SUCCESS or state.promoted is None:
            self.desk.screen.notify("Nothing of this run was taken into your files.", timeout=4)
            return
        preview = await self.desk.engine.undo_preview(run_id)
        if preview.conflicts:
            raise EngineError(
                f"You changed these files since: {'; '.join(preview.conflicts[:NAMED])}",
                f"Nothing was written. Undo your changes there, or give them up by name: "
                f"`miracle undo {run_id} --force PATH`.",
            )
        if await self.desk.confirm("Put your files back as they were?", blast_radius(preview)):
            undone = await self.desk.engine.undo(run_id)
            self.desk.screen.notify(undone.detail, title="Taken back", markup=False, timeout=10)


def blast_radius(preview: "UndoPreview") -> str:
    """What undoing touches, in words."""
    lines = [f"In {preview.folder}:"]
    lines += [f"  {path}: {fate}" for path, fate in preview.files[:NAMED]]
    if len(preview.files) > NAMED:
        lines.append(f"  … and {len(preview.files) - NAMED} more files")
    if not preview.files:
        lines.append("  no file changes: they are as they were already")
    if preview.moves:
        lines.append(f"{preview.moves}; git reflog keeps it.")
    if preview.warning:
        lines.append(preview.warning)
    return "\n".join([*lines, "", "Other files and your later changes stay. The result can be taken again."])
