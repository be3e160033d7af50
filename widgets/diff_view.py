"""The lines of one file's diff, unified or split, drawn only where they are visible."""

from textual.content import Content
from textual.reactive import reactive

from widgets.diff_model import DiffLine, FileDiff, Pair
from widgets.inert import inert
from widgets.line_pane import LinePane
from widgets.syntax import Spans

SHOWN_CHARACTERS = 2000
TAB = 4
_FILLS = {"+": "on $success 12%", "-": "on $error 12%", "@": "on $primary 8%"}
_SIGNS = {"+": ("+", "$text-success bold"), "-": ("−", "$text-error bold")}


class DiffView(LinePane):
    """Numbers, signs and code in colours."""

    DEFAULT_CSS = """
    DiffView { background: transparent; color: $text; }
    """

    split: reactive[bool] = reactive(False, init=False)
    """Old and new side by side."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._file: FileDiff | None = None
        self._pairs: list[Pair] = []
        self._colours: dict[int, Spans] = {}
        self._gutter = 3

    def show(self, file: FileDiff | None, *, keep_place: bool = False) -> None:
        """Show a file, from its top unless it is the same one grown."""
        self._file = file
        self._colours = {}
        self._pairs = file.pairs() if file and self.split else []
        last = max((max(line.old, line.new) for line in file.lines[-200:]), default=0) if file else 0
        self._gutter = max(3, len(str(last)))
        if not keep_place:
            self.go_to(0, column=0)
        self._laid_out()

    def colour(self, file: FileDiff, colours: dict[int, Spans]) -> None:
        """Take the syntax colours of the file, if it is still the one shown."""
        if file is self._file:
            self._colours = colours
            self._strips.clear()
            self.refresh()

    def watch_split(self) -> None:
        """Lay the file out the other way, at the same line."""
        line = self.line_in_sight()
        self._pairs = self._file.pairs() if self._file and self.split else []
        self._laid_out()
        self.show_line(line)

    def on_resize(self) -> None:
        """The split view's columns depend on the width."""
        if self.split:
            self._strips.clear()

    def _laid_out(self) -> None:
        lines = self._file.lines if self._file else []
        widest = 0 if self.split else max((len(line.text) for line in lines), default=0)
        self.rows_changed(min(widest, SHOWN_CHARACTERS) + 2 * self._gutter + 5 if widest else 0)

    def row_count(self) -> int:
        """Lines of the file's diff, or pairs of them."""
        if self._file is None:
            return 0
        return len(self._pairs) if self.split else len(self._file.lines)

    def line_in_sight(self) -> int:
        """Place of the first visible line in the file's lines."""
        y = self.scroll_offset.y
        if not self.split or not self._pairs:
            return y
        pair = self._pairs[min(y, len(self._pairs) - 1)]
        return max(pair.left, pair.right)

    def show_line(self, place: int) -> None:
        """Scroll a line of the file to the top."""
        if self.split:
            place = next((y for y, pair in enumerate(self._pairs) if max(pair) >= place), 0)
        self.go_to(place)

    def row_fill(self, y: int) -> str:
        """Green, red, or the tint of a hunk's head; in the split view each side has its own."""
        if self._file is None or (self.split and self._sides_differ(y)):
            return ""
        return _FILLS.get(self._line(y).kind, "")

    def _sides_differ(self, y: int) -> bool:
        left, right = self._pairs[y]
        return left != right

    def _line(self, y: int) -> DiffLine:
        assert self._file is not None
        return self._file.lines[self._pairs[y].left if self.split else y]

    def row_text(self, y: int) -> str:
        """The code of a line, without numbers and signs."""
        if self._file is None:
            return ""
        if not self.split:
            return self._file.lines[y].text
        return self.row(y).plain

    def row(self, y: int) -> Content:
        """A line with its numbers."""
        if self._file is None:
            return Content("")
        if not self.split:
            return self._unified(y)
        left, right = self._pairs[y]
        if left == right and self._file.lines[left].kind in "@~":
            return self._unified(left)
        width = self.scrollable_content_region.width
        half = max(8, (width - 1) // 2)
        divider = Content.styled("│", "$foreground 20%")
        return self._side(left, half, old=True) + divider + self._side(right, max(8, width - 1 - half), old=False)

    def _unified(self, place: int) -> Content:
        assert self._file is not None
        line = self._file.lines[place]
        if line.kind == "@":
            head, _, context = line.text.partition(" @@")
            return Content.assemble(
                (f"  {inert(head.removeprefix('@@').strip())} ", "$text-primary"),
                (inert(context[:200]), "$foreground-muted italic"),
            )
        if line.kind == "~":
            return Content.styled(f"  {inert(line.text[:SHOWN_CHARACTERS])}", "$text-warning italic")
        numbers = f"{line.old or '':>{self._gutter}} {line.new or '':>{self._gutter}} "
        sign, colour = _SIGNS.get(line.kind, (" ", ""))
        return Content.assemble((numbers, "$foreground 35%"), (sign, colour), " ", self._code(place))

    def _side(self, place: int, width: int, *, old: bool) -> Content:
        """One half of a split row, exactly `width` cells."""
        if place < 0:
            return Content.styled(" " * width, "on $foreground 3%")
        assert self._file is not None
        line = self._file.lines[place]
        number = line.old if old else line.new
        sign, colour = _SIGNS.get(line.kind, (" ", ""))
        content = Content.assemble(
            (f"{number or '':>{self._gutter}} ", "$foreground 35%"), (sign, colour), " ", self._code(place)
        ).truncate(width, ellipsis=True, pad=True)
        fill = _FILLS.get(line.kind, "")
        return content.stylize_before(fill) if fill else content

    def _code(self, place: int) -> Content:
        assert self._file is not None
        text = self._file.lines[place].text
        content = Content(inert(text[:SHOWN_CHARACTERS]))
        spans = self._colours.get(place)
        if spans and len(content) == len(text):
            for start, end, style in spans:
                content = content.stylize(style, start, end)
        if len(text) > SHOWN_CHARACTERS:
            content = content.append(Content.styled(" … cut", "$foreground-muted"))
        return content.expand_tabs(TAB)
