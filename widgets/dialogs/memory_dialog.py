"""A whole memory: what it was worth, the failure or the problem, what was tried, and the change that followed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from widgets.dialogs.dialog import Dialog
from widgets.history_preview import HistoryPreview
from widgets.memory_rows import about, head_row, is_pinned

if TYPE_CHECKING:
    from engine.recollections import ShownMemory
    from memory.hits import Entry
    from memory.marks import Mark

GONE = "Memory does not hold it any more. This is what the agent was shown of it."


class MemoryDialog(Dialog[Literal["pin", "forget", "run"]]):
    """Answers what is to be done with the memory; escape leaves it as it is.

    Args:
        shown: The memory, as an agent was shown it.
        entry: All that memory holds of it; None where that is gone.
        mark: What a person thinks of it now.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "answer('pin')", "Pin", id="memory.opened.pin"),
        Binding("d", "answer('forget')", "Forget", id="memory.opened.forget"),
        Binding("o", "answer('run')", "Its run", id="memory.opened.run"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | p | recall it first from now on, or no longer |
    | d | never recall it again, or again |
    | o | the run that it comes from, in the timeline |
    """

    DEFAULT_CSS = """
    MemoryDialog #dialog { width: 110; height: 94%; overflow: hidden; padding: 0 2; }
    MemoryDialog #memory-head { height: auto; max-height: 8; margin: 1 0; }
    MemoryDialog HistoryPreview { height: 1fr; min-height: 4; }
    """

    def __init__(self, shown: ShownMemory, entry: Entry | None, mark: Mark | None = None) -> None:
        super().__init__("Memory")
        self._shown = shown
        self._entry = entry
        self._mark = mark
        pin = "no longer pin" if is_pinned(shown.item, mark) else "pin"
        forget = "remember again" if mark is not None and mark.forgotten else "forget"
        self._hints = (("p", pin), ("d", forget), ("o", "its run"), ("esc", "close"))

    def hints(self) -> Iterable[tuple[str, str]]:
        """What the keys do with this memory."""
        return self._hints

    def body(self) -> Iterable[Widget]:
        """What it was worth, then all of it."""
        told = [f"shown to the {self._shown.role}"]
        if self._shown.number:
            told.append(f"for iteration {self._shown.number}")
        head = [head_row(self._shown, self._mark), Content.styled(", ".join(told), "$foreground-muted")]
        head += [Content.styled(line, style) for line, style in about(self._shown.item)]
        yield Static(Content("\n").join(head), id="memory-head", markup=False)
        yield HistoryPreview(id="memory-whole")

    def on_mount(self) -> None:
        """Fill in the whole of it."""
        preview = self.query_one(HistoryPreview)
        if self._entry is not None:
            preview.show(self._entry)
        else:
            item = self._shown.item
            preview.say("\n\n".join(part for part in (GONE, item.title, item.cause, item.solution, item.fix) if part))
        preview.focus()

    def action_answer(self, wish: Literal["pin", "forget", "run"]) -> None:
        """Say what is to be done."""
        self.dismiss(wish)
