"""What went wrong and what to do next."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from widgets.dialogs.dialog import Dialog
from widgets.inert import inert


class ErrorDialog(Dialog[None]):
    """An error's title and its hint."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "later", "Close", show=False, id="error.close")]
    """
    | Key | Does |
    | :- | :- |
    | enter, space, escape | close |
    """

    KEYS = (("enter", "close"),)
    TONE = "-error"

    DEFAULT_CSS = """
    ErrorDialog {
        #dialog { width: 72; }
        #error-title { text-style: bold; height: auto; }
        #error-hint { height: auto; margin-top: 1; color: $text-muted; }
    }
    """

    def __init__(self, title: str, hint: str = "", detail: str = "") -> None:
        super().__init__("Something is in the way")
        self._title, self._hint, self._detail = title, hint, detail

    def body(self) -> Iterable[Widget]:
        """Title, hint, and detail where there is one."""
        yield Static(Content(inert(self._title[:1000])), id="error-title", markup=False)
        lines = [Content(inert(text[:4000])) for text in (self._hint, self._detail) if text]
        if lines:
            yield Static(Content("\n\n").join(lines), id="error-hint", markup=False)
