"""A phase goes in circles: go on, go on with a hint, or end the run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from widgets.dialogs.approval_dialog import ApprovalChoice
from widgets.dialogs.dialog import Dialog
from widgets.inert import inert, inert_line
from widgets.line_input import LineInput
from widgets.reach import reach_lines

if TYPE_CHECKING:
    from engine.events import ApprovalRequested

SHOWN_CHARACTERS = 6000


class StuckDialog(Dialog[ApprovalChoice | None]):
    """What was tried, and a line for what the agents should know."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "go_on", "Go on", id="stuck.on"),
        Binding("h", "hint", "Go on with a hint", id="stuck.hint"),
        Binding("x", "end", "End the run", id="stuck.end"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | g | go on as it is |
    | h | go on, and tell the agents something |
    | x | end the run |
    | escape | decide later |
    """

    KEYS = (("g", "go on"), ("h", "go on with a hint"), ("x", "end the run"), ("esc", "later"))
    TONE = "-warning"

    DEFAULT_CSS = """
    StuckDialog {
        #stuck-title { text-style: bold; height: auto; }
        #stuck-detail { height: auto; margin: 1 0; padding: 0 1; border-left: outer $warning 60%; }
        #stuck-reach { height: auto; }
        #stuck-hint { display: none; margin-top: 1; }
        #stuck-hint.-on { display: block; }
    }
    """

    def __init__(self, request: ApprovalRequested) -> None:
        super().__init__("A phase goes in circles")
        self.request = request

    def body(self) -> Iterable[Widget]:
        """Title, what was tried, and the line for a hint."""
        yield Static(Content(inert_line(self.request.title, 400)), id="stuck-title", markup=False)
        yield Static(Content(inert(self.request.detail[:SHOWN_CHARACTERS]).strip()), id="stuck-detail", markup=False)
        reach = Content("\n").join(reach_lines(self.request.blast_radius))
        yield Static(reach, id="stuck-reach", markup=False)
        yield LineInput(placeholder="what should the agents know? enter goes on with it", id="stuck-hint")

    def action_go_on(self) -> None:
        """Go on as it is."""
        self.dismiss(ApprovalChoice("once"))

    def action_end(self) -> None:
        """End the run as failed."""
        self.dismiss(ApprovalChoice("deny"))

    def action_hint(self) -> None:
        """Open the line for a hint."""
        line = self.query_one("#stuck-hint", Input)
        line.add_class("-on")
        line.focus()
        line.scroll_visible(animate=False)

    def action_later(self) -> None:
        """Close the line for a hint, or leave the question for later."""
        line = self.query_one("#stuck-hint", Input)
        if line.has_focus:
            line.remove_class("-on")
            self.set_focus(None)
        else:
            self.dismiss(None)

    @on(Input.Submitted, "#stuck-hint")
    def _hinted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(ApprovalChoice("once", reason=event.value.strip()))
