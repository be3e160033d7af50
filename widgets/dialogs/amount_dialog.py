"""A number that a person gives: more to spend, more iterations."""

import math
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from widgets.dialogs.dialog import Dialog
from widgets.inert import inert
from widgets.line_input import LineInput

LARGEST = 100_000


class AmountDialog(Dialog[float | None]):
    """Returns a number above zero, or None.

    Args:
        title: What is asked.
        text: What a person should know to answer.
        label: What the number counts.
        amount: What is offered.
        whole: Take whole numbers only.
    """

    KEYS = (("enter", "go on"), ("esc", "not now"))
    TONE: ClassVar[str] = "-warning"

    DEFAULT_CSS = """
    AmountDialog #dialog { width: 64; }
    """

    def __init__(self, title: str, text: str, label: str, amount: float, *, whole: bool = False) -> None:
        super().__init__(title)
        self._text = text
        self._label = label
        self._amount = amount
        self._whole = whole

    def body(self) -> Iterable[Widget]:
        """What is asked, and a field."""
        yield Static(Content(inert(self._text[:4000])), markup=False)
        yield Label(Content(inert(self._label)), markup=False, classes="label")
        yield LineInput(f"{self._amount:g}", id="amount", max_length=12, select_on_focus=True)

    def on_mount(self) -> None:
        """The number is to be typed over."""
        self.query_one("#amount", Input).focus()

    @on(Input.Submitted, "#amount")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        amount = parse_amount(event.value, whole=self._whole)
        if amount is None:
            kind = "A whole number" if self._whole else "A number"
            self.show_problem(f"{kind} above 0 and up to {LARGEST:,} is needed.")
        else:
            self.dismiss(amount)


def parse_amount(text: str, *, whole: bool) -> float | None:
    """The number in a text, with or without a dollar sign; None where there is none that can be used."""
    try:
        amount = float(text.strip().removeprefix("$").replace(",", "."))
    except ValueError:
        return None
    if not math.isfinite(amount) or not 0 < amount <= LARGEST or (whole and amount != int(amount)):
        return None
    return amount
