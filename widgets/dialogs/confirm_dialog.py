"""A yes or no."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from widgets.dialogs.dialog import Dialog
from widgets.inert import inert


class ConfirmDialog(Dialog[bool]):
    """True for yes; escape is a no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "yes", "Yes", id="confirm.yes"),
        Binding("n", "later", "No", id="confirm.no"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | y, enter | yes |
    | n, escape | no |
    """

    KEYS = (("y", "yes"), ("n", "no"))
    TONE = "-warning"

    DEFAULT_CSS = """
    ConfirmDialog #dialog { width: 64; }
    """

    def __init__(self, title: str, text: str = "") -> None:
        super().__init__(title)
        self._text = text

    def body(self) -> Iterable[Widget]:
        """What is asked."""
        yield Static(Content(inert(self._text[:4000])), markup=False)

    def action_yes(self) -> None:
        """Do it."""
        self.dismiss(True)

    def action_later(self) -> None:
        """Leave it."""
        self.dismiss(False)
