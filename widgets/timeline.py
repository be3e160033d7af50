"""The line of a run's moments: where one is, what stands out, and the keys that go from one to the next."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from config.amounts import clock
from widgets.inert import inert_line

if TYPE_CHECKING:
    from engine.moments import Moment

Mark = tuple[int, str, str]
"""Rank, glyph, style; where several fall into one column, the highest rank is shown."""


def mark_of(moment: Moment) -> Mark | None:
    """The mark of a moment that stands out; None for the many that do not."""
    if moment.kind in ("tests", "proof"):
        return (5, "✓", "$text-success") if moment.good else (6, "✗", "$text-error")
    return _MARKS.get(moment.kind)


_MARKS: dict[str, Mark] = {
    "question": (7, "◆", "$text-accent"),
    "pause": (7, "‖", "$text-warning"),
    "escalation": (8, "!", "$text-error bold"),
    "trouble": (4, "!", "$text-error"),
    "merge": (4, "┴", "$text-primary"),
    "fork": (9, "┬", "$text-accent bold"),
    "steer": (4, "»", "$text-secondary"),
    "end": (9, "■", "$foreground bold"),
    "taken": (5, "↓", "$text-success"),
}


class TimelineBar(Widget, can_focus=True):
    """Three lines: the moment in words, the slider with its marks, the iterations below it.

    Every moment has the same room, however long it took: pauses last hours, and tool calls a second.
    """

    DEFAULT_CSS = """
    TimelineBar {
        height: 3;
        padding: 0 1;
        background: $surface;
        &:focus { background: $primary 8%; }
    }
    """

    ALLOW_SELECT: ClassVar[bool] = False

    moments: reactive[tuple[Moment, ...]] = reactive((), init=False)
    """All moments, in order."""
    index: reactive[int] = reactive(0, init=False)
    """The one that is shown."""
    live: reactive[bool] = reactive(False)
    """Whether the run goes on at the right end."""
    following: reactive[bool] = reactive(False)
    """Whether the newest moment stays the one that is shown."""

    @dataclass
    class Picked(Message):
        """A moment was clicked.

        Attributes:
            bar: The bar.
            index: The moment's place.
        """

        bar: TimelineBar
        index: int

        @property
        def control(self) -> TimelineBar:
            """The bar."""
            return self.bar

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._starts: list[tuple[int, int]] = []
        """(place of its first moment, iteration), in order."""
        self._marks: list[tuple[int, Mark]] = []
        """(place, mark) of the moments that stand out."""
        self._marked: tuple[int, int, dict[int, Mark]] = (0, 0, {})
        """Count of moments, width, and the marks that belong to them."""

    def watch_moments(self, before: tuple[Moment, ...], after: tuple[Moment, ...]) -> None:
        """Find where iterations begin and what stands out; a line that grew is looked at only where it did."""
        known = len(before)
        if known > len(after) or (known and after[known - 1] is not before[-1]):
            known = 0
        if not known:
            self._starts, self._marks = [], []
        for place in range(known, len(after)):
            moment = after[place]
            if moment.kind == "iteration":
                self._starts.append((place, moment.iteration))
            if (mark := mark_of(moment)) is not None:
                self._marks.append((place, mark))

    # Where to go from here

    def iteration_step(self, step: int) -> int:
        """Place of the beginning of the next iteration, or of this one, or of the one before."""
        places = [place for place, _ in self._starts]
        at = bisect_right(places, self.index)
        if step > 0:
            return places[at] if at < len(places) else max(0, len(self.moments) - 1)
        before = [place for place in places[:at] if place < self.index]
        return before[-1] if before else 0

    def place_of(self, text: str) -> int | None:
        """The moment that a person names: `17`, or `i3` for iteration 3; None when there is none."""
        wanted = text.strip().lower()
        if wanted.isascii() and wanted.isdigit():
            number = int(wanted[:9])
            return number - 1 if 1 <= number <= len(self.moments) else None
        number_text = wanted.removeprefix("iteration").removeprefix("i").strip(" :")
        if number_text != wanted and number_text.isascii() and number_text.isdigit():
            return next((place for place, number in self._starts if number == int(number_text[:9])), None)
        return None

    def find(self, text: str, start: int, step: int = 1) -> int | None:
        """The next moment with this text in its title, case aside, round the end."""
        wanted, count = text.lower(), len(self.moments)
        for distance in range(count):
            place = (start + step * distance) % count
            if wanted in self.moments[place].title.lower() or wanted == self.moments[place].kind:
                return place
        return None

    # How it looks

    def render(self) -> Content:
        """The three lines."""
        width = self.content_size.width
        if not self.moments or width < 12:
            return Content.styled("Reading the log", "$foreground-muted")
        return Content("\n").join([self._words(width), self._slider(width), self._iterations(width)])

    def _words(self, width: int) -> Content:
        here = self.moments[min(self.index, len(self.moments) - 1)]
        passed = (here.at - self.moments[0].at).total_seconds()
        place = Content.assemble(
            (f"{self.index + 1}", "bold $text-primary"), (f"/{len(self.moments)}  ", "$foreground-muted"),
            (f"+{clock(passed)}  ", "$foreground-muted"),
        )  # fmt: skip
        named = (inert_line(here.phase_id, 24), f"it {here.iteration}" if here.iteration else "")
        where = " · ".join(part for part in named if part)
        end = Content.styled(f"  {where}" if where else "", "$foreground-muted")
        if self.live:
            follows = ("  ● live", "$text-success bold") if self.following else ("  ○ goes on", "$text-success")
            end = end.append(Content.assemble(follows))
        mark = mark_of(here)
        glyph = Content.assemble((f"{mark[1]} ", mark[2])) if mark else Content("")
        room = max(4, width - place.cell_length - glyph.cell_length - end.cell_length)
        title = Content.styled(inert_line(here.title, 200), "bold $foreground").truncate(room, ellipsis=True)
        return place + glyph + title + Content(" " * (room - title.cell_length)) + end

    def _column(self, place: int, width: int) -> int:
        last = len(self.moments) - 1
        return round(place * (width - 1) / last) if last else 0

    def _marks_in(self, width: int) -> dict[int, Mark]:
        """The mark of each column; made anew only for other moments or another width."""
        if self._marked[:2] != (len(self.moments), width):
            marks: dict[int, Mark] = {}
            for place, mark in self._marks:
                column = self._column(place, width)
                if column not in marks or marks[column][0] < mark[0]:
                    marks[column] = mark
            self._marked = (len(self.moments), width, marks)
        return self._marked[2]

    def _slider(self, width: int) -> Content:
        here = self._column(self.index, width)
        marks = self._marks_in(width)
        parts: list[tuple[str, str]] = []
        for column in range(width):
            passed = column <= here
            _, glyph, style = marks.get(
                column, (0, "━" if passed else "─", "$primary" if passed else "$foreground 25%")
            )
            if column == here:
                glyph = glyph if column in marks else "●"
                style = "bold $block-cursor-foreground on $block-cursor-background"
            parts.append((glyph, style))
        return Content.assemble(*parts)

    def _iterations(self, width: int) -> Content:
        line, end = Content(""), 0
        for place, number in self._starts:
            column = self._column(place, width)
            label = f"╵{number}"
            if column < end or column + len(label) > width:
                continue
            current = place <= self.index and not any(place < other <= self.index for other, _ in self._starts)
            style = "bold $text-primary" if current else "$foreground-muted"
            line = line + Content(" " * (column - end)) + Content.styled(label, style)
            end = column + len(label)
        return line

    def on_click(self, event: events.Click) -> None:
        """Go to the moment under the pointer."""
        offset = event.get_content_offset(self)
        width = self.content_size.width
        if offset is not None and self.moments and width > 1:
            place = round(offset.x * (len(self.moments) - 1) / (width - 1))
            self.post_message(self.Picked(self, min(max(0, place), len(self.moments) - 1)))


def newest_at(moments: Sequence[Moment], seq: int) -> int:
    """Place of the newest moment at or before an event; the first when there is none."""
    return max(0, bisect_right([moment.seq for moment in moments], seq) - 1)
