"""Tests that hold to less than before, or that prove too little: keep them so, or send them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from widgets.dialogs.answer_dialog import AnswerDialog

if TYPE_CHECKING:
    from engine.events import ApprovalRequested


class TestsDialog(AnswerDialog):
    """What is wrong with the tests, and a line for a reason, whatever the answer is.

    Args:
        request: The question.
        note: A line about when it is answered by itself.
    """

    __test__ = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "answer('once')", "Allow", id="tests.once"),
        Binding("w", "reason('once')", "Allow, and say why", id="tests.reason"),
        Binding("r", "answer('run')", "Allow for this run", id="tests.run"),
        Binding("d", "answer('deny')", "Send them back", id="tests.deny"),
        Binding("e", "reason('deny')", "Send them back with a reason", id="tests.deny_reason"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | o | allow it |
    | w | allow it and say why |
    | r | allow the same for the rest of this run |
    | d | send the tests back |
    | e | send the tests back and tell the agent why |
    | escape | decide later |
    """

    KEYS = (
        ("o", "allow"),
        ("w", "with why"),
        ("r", "this run"),
        ("d", "send back"),
        ("e", "with why"),
        ("esc", "later"),
    )
    WANTED: ClassVar[dict[str, str]] = {
        "once": "why is that right? enter allows it",
        "deny": "what is to be done? enter sends it back",
    }

    def __init__(self, request: ApprovalRequested, note: str = "") -> None:
        super().__init__("The tests themselves", request, note)
