"""One line of tabs: the files of a diff with what each gained and lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from widgets.diff_model import FileDiff
from widgets.inert import inert_line

_SIGNS = {"added": ("+", "$text-success"), "deleted": ("−", "$text-error"), "renamed": ("→", "$text-warning")}


class FileTabs(Widget):
    """Shows as many files as fit beside the current one."""

    DEFAULT_CSS = """
    FileTabs {
        height: 1;
        padding: 0 1;
    }
    """

    ALLOW_SELECT: ClassVar[bool] = False

    current: reactive[int] = reactive(0, init=False)
    """Place of the current file."""

    @dataclass
    class Picked(Message):
        """A file was clicked.

        Attributes:
            tabs: The tabs.
            index: The file's place.
        """

        tabs: "FileTabs"
        index: int

        @property
        def control(self) -> "FileTabs":
            """The tabs."""
            return self.tabs

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._files: Sequence[FileDiff] = ()
        self._places: list[tuple[int, int, int]] = []

    def show(self, files: Sequence[FileDiff], current: int) -> None:
        """Show these files."""
        self._files = files
        self.current = current
        self.refresh()

    def _tab(self, index: int) -> Content:
        file = self._files[index]
        name = inert_line(file.path, 120)
        name = name if len(name) <= 28 else "…" + name[-27:]
        sign, colour = _SIGNS.get(file.status, ("", ""))
        mark = Content.styled(sign + " ", colour) if sign else Content("")
        here = index == self.current
        label = Content.assemble(" ", mark, (name, "bold $foreground" if here else "$foreground-muted"))
        counts = Content.assemble(
            (f" +{file.added:,}" if file.added else "", "$text-success"),
            (f" −{file.removed:,}" if file.removed else "", "$text-error"),
            (" binary" if file.binary else "", "$text-warning"),
            " ",
        )
        tab = label.append(counts)
        return tab.stylize("on $primary 20%") if here else tab

    def render(self) -> Content:
        """The tabs from the first that leaves the current one in sight."""
        width = self.content_size.width
        if not self._files or width < 4:
            return Content("")
        first, room = self.current, width - self._tab(self.current).cell_length - 8
        while first > 0 and (size := self._tab(first - 1).cell_length) <= room:
            first -= 1
            room -= size
        line = Content.styled(f"‹{first} ", "$foreground-muted") if first else Content("")
        self._places = []
        index = first
        while index < len(self._files):
            tab = self._tab(index)
            if line.cell_length + tab.cell_length > width - 4 and index > self.current:
                break
            self._places.append((line.cell_length, line.cell_length + tab.cell_length, index))
            line = line.append(tab)
            index += 1
        rest = len(self._files) - index
        return line.append(Content.styled(f" {rest}›", "$foreground-muted")) if rest else line

    def on_click(self, event: events.Click) -> None:
        """Pick the file under the pointer."""
        offset = event.get_content_offset(self)
        for start, end, index in self._places if offset else ():
            if offset is not None and start <= offset.x < end:
                self.post_message(self.Picked(self, index))
