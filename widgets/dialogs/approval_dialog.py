"""A question to a person: what would happen, how far it reaches, and the answers by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from widgets.dialogs.answer_dialog import AnswerDialog

if TYPE_CHECKING:
    from engine.events import ApprovalRequested

_TOPICS = {
    "command": "A command wants to run",
    "scan": "The scan found something",
    "plan": "The plan waits for you",
    "questions": "Questions about the goal",
    "dependency": "Packages want to be installed",
}


class ApprovalDialog(AnswerDialog):
    """Allow once, for this run, always by a rule, deny, deny with a reason, or decide later.

    Args:
        request: The question.
        note: A line about when it is answered by itself.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "answer('once')", "Once", id="approval.once"),
        Binding("r", "answer('run')", "For this run", id="approval.run"),
        Binding("a", "answer('always')", "Always", id="approval.always"),
        Binding("d", "answer('deny')", "Deny", id="approval.deny"),
        Binding("e", "reason('deny')", "Deny with a reason", id="approval.reason"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | o | allow it once |
    | r | allow it for the rest of this run |
    | a | allow it for good: choose the rule and see what it would have allowed |
    | d | deny it |
    | e | deny it and tell the agent why |
    | escape | decide later |
    """

    KEYS = (
        ("o", "once"),
        ("r", "this run"),
        ("a", "always"),
        ("d", "deny"),
        ("e", "deny, why"),
        ("esc", "later"),
    )
    WANTED: ClassVar[dict[str, str]] = {"deny": "why not? enter sends it to the agent"}

    def __init__(self, request: ApprovalRequested, note: str = "") -> None:
        super().__init__(_TOPICS.get(request.topic, "May it?"), request, note)
