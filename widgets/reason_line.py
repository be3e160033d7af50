"""The line for a reason: hidden until a person wants to give one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from widgets.line_input import LineInput


class ReasonLine(LineInput):
    """Enter gives the reason, escape puts the line away again."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "put_away", "Close", show=False, id="reason.close")]
    """
    | Key | Does |
    | :- | :- |
    | escape | put the line away |
    """

    DEFAULT_CSS = """
    ReasonLine { display: none; margin-top: 1; }
    ReasonLine.-on { display: block; }
    """

    @dataclass
    class Given(Message):
        """A reason was given.

        Attributes:
            line: The line.
            reason: What was written; may be empty.
        """

        line: ReasonLine
        reason: str

        @property
        def control(self) -> ReasonLine:
            """The line."""
            return self.line

    def ask(self, placeholder: str) -> None:
        """Open the line; `placeholder` says what is wanted and what enter does."""
        self.placeholder = placeholder
        self.add_class("-on")
        self.focus()
        self.scroll_visible(animate=False)

    def action_put_away(self) -> None:
        """Close the line and give its keys back to the dialog."""
        self.remove_class("-on")
        self.screen.set_focus(None)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Given(self, event.value.strip()))
