"""A phase goes in circles: go on, go on with a hint, or end the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from widgets.dialogs.answer_dialog import AnswerDialog

if TYPE_CHECKING:
    from engine.events import ApprovalRequested


class StuckDialog(AnswerDialog):
    """What was tried, and a line for what the agents should know."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "answer('once')", "Go on", id="stuck.on"),
        Binding("h", "reason('once')", "Go on with a hint", id="stuck.hint"),
        Binding("x", "answer('deny')", "End the run", id="stuck.end"),
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
    WANTED: ClassVar[dict[str, str]] = {"once": "what should the agents know? enter goes on with it"}

    def __init__(self, request: ApprovalRequested) -> None:
        super().__init__("A phase goes in circles", request)
