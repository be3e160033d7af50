"""A question to a person: what would happen, how far it reaches, and the answers by key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from widgets.dialogs.dialog import Dialog
from widgets.inert import inert, inert_line
from widgets.line_input import LineInput
from widgets.reach import reach_lines

if TYPE_CHECKING:
    from engine.events import ApprovalRequested

_TOPICS = {
    "command": "A command wants to run",
    "scan": "The scan found something",
    "plan": "The plan waits for you",
    "questions": "Questions about the goal",
    "dependency": "Packages want to be installed",
}
SHOWN_CHARACTERS = 6000


@dataclass(frozen=True)
class ApprovalChoice:
    """A person's answer."""

    decision: Literal["once", "run", "always", "deny"]
    """`always` wants a rule, which a dialog of its own narrows."""
    reason: str = ""
    answers: tuple[str, ...] = ()


class ApprovalDialog(Dialog[ApprovalChoice | None]):
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
        Binding("e", "reason", "Deny with a reason", id="approval.reason"),
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
    TONE = "-warning"

    DEFAULT_CSS = """
    ApprovalDialog {
        #approval-title { text-style: bold; height: auto; }
        #approval-detail { height: auto; margin: 1 0; padding: 0 1; border-left: outer $warning 60%; }
        #approval-reach { height: auto; }
        #approval-note { height: auto; margin-top: 1; color: $text-muted; }
        #approval-reason { display: none; margin-top: 1; }
        #approval-reason.-on { display: block; }
    }
    """

    def __init__(self, request: ApprovalRequested, note: str = "") -> None:
        super().__init__(_TOPICS.get(request.topic, "May it?"))
        self.request = request
        self.note = note

    def body(self) -> Iterable[Widget]:
        """Title, detail, reach, and the line for a reason."""
        yield Static(Content(inert_line(self.request.title, 400)), id="approval-title", markup=False)
        detail = inert((self.request.detail or self.request.subject)[:SHOWN_CHARACTERS]).strip()
        if detail:
            yield Static(Content(detail), id="approval-detail", markup=False)
        reach = Content("\n").join(reach_lines(self.request.blast_radius))
        yield Static(reach, id="approval-reach", markup=False)
        if self.note:
            yield Static(Content(inert_line(self.note, 200)), id="approval-note", markup=False)
        yield LineInput(placeholder="why not? enter sends it to the agent", id="approval-reason")

    def action_answer(self, decision: Literal["once", "run", "always", "deny"]) -> None:
        """Answer at once."""
        self.dismiss(ApprovalChoice(decision))

    def action_reason(self) -> None:
        """Open the line for a reason."""
        line = self.query_one("#approval-reason", Input)
        line.add_class("-on")
        line.focus()
        line.scroll_visible(animate=False)

    def action_later(self) -> None:
        """Close the line for a reason, or leave the question for later."""
        line = self.query_one("#approval-reason", Input)
        if line.has_focus:
            line.remove_class("-on")
            self.set_focus(None)
        else:
            self.dismiss(None)

    @on(Input.Submitted, "#approval-reason")
    def _reasoned(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(ApprovalChoice("deny", reason=event.value.strip()))
