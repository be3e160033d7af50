"""What a person does with the memories that an agent was shown: read, pin, forget, go where they come from."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.recollections import ShownMemory, all_memories, source_of
from engine.state import State
from miracle_tui.screens.desk import Desk
from widgets.inert import inert_line
from widgets.memory_rows import is_pinned

if TYPE_CHECKING:
    from memory.hits import Entry
    from memory.marks import Mark

FORGET = "No agent is shown it again, and the history hides it. d takes this back."


class Remembering:
    """Acts on the memories of the shown run.

    Args:
        desk: shows the run.
        show: shows another run.
    """

    def __init__(self, desk: Desk, show: Callable[[str], None]) -> None:
        self.desk = desk
        self._show_run = show
        self._marks: dict[str, Mark] = {}
        self._read: frozenset[str] = frozenset()
        """Memories whose marks are read."""

    def forget_run(self) -> None:
        """Another run is shown."""
        self._marks, self._read = {}, frozenset()
        self.desk.screen.furniture.reflection.marks = {}

    def take_state(self, state: State) -> None:
        """Read what a person thinks of memories that are new here."""
        ids = frozenset(shown.item.memory_id for shown in all_memories(state))
        if ids - self._read:
            self._read |= ids
            work = partial(self._read_marks, self.desk.run_id, tuple(sorted(ids)))
            self.desk.screen.miracle.perform(work, "read the marks of memories", group="marks", exclusive=True)

    async def _read_marks(self, run_id: str, ids: tuple[str, ...]) -> None:
        marks = await self.desk.engine.marks(ids)
        if run_id == self.desk.run_id:
            self._marks |= {mark.memory_id: mark for mark in marks}
            self._show()

    def _show(self) -> None:
        self.desk.screen.furniture.reflection.marks = dict(self._marks)

    async def act(self, shown: ShownMemory, wish: str) -> None:
        """Do what a person wants of a memory.

        Args:
            shown: the memory.
            wish: `open`, `pin`, `forget` or `run`.
        """
        if wish == "open":
            answer = await self._open(shown)
            if answer is None:
                return
            wish = answer
        await {"pin": self._pin, "forget": self._forget, "run": self._go}[wish](shown)

    async def _open(self, shown: ShownMemory) -> str | None:
        from widgets.dialogs.memory_dialog import MemoryDialog

        dialog = MemoryDialog(shown, await self._entry(shown), self._marks.get(shown.item.memory_id))
        return await self.desk.screen.app.push_screen_wait(dialog)

    async def _entry(self, shown: ShownMemory) -> "Entry | None":
        try:
            return await self.desk.engine.entry(shown.item.kind, shown.item.memory_id)
        except EngineError:
            return None

    async def _pin(self, shown: ShownMemory) -> None:
        pinned = not is_pinned(shown.item, self._marks.get(shown.item.memory_id))
        said = "Pinned: recalled first whenever it is similar enough." if pinned else "No longer pinned."
        await self._mark(shown, said, pinned=pinned)

    async def _forget(self, shown: ShownMemory) -> None:
        mark = self._marks.get(shown.item.memory_id)
        if mark is not None and mark.forgotten:
            await self._mark(shown, "It may be recalled again.", forgotten=False)
        elif await self.desk.confirm("Forget this memory?", f"{inert_line(shown.item.title, 400)}\n\n{FORGET}"):
            await self._mark(shown, "Forgotten. d takes this back.", forgotten=True)

    async def _mark(
        self, shown: ShownMemory, said: str, *, pinned: bool | None = None, forgotten: bool | None = None
    ) -> None:
        memory_id = shown.item.memory_id
        self._marks[memory_id] = await self.desk.engine.mark_memory(memory_id, pinned=pinned, forgotten=forgotten)
        self._show()
        self.desk.screen.notify(said, timeout=4)

    async def _go(self, shown: ShownMemory) -> None:
        """Show the moment that the memory comes from.

        Raises:
            EngineError: its run is not there.
        """
        from miracle_tui.screens.timeline_screen import TimelineScreen

        run_id, number = source_of(shown.item)
        if not run_id or not (await self.desk.engine.state(run_id)).seq:
            raise EngineError("The run of this memory is not in this database", "Its text is here: enter shows it.")
        timeline = TimelineScreen(self.desk.engine, run_id, iteration=number)
        self.desk.screen.app.push_screen(timeline, self._gone_on)

    def _gone_on(self, run_id: str | None) -> None:
        if run_id:
            self._show_run(run_id)
