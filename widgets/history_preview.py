"""What there is to read about the current result, with the colours of code; laid out in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import work
from textual.content import Content

from widgets.inert import inert, inert_line
from widgets.line_pane import LinePane
from widgets.marks import DIFF_STYLES, OUTCOME_STYLES
from widgets.syntax import MAX_LINE, colour_lines
from widgets.word_marks import mark_words

if TYPE_CHECKING:
    from memory.history_parts import Part
    from memory.hits import Entry

COLOURED_LINES = 1500
"""A longer text keeps the plain colour."""
LINES = 4000
"""Most lines of one text that are laid out."""


class HistoryPreview(LinePane):
    """Facts, then titled texts."""

    DEFAULT_CSS = """
    HistoryPreview { background: transparent; color: $text; scrollbar-gutter: stable; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: list[Content] = []
        self._entry: Entry | None = None
        self._marked: tuple[str, ...] = ()
        self._words = ""
        self._tone = ""

    @property
    def entry(self) -> Entry | None:
        """What is shown."""
        return self._entry

    def show(self, entry: Entry | None, words: Sequence[str] = ()) -> None:
        """Show a thing from its top, with these words marked; nothing for None."""
        self._entry, self._marked, self._words = entry, tuple(words), ""
        self.lay_out()
        self.go_to(0)

    def say(self, words: str, tone: str = "$foreground-muted") -> None:
        """Show words in the place of a thing."""
        self._entry, self._words, self._tone = None, words, tone
        self.lay_out()

    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def row(self, y: int) -> Content:
        """A wrapped line."""
        return self._rows[y]

    def make_rows(self, width: int) -> None:
        """Lay the thing out."""
        if self._entry is not None:
            self._write(self._entry, max(12, width))
            return
        block = Content.styled(inert(self._words), self._tone)
        self._rows = list(block.wrap(max(12, width))) if self._words else []
        self.rows_changed()

    @work(exclusive=True, group="history-lines", description="lay out a result", exit_on_error=False)
    async def _write(self, entry: Entry, width: int) -> None:
        rows = await asyncio.to_thread(lines_of, entry, width, self._marked)
        if entry is self._entry and self.is_attached:
            self._rows = rows
            self.rows_changed()


def lines_of(entry: Entry, width: int, words: Sequence[str] = ()) -> list[Content]:
    """The lines of a thing, wrapped to the width, with the words marked; takes milliseconds, so call it in a thread."""
    from memory.history_parts import facts_of, parts_of

    title = Content.styled(inert_line(entry.hit.title, 400), "bold $text-primary")
    rows = [*mark_words(title, words).wrap(width), Content("")]
    for name, value in facts_of(entry):
        value_part = (inert_line(value, 400), OUTCOME_STYLES.get(value, "$foreground"))
        fact = Content.assemble((f"{name:<9}", "$foreground-muted"), value_part)
        rows += fact.wrap(width)
    for part in parts_of(entry):
        rows += [Content(""), Content.styled(part.title.upper(), "bold $text-secondary")]
        rows += _lines(part, width, words)
    return rows


def _lines(part: Part, width: int, words: Sequence[str]) -> list[Content]:
    texts = [_short_rule(line, width) for line in inert(part.text.rstrip()).split("\n")]
    cut = len(texts) > LINES
    lines = [Content(text) for text in texts[:LINES]]
    if part.language and len(lines) <= COLOURED_LINES:
        for y, spans in enumerate(colour_lines(texts[:LINES], part.language)):
            for start, end, style in spans:
                lines[y] = lines[y].stylize(style, start, end)
    if part.language == "diff":
        lines = [_changed(line) for line in lines]
    lines = [mark_words(line[:MAX_LINE], words) for line in lines]
    rows = [row for line in lines for row in (line.expand_tabs(4).wrap(width) if line else [line])]
    return [*rows, Content.styled("… and more", "$foreground-muted")] if cut else rows


def _short_rule(line: str, width: int) -> str:
    """A line that only divides, as pytest draws them, within the width."""
    return line[:width] if len(line) > width and not line.strip("_ =-") else line


def _changed(line: Content) -> Content:
    colour = DIFF_STYLES.get(line.plain[:1])
    return line.stylize_before(colour) if colour else line
