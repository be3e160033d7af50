"""The four panes: side by side where there is room, one at a time where there is not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Grid, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

TITLES = {"plan": "PLAN", "diff": "CODE DIFF", "reflection": "REFLECTION", "tests": "TEST OUTPUT"}
SHORT_TITLES = {"plan": "PLAN", "diff": "DIFF", "reflection": "REFLECT", "tests": "TESTS"}


NARROW = 100
"""Columns below which one pane is shown at a time."""


class PaneFrame(Vertical):
    """A titled border around a pane."""

    def __init__(self, name: str, widgets: Iterable[Widget]) -> None:
        super().__init__(*widgets, id=f"frame-{name}", name=name)
        self.border_title = TITLES[name]

    def note(self, text: str) -> None:
        """Say something about the content on the border; the text is not trusted."""
        self.border_subtitle = Content(text)


class PaneTabs(Static):
    """The names of the panes, shown where only one pane fits."""

    @dataclass
    class Chosen(Message):
        """A name was clicked.

        Attributes:
            pane: The pane's name.
        """

        pane: str

    current: reactive[str] = reactive("plan")
    """The pane that is shown."""
    working: reactive[str] = reactive("")
    """The pane that an agent works in right now."""
    numbered: reactive[bool] = reactive(True)
    """Whether the names are told with the keys that go there."""

    def render(self) -> Content:
        """The names with their keys, the shown one highlighted."""
        parts = []
        for number, (name, title) in enumerate(SHORT_TITLES.items(), 1):
            style = (
                "bold $block-cursor-foreground on $block-cursor-background" if name == self.current else "$text-muted"
            )
            mark = ("●", "$text-accent") if name == self.working else (" ", "")
            key = number if self.numbered else " "
            parts.append(Content.assemble(f" {key} {title}", mark).stylize_before(style))
        return Content("").join(parts)

    def on_click(self, event: events.Click) -> None:
        """Find the name that was hit."""
        x = event.x
        for name, title in SHORT_TITLES.items():
            width = len(title) + 4
            if x < width:
                self.post_message(self.Chosen(name))
                return
            x -= width


class PaneGrid(Vertical):
    """Holds the frames and knows which pane is current and whether it has the whole room."""

    ORDER: ClassVar[tuple[str, ...]] = tuple(TITLES)

    current: reactive[str] = reactive("plan")
    """The pane that has, or last had, the focus."""
    working: reactive[str] = reactive("")
    """The pane that an agent works in right now; empty when none does."""
    maximised: reactive[bool] = reactive(False)
    """Whether the current pane has the whole room."""

    def __init__(self, panes: Mapping[str, Sequence[Widget]], *, numbered: bool = True) -> None:
        super().__init__(id="panes")
        self._panes = panes
        self._numbered = numbered

    def compose(self) -> ComposeResult:
        """Tabs above, frames below."""
        tabs = PaneTabs(id="pane-tabs")
        tabs.numbered = self._numbered
        yield tabs
        with Grid(id="frames"):
            for name in self.ORDER:
                yield PaneFrame(name, self._panes[name])

    def frame(self, name: str) -> PaneFrame:
        """The frame of a pane."""
        return self.query_one(f"#frame-{name}", PaneFrame)

    def watch_current(self, name: str) -> None:
        """Mark the current frame and its tab."""
        for frame in self.query(PaneFrame):
            frame.set_class(frame.name == name, "-current")
        for tabs in self.query(PaneTabs):
            tabs.current = name

    def watch_maximised(self, maximised: bool) -> None:
        """Give the room to one pane, or share it."""
        self.set_class(maximised, "-maximised")

    def watch_working(self, name: str) -> None:
        """Mark the frame; where one pane is shown at a time, show this one to a person who is in none."""
        for frame in self.query(PaneFrame):
            frame.set_class(frame.name == name, "-working")
        for tabs in self.query(PaneTabs):
            tabs.working = name
        if name and self.screen.has_class("-narrow") and not self.focused_pane and not self.maximised:
            self.current = name

    def on_mount(self) -> None:
        """The first pane is current."""
        self.watch_current(self.current)

    @on(events.DescendantFocus)
    def _focus_moved(self, event: events.DescendantFocus) -> None:
        for node in event.widget.ancestors_with_self:
            if isinstance(node, PaneFrame) and node.name:
                self.current = node.name

    @on(PaneTabs.Chosen)
    def _tab_chosen(self, event: PaneTabs.Chosen) -> None:
        event.stop()
        self.go(event.pane)

    def go(self, name: str) -> None:
        """Show a pane and give it the focus."""
        self.current = name
        if not self.focused_pane:
            # A key that comes in the same burst, as over a slow line, is no letter for the line that was left.
            self.screen.set_focus(None)
        self.call_after_refresh(self._focus_current)

    def step(self, by: int) -> str:
        """The name of the pane `by` places on."""
        return self.ORDER[(self.ORDER.index(self.current) + by) % len(self.ORDER)]

    def show_badge(self, count: int) -> None:
        """Say on the plan's border that other runs wait for an answer."""
        title = Content(TITLES["plan"])
        if count:
            title = Content.assemble(title, "  ", (f" {count} waiting elsewhere · a ", "$text on $accent 45%"))
        self.frame("plan").border_title = title

    @property
    def focused_pane(self) -> str:
        """The pane that has the focus; empty when something else has."""
        focused: Widget | None = self.screen.focused
        while focused is not None and focused is not self.screen:
            if isinstance(focused, PaneFrame):
                return focused.name or ""
            focused = focused.parent if isinstance(focused.parent, Widget) else None
        return ""

    def _focus_current(self) -> None:
        for widget in self.frame(self.current).query("*"):
            if widget.focusable and widget.display:
                widget.focus()
                return
