"""A text area that keeps long pastes aside, so that a page of log or a whole file does not stall the typing."""

import re
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import TextArea

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
        super().__init__(
            text, id=id, soft_wrap=True, tab_behavior="focus", show_line_numbers=False, placeholder=placeholder,
            compact=True, highlight_cursor_line=False,
        )  # fmt: skip
        self._pastes: dict[int, str] = {}

    @property
    def full_text(self) -> str:
        """What was typed, with every paste in its place."""
        return _TOKEN.sub(lambda match: self._pastes.get(int(match[1]), match[0]), self.text)

    async def _on_paste(self, event: events.Paste) -> None:
        """Keep a long paste aside."""
        lines = event.text.count("\n") + 1
        if len(event.text) <= LONG_CHARACTERS and lines <= LONG_LINES:
            await super()._on_paste(event)
            return
        event.stop()
        event.prevent_default()
        self.keep_aside(event.text, lines)

    def keep_aside(self, text: str, lines: int = 0) -> None:
        """Put a token for a long text at the cursor."""
        number = len(self._pastes) + 1
        self._pastes[number] = text.replace("\r\n", "\n").replace("\r", "\n")
        size = f"{lines or text.count(chr(10)) + 1:,} lines, {len(text):,} characters"
        self.insert(f"⟦paste {number}: {size}⟧")

    def set_full_text(self, text: str) -> None:
        """Put a text in place of everything, aside where it is long."""
        self._pastes.clear()
        self.clear()
        if len(text) > LONG_CHARACTERS:
            self.keep_aside(text)
        else:
            self.insert(text)

    def action_newline(self) -> None:
        """Start a new line."""
        self.insert("\n")
