"""What can be done with a result of the history."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from memory.hits import Hit, project_named
from miracle_tui.exporting import export_entry, offered_name
from miracle_tui.trouble import trouble_of
from widgets.history_preview import HistoryPreview

if TYPE_CHECKING:
    from miracle_tui.screens.history_screen import HistoryScreen


class HistoryActs:
    """Reads, marks, exports.

    Args:
        screen: shows the results.
    """

    Act = Callable[[Hit], Awaitable[None]]

    def __init__(self, screen: "HistoryScreen") -> None:
        self.screen = screen

    @property
    def _folder(self) -> Path:
        return self.screen.miracle.services.launch.workspace

    async def preview(self, hit: Hit, pause_s: float) -> None:
        """Show what there is to read about a result once the cursor rests on it."""
        await asyncio.sleep(pause_s)
        preview = self.screen.query_one(HistoryPreview)
        try:
            preview.show(await self.screen.engine.entry(hit.kind, hit.id), self.screen.words)
        except Exception as exc:  # noqa: BLE001  a worker's edge: a preview that cannot be had is said in its place
            trouble = trouble_of(exc, "read the result")
            preview.say(f"{trouble.title}\n{trouble.hint}", "$text-error")

    async def choose_filters(self) -> None:
        """Ask what is shown."""
        from widgets.dialogs.history_filters_dialog import HistoryFiltersDialog

        dialog = HistoryFiltersDialog(self.screen.filters, project_named(str(self._folder)))
        chosen = await self.screen.app.push_screen_wait(dialog)
        if chosen is not None:
            self.screen.use(chosen)

    async def begin(self, hit: Hit) -> None:
        """Leave for a new task that begins from a solution."""
        self.screen.dismiss(await self.screen.engine.entry(hit.kind, hit.id))

    async def export(self, hit: Hit) -> None:
        """Write a result into a file that a person names."""
        from widgets.dialogs.export_dialog import ExportDialog

        offered = self._folder / offered_name(hit.kind, hit.id)
        path = await self.screen.app.push_screen_wait(ExportDialog(offered))
        if path is not None:
            entry = await self.screen.engine.entry(hit.kind, hit.id)
            await asyncio.to_thread(export_entry, entry, path)
            self.screen.notify(f"Written to {path}", markup=False, timeout=5)

    async def pin(self, hit: Hit) -> None:
        """Recall a memory first, or take that back."""
        await self._mark(hit, pinned=not hit.pinned)

    async def forget(self, hit: Hit) -> None:
        """Never recall a memory again, or take that back."""
        text = "No agent is shown it again, and the history hides it. A filter (f3) shows it, and d takes this back."
        if hit.forgotten or await self._confirm("Forget this memory?", f"{hit.title}\n\n{text}"):
            await self._mark(hit, forgotten=not hit.forgotten)

    async def _mark(self, hit: Hit, *, pinned: bool | None = None, forgotten: bool | None = None) -> None:
        marked = await self.screen.engine.mark_memory(hit.id, pinned=pinned, forgotten=forgotten)
        said = "Pinned: recalled first in its project whenever it is similar enough." if pinned else "No longer pinned."
        if forgotten is not None:
            said = "Forgotten. d takes this back where f3 shows it." if forgotten else "It may be recalled again."
        self.screen.notify(said, timeout=4)
        self.screen.marked(hit, pinned=marked.pinned, forgotten=marked.forgotten)

    async def _confirm(self, title: str, text: str) -> bool:
        from widgets.dialogs.confirm_dialog import ConfirmDialog

        return await self.screen.app.push_screen_wait(ConfirmDialog(title, text))
