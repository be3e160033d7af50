"""A line pane with a row that the keys move."""

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.reactive import reactive

from widgets.line_pane import LinePane


class CursorPane(LinePane):
    """Rows of which one is current; rows that `is_stop` refuses are passed over."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor(-1)", "Up", show=False, id="cursor.up"),
        Binding("down,j", "cursor(1)", "Down", show=False, id="cursor.down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="cursor.page-up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="cursor.page-down"),
        Binding("home", "edge(-1)", "First", show=False, id="cursor.first"),
        Binding("end", "edge(1)", "Last", show=False, id="cursor.last"),
        Binding("enter", "choose", "Open", show=False, id="cursor.choose"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | up, k / down, j | the row above / below |
    | page up / page down | a page |
    | home / end | first / last row |
    | enter | choose the row |
    """

    cursor: reactive[int] = reactive(-1, init=False)
    """The current row; -1 when none is."""

    def is_stop(self, y: int) -> bool:
        """Whether the cursor may stand on row `y`."""
        return True

    def row_chosen(self, y: int) -> None:
        """Enter was pressed on, or a click hit, row `y`."""

    def row_fill(self, y: int) -> str:
        """Show the current row."""
        if y != self.cursor:
            return ""
        return "on $primary 28%" if self.has_focus else "on $foreground 7%"

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor inside."""
        return min(cursor, self.row_count() - 1)

    def watch_cursor(self, old: int, new: int) -> None:
        """Draw both rows and keep the current one in sight."""
        self.rows_redrawn((old, new))
        self.show_row(new)

    def on_focus(self) -> None:
        """The current row looks different with the focus."""
        if self.cursor < 0:
            self.action_edge(-1)
        self.rows_redrawn((self.cursor,))

    def on_blur(self) -> None:
        """The current row looks different without the focus."""
        self.rows_redrawn((self.cursor,))

    def show_row(self, y: int) -> None:
        """Scroll just as far as needed to see row `y`."""
        height = self.scrollable_content_region.height
        if y < 0 or height <= 0:
            return
        top = self.scroll_offset.y
        if y < top:
            self.go_to(y)
        elif y >= top + height:
            self.go_to(y - height + 1)

    def _next_stop(self, start: int, step: int) -> int | None:
        count = self.row_count()
        y = start
        while 0 <= y < count:
            if self.is_stop(y):
                return y
            y += step
        return None

    def action_cursor(self, step: int) -> None:
        """Go to the next row that is a stop."""
        stop = self._next_stop(self.cursor + step, step)
        if stop is not None:
            self.cursor = stop
        elif step < 0:
            self.go_to(0)

    def action_page(self, step: int) -> None:
        """Go a page on."""
        height = max(1, self.scrollable_content_region.height - 1)
        target = min(max(0, self.cursor + step * height), max(0, self.row_count() - 1))
        stop = self._next_stop(target, step)
        self.action_edge(step) if stop is None else setattr(self, "cursor", stop)

    def action_edge(self, step: int) -> None:
        """Go to the first (-1) or last (1) stop."""
        start = 0 if step < 0 else self.row_count() - 1
        stop = self._next_stop(start, 1 if step < 0 else -1)
        if stop is not None:
            self.cursor = stop
        if step < 0:
            self.go_to(0)

    def action_choose(self) -> None:
        """Choose the current row."""
        if 0 <= self.cursor < self.row_count():
            self.row_chosen(self.cursor)

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; on the current row it chooses."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        y = offset.y + self.scroll_offset.y
        if not (0 <= y < self.row_count() and self.is_stop(y)):
            return
        again = y == self.cursor
        self.cursor = y
        if again or event.chain > 1:
            self.row_chosen(y)
