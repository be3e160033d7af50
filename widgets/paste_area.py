"""A text area that keeps long pastes aside, so that a page of log or a whole file does not stall the typing."""

import re
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import TextArea

from widgets.inert import inert

LONG_CHARACTERS = 2000
LONG_LINES = 40
_TOKEN = re.compile(r"⟦paste (\d+): [^⟧]*⟧")


class PasteArea(TextArea):
    """Shows a long paste as a token such as "⟦paste 1: 812 lines, 41,000 characters⟧"; `full_text` has it all."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("shift+enter,ctrl+j", "newline", "New line", show=False, id="input.newline"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | shift+enter, ctrl+j | a new line |
    """

    def __init__(self, text: str = "", *, id: str | None = None, placeholder: str = "") -> None:
        self._pastes: dict[int, str] = {}
        shown = self._set_aside(text) if len(text) > LONG_CHARACTERS else inert(text)
        super().__init__(
            shown, id=id, soft_wrap=True, tab_behavior="focus", show_line_numbers=False, placeholder=placeholder,
            compact=True, highlight_cursor_line=False,
        )  # fmt: skip

    @property
    def full_text(self) -> str:
        """What was typed, with every paste in its place."""
        return _TOKEN.sub(lambda match: self._pastes.get(int(match[1]), match[0]), self.text)

    async def _on_paste(self, event: events.Paste) -> None:
        """Put what was pasted in place of the selection; a long text is kept aside."""
        event.stop()
        event.prevent_default()
        text = event.text.replace("\r\n", "\n").replace("\r", "\n")
        is_long = len(text) > LONG_CHARACTERS or text.count("\n") >= LONG_LINES
        self._put(self._set_aside(text) if is_long else inert(text))

    def _put(self, text: str) -> None:
        self.move_cursor(self.replace(text, *self.selection).end_location)

    def _set_aside(self, text: str) -> str:
        """Keep a long text; the token that stands for it."""
        number = len(self._pastes) + 1
        self._pastes[number] = inert(text)
        return f"⟦paste {number}: {text.count(chr(10)) + 1:,} lines, {len(text):,} characters⟧"

    def set_full_text(self, text: str) -> None:
        """Put a text in place of everything, aside where it is long."""
        self._pastes.clear()
        self.clear()
        self._put(self._set_aside(text) if len(text) > LONG_CHARACTERS else inert(text))

    def action_newline(self) -> None:
        """Start a new line."""
        self.insert("\n")
