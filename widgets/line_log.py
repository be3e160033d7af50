"""A log for hundreds of thousands of lines: text is taken up once a frame and laid out only where it is visible."""

from collections import deque
from collections.abc import Iterable
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.strip import Strip

from widgets.inert import colours_only, inert
from widgets.line_pane import LinePane

FRAME_S = 1 / 30
FRAME_CHARACTERS = 250_000
"""Text taken up in one frame; the rest waits for the next, so that the loop stays free."""
SCANNED_AT_ONCE = 15_000
"""Lines that a search looks at before it lets the loop go on."""
SHOWN_CHARACTERS = 4000
KEPT_CHARACTERS = 20_000
"""A longer line is cut, with a note."""
MAX_LINES = 200_000


class LineLog(LinePane):
    """Output as it comes: colours are kept, every other control sequence is inert.

    The log stays at its end until a person scrolls up, and again when they return there.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", id="log.search"),
        Binding("full_stop", "find(1)", "Next match", show=False, id="log.next", key_display="."),
        Binding("comma", "find(-1)", "Previous match", show=False, id="log.previous", key_display=","),
        Binding("end,G", "bottom", "Follow", show=False, id="log.follow"),
        Binding("home,g", "top", "Top", show=False, id="log.top"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | / | search; enter jumps, escape ends it |
    | . / , | next / previous match |
    | end, G | to the end, and follow it |
    | home, g | to the first line |
    """

    DEFAULT_CSS = """
    LineLog {
        background: transparent;
        color: $text;
    }
    """

    def __init__(self, *, max_lines: int = MAX_LINES, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.max_lines = max_lines
        self._lines: list[str] = []
        self._open = False
        self._pending: deque[str] = deque()
        self._flushing = False
        self._width = 0
        self._dropped = 0
        self._follow = True
        self._query = ""
        self._typing = False
        self._match = -1
        self._note = ""

    @property
    def line_count(self) -> int:
        """Lines that the log holds, without what is still to be taken up."""
        return len(self._lines)

    @property
    def following(self) -> bool:
        """Whether the log stays at its end."""
        return self._follow

    def write(self, text: str) -> None:
        """Add a piece of output; it may end, and begin, in the middle of a line."""
        if not text:
            return
        self._pending.append(text)
        self._schedule()

    def write_lines(self, lines: Iterable[str]) -> None:
        """Add whole lines."""
        text = "\n".join(lines)
        self.write(f"\n{text}\n" if self._open and not self._pending else f"{text}\n")

    def clear(self) -> None:
        """Forget everything and follow the end again."""
        self._lines.clear()
        self._pending.clear()
        self._open = False
        self._width = self._dropped = 0
        self._follow = True
        self._match = -1
        self._query = self._note = ""
        self._typing = False
        self.go_to(0, column=0)
        self.rows_changed()

    def flush(self) -> None:
        """Take up everything that waits, now."""
        while self._pending:
            self._take_up()
        self._show_new()

    def on_mount(self) -> None:
        """Take up what was written before there was a screen."""
        if self._pending:
            self._schedule()

    def _schedule(self) -> None:
        if not self._flushing and self.is_attached:
            self._flushing = True
            self.set_timer(FRAME_S, self._frame)

    def _frame(self) -> None:
        self._flushing = False
        self._take_up()
        self._show_new()
        if self._pending:
            self._schedule()

    def _take_up(self) -> None:
        """Move a frame's worth of waiting text into lines."""
        taken: list[str] = []
        room = FRAME_CHARACTERS
        while self._pending and room > 0:
            piece = self._pending.popleft()
            if len(piece) > room:
                self._pending.appendleft(piece[room:])
                piece = piece[:room]
            room -= len(piece)
            taken.append(piece)
        lines = "".join(taken).split("\n")
        if len(lines) == 1 and not lines[0]:
            return
        if self._open and self._lines:
            first = self._lines.pop() + lines[0]
            self._strips.discard(len(self._lines))
            lines[0] = first if len(first) <= KEPT_CHARACTERS else first[: KEPT_CHARACTERS + 1]
        self._open = bool(lines[-1])
        if not self._open:
            lines.pop()
        self._widen(lines)
        self._lines += [line if len(line) <= KEPT_CHARACTERS else line[: KEPT_CHARACTERS + 1] for line in lines]
        if len(self._lines) > self.max_lines:
            self._drop(len(self._lines) - self.max_lines + self.max_lines // 10)

    def _widen(self, lines: list[str]) -> None:
        longest = max(lines, key=len, default="")
        if len(longest) > self._width:
            self._width = min(
                max(self._width, cell_len(inert(longest[:SHOWN_CHARACTERS]).expandtabs())), SHOWN_CHARACTERS
            )

    def _drop(self, count: int) -> None:
        """Let the oldest lines go."""
        del self._lines[:count]
        self._dropped += count
        self._match -= count
        self._lines[0] = f"… {self._dropped + 1:,} earlier lines are not kept"
        self._strips.clear()
        if not self._follow:
            self.go_to(max(0, self.scroll_offset.y - count))

    def _show_new(self) -> None:
        following = self._follow
        size = self.virtual_size.with_height(len(self._lines)).with_width(self._width)
        if size != self.virtual_size:
            self.virtual_size = size
        self.refresh()
        if following:
            self.go_to_end()
            self._follow = True

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow the end exactly while it is in sight."""
        super().watch_scroll_y(old_value, new_value)
        self._follow = new_value >= self.max_scroll_y

    def on_resize(self) -> None:
        """A smaller pane still shows the end."""
        if self._follow:
            self.call_after_refresh(self.action_bottom)

    def row_count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def row_text(self, y: int) -> str:
        """A line as it reads, without its colours."""
        line = self._lines[y][:KEPT_CHARACTERS]
        return inert(line.rstrip("\r").rpartition("\r")[2]).expandtabs()

    def row(self, y: int) -> Content:
        """A line in its colours."""
        line = self._lines[y]
        shown = colours_only(line[:SHOWN_CHARACTERS].rstrip("\r").rpartition("\r")[2]).expandtabs()
        if "\x1b" in shown:
            content = Content.from_rich_text(Text.from_ansi(shown, no_wrap=True, end=""))
        else:
            content = Content(shown)
        if len(line) > SHOWN_CHARACTERS:
            content = content.append(Content.styled(" … cut", "$foreground-muted"))
        if self._query:
            content = self._mark(content, y)
        return content

    def _mark(self, content: Content, y: int) -> Content:
        plain, query = content.plain.lower(), self._query.lower()
        style = "$text on $warning 60% bold" if y == self._match else "$text on $warning 30%"
        start = plain.find(query)
        while start >= 0:
            content = content.stylize(style, start, start + len(query))
            start = plain.find(query, start + len(query))
        return content

    def render_line(self, y: int) -> Strip:
        """The last visible line belongs to the search while one is on."""
        if self._query or self._typing:
            width, height = self.scrollable_content_region.size
            if y == height - 1:
                return self._search_line().crop_extend(0, width, None)
        return super().render_line(y)

    def _search_line(self) -> Strip:
        caret = ("▏", "$primary") if self._typing else ("", "")
        hint = "  enter jump · esc end" if self._typing else "  . next · , previous · esc end"
        content = Content.assemble(
            (" / ", "$text-primary bold"),
            inert(self._query),
            caret,
            (f"  {self._note}", "$text-warning"),
            (hint, "$foreground-muted"),
        )
        return Strip(content.render_segments(self.visual_style))

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Every character belongs to the search line while it is open."""
        return self._typing and character is not None and character.isprintable()

    def on_key(self, event: events.Key) -> None:
        """Type the search."""
        if not self._typing:
            if event.key == "escape" and self._query:
                event.stop()
                event.prevent_default()
                self._end_search()
            return
        if event.key in ("tab", "shift+tab"):
            return
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self._end_search()
        elif event.key == "enter":
            self._typing = False
            self.refresh()
        elif event.key == "backspace":
            self._set_query(self._query[:-1])
        elif event.character and event.is_printable:
            self._set_query(self._query + event.character)

    def _set_query(self, query: str) -> None:
        self._query = query
        self._note = ""
        self._strips.clear()
        self.refresh()
        if query:
            self.find(query)

    def _end_search(self) -> None:
        self._typing = False
        self._query = self._note = ""
        self._match = -1
        self._strips.clear()
        self.refresh()

    def action_search(self) -> None:
        """Open the search line."""
        self._typing = True
        self._query = self._note = ""
        self.refresh()

    def find(self, query: str, step: int = -1) -> None:
        """Look for text, case aside, from the line in sight: upwards (-1), as the newest is last, or downwards (1)."""
        self._query = query
        bottom = min(len(self._lines), self.scroll_offset.y + self.scrollable_content_region.height) - 1
        self._scan(query.lower(), bottom if step < 0 else self.scroll_offset.y, step, len(self._lines))

    def action_find(self, step: int) -> None:
        """The next match in this direction, round the end."""
        if self._query and self._lines:
            start = (self._match if self._match >= 0 else len(self._lines) - 1) + step
            self._scan(self._query.lower(), start, step, len(self._lines))

    def _scan(self, wanted: str, start: int, step: int, left: int) -> None:
        """Look at some lines now and at the others after the loop had its turn."""
        count = len(self._lines)
        if wanted != self._query.lower() or not count:
            return
        for seen in range(min(left, SCANNED_AT_ONCE)):
            y = (start + step * seen) % count
            if wanted in self._lines[y].lower() and wanted in self.row_text(y).lower():
                self._found(y)
                return
        left -= SCANNED_AT_ONCE
        if left > 0:
            self.call_later(self._scan, wanted, start + step * SCANNED_AT_ONCE, step, left)
        else:
            self._match, self._note = -1, "nothing found"
            self.refresh()

    def _found(self, y: int) -> None:
        self._match = y
        self._note = f"line {y + 1:,}"
        self._strips.clear()
        height = self.scrollable_content_region.height
        if not self.scroll_offset.y <= y < self.scroll_offset.y + height - 1:
            self.go_to(max(0, y - height // 2))
        self.refresh()

    def action_bottom(self) -> None:
        """Go to the end and stay there."""
        self._follow = True
        self.go_to_end()

    def action_top(self) -> None:
        """Go to the first line."""
        self.go_to(0)
