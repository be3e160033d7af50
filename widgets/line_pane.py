"""The base of the panes that draw line by line: only what is visible is ever laid out."""

from collections.abc import Iterable
from typing import ClassVar

from rich.segment import Segment
from textual.cache import LRUCache
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style

CACHED_LINES = 1024

FRAME = 4
"""Cells beside the texts of a pane that is as wide as the screen."""


class LinePane(ScrollView, can_focus=True):
    """Rows of styled text, any number of them.

    A pane says how many rows there are (`row_count`), what a row looks like (`row`), and calls `rows_changed`.
    One whose rows depend on its width makes them in `make_rows` and calls `lay_out` when it has others to show.
    """

    ALLOW_SELECT: ClassVar[bool] = True

    DEFAULT_CSS = """
    LinePane {
        height: 1fr;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        scrollbar-gutter: auto;
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._strips: LRUCache[int, Strip] = LRUCache(CACHED_LINES)

    def row_count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def row(self, y: int) -> Content:
        """The look of row `y`, counted from 0."""
        raise NotImplementedError

    def row_fill(self, y: int) -> str:
        """A style for the whole width of row `y`, such as "on $success 10%"."""
        return ""

    def row_text(self, y: int) -> str:
        """The text of row `y` for a copy."""
        return self.row(y).plain

    @property
    def allow_select(self) -> bool:
        """Text can be selected though the pane scrolls."""
        return True

    def make_rows(self, width: int) -> None:
        """Make the rows for `width` cells and tell of it by `rows_changed`; for panes whose texts wrap."""

    def lay_out(self) -> None:
        """Make the rows of what is to be shown now; before there is a screen, mounting will do it."""
        if self.is_attached:
            # A pane that is not in sight has no width yet; in a narrow terminal it will have all of it.
            self.make_rows(self.scrollable_content_region.width or self.app.size.width - FRAME)

    def on_mount(self) -> None:
        """Lay out what was set before there was a screen."""
        self.lay_out()

    def on_resize(self) -> None:
        """Texts wrap at another width."""
        self.lay_out()

    def rows_changed(self, width: int = 0) -> None:
        """Draw again after the rows changed; `width` is the widest row in cells, 0 when rows fit the pane."""
        self._strips.clear()
        self.virtual_size = Size(width, self.row_count())
        self.refresh()

    def rows_redrawn(self, rows: Iterable[int]) -> None:
        """Draw some rows again that changed in place."""
        for y in rows:
            self._strips.discard(y)
        self.refresh()

    def go_to(self, y: int, column: int | None = None) -> None:
        """Scroll row `y` to the top at once, even before the pane has its scrollbar."""
        self.scroll_to(column, y, animate=False, force=True)

    def go_to_end(self) -> None:
        """Scroll to the last row at once."""
        self.scroll_end(animate=False, force=True, immediate=True, x_axis=False)

    def notify_style_update(self) -> None:
        """Forget what was drawn in the old theme."""
        super().notify_style_update()
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        """Draw one visible line."""
        scroll_x, scroll_y = self.scroll_offset
        width = self.size.width
        index = scroll_y + y
        base = self.visual_style
        if not 0 <= index < self.row_count():
            return Strip.blank(width, base.rich_style)
        fill = self.row_fill(index)
        if fill:
            base = base + Style.parse(fill)
        strip = self._strip(index, base)
        cut = strip.cell_length > scroll_x + width > 1
        shown = strip.crop_extend(scroll_x, scroll_x + width - cut, base.rich_style).apply_offsets(scroll_x, index)
        return Strip([*shown, Segment("›", (base + Style.parse("$primary")).rich_style)], width) if cut else shown

    def _strip(self, index: int, base: Style) -> Strip:
        selection = self.text_selection
        if selection is None and (cached := self._strips.get(index)) is not None:
            return cached
        content = self.row(index)
        if selection is not None and (span := selection.get_span(index)) is not None:
            start, end = span
            style = self.screen.get_visual_style("screen--selection")
            content = content.stylize(style, start, len(content) if end == -1 else end)
        strip = Strip(content.render_segments(base))
        if selection is None:
            self._strips[index] = strip
        return strip

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, read row by row."""
        count = self.row_count()
        if not count:
            return None
        first = selection.start.y if selection.start else 0
        last = min(selection.end.y if selection.end else count - 1, count - 1)
        lines = []
        for y in range(max(0, first), last + 1):
            span = selection.get_span(y)
            if span is not None:
                text = self.row_text(y)
                lines.append(text[span[0] : None if span[1] == -1 else span[1]])
        return "\n".join(lines), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Show the new selection."""
        self._strips.clear()
        self.refresh()
