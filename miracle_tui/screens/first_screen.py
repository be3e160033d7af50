"""The first paint: the run screen's outline drawn by one widget, so that it is out before anything else is imported."""

from textual.app import ComposeResult, RenderResult
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from miracle_tui.screens.pane_grid import NARROW, TITLES

FLAT = 10
"""Rows below which there is no room for an outline."""
_INPUT_ROWS = 3


class Outline(Widget):
    """Empty frames with their titles, where the panes will be."""

    DEFAULT_CSS = """
    Outline { width: 1fr; height: 1fr; background: $background; }
    """

    def render(self) -> RenderResult:
        """The outline for this size."""
        width, height = self.size
        if height < FLAT or width < 40:
            return Content.styled("Miracle", "bold $text-primary")
        status = Content.styled(" Miracle".ljust(width), "bold $text-primary on $panel")
        rows = height - 3 - _INPUT_ROWS
        names = list(TITLES.values())
        if width < NARROW:
            panes = [Content(""), *_box(names[0], width, rows - 1)]
        else:
            left = width * 2 // 5
            upper = rows // 2
            panes = [
                *_beside(_box(names[0], left, upper), _box(names[1], width - left, upper)),
                *_beside(_box(names[2], left, rows - upper), _box(names[3], width - left, rows - upper)),
            ]
        return Content("\n").join([status, *panes, Content(""), *_box("", width, _INPUT_ROWS)])


class FirstScreen(Screen[None]):
    """Shown until the run screen is there."""

    def compose(self) -> ComposeResult:
        """One widget."""
        yield Outline()


def _box(title: str, width: int, height: int) -> list[Content]:
    """A frame with rounded corners, as the panes have."""
    border = "$border-blurred on $surface"
    head = Content.styled("╭─", border) + Content.styled(f" {title} " if title else "", "$text-muted on $surface")
    rule = "─" * (width - head.cell_length - 1) + "╮"
    inside = Content.styled("│" + " " * (width - 2) + "│", border)
    foot = Content.styled("╰" + "─" * (width - 2) + "╯", border)
    return [head + Content.styled(rule, border), *([inside] * (height - 2)), foot]


def _beside(left: list[Content], right: list[Content]) -> list[Content]:
    return [one + other for one, other in zip(left, right, strict=True)]
