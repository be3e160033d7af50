"""The run's iterations on one line, and how the number of failing tests went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from widgets.marks import failing, iteration_mark

if TYPE_CHECKING:
    from engine.state import State

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: list[int]) -> str:
    """A bar for each value, the highest full."""
    top = max(values, default=0) or 1
    return "".join(_BARS[round(value / top * (len(_BARS) - 1))] for value in values)


class IterationStrip(Widget):
    """ "1 ✗ 3/8  2 ✗ 6/8  3 …" and a sparkline of failing tests."""

    DEFAULT_CSS = """
    IterationStrip { height: 1; padding: 0 1; }
    """

    state: reactive[State | None] = reactive(None)
    """The run to show."""

    def render(self) -> Content:
        """As many of the newest iterations as fit, and the sparkline at the right."""
        width = self.content_size.width
        state = self.state
        if state is None or not state.iterations:
            return Content.styled("no iterations yet", "$foreground-disabled").truncate(max(1, width), ellipsis=True)
        reds = [count for count in map(failing, state.iterations) if count is not None]
        tail = Content("")
        if reds and width >= 40:
            bars = sparkline(reds[-min(24, width // 4) :])
            colour = "$text-success" if reds[-1] == 0 else "$text-error"
            tail = Content.assemble(
                ("failing ", "$foreground-muted"), (bars, colour), (f" {reds[-1]}", f"{colour} bold")
            )
        room = width - tail.cell_length - (2 if tail else 0)
        line = Content("")
        for place, iteration in enumerate(reversed(state.iterations)):
            glyph, colour, counts = iteration_mark(iteration)
            newest = place == 0
            item = Content.assemble(
                (f"{iteration.number} ", "bold $foreground" if newest else "$foreground-muted"), (glyph, colour),
                (f" {counts}" if counts else "", colour if newest else "$foreground-muted"),
            )  # fmt: skip
            if line.cell_length + item.cell_length + 5 > room and line:
                line = Content.styled("‹  ", "$foreground-disabled") + line
                break
            line = item + Content("   ") + line if line else item
        line = line.truncate(max(1, room), ellipsis=True)
        return line + Content(" " * max(0, width - line.cell_length - tail.cell_length)) + tail
