"""Tests that hold to less than before, or that prove too little: keep them so, or send them back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from widgets.dialogs.approval_dialog import SHOWN_CHARACTERS, ApprovalChoice
from widgets.dialogs.dialog import Dialog
from widgets.inert import inert, inert_line
from widgets.line_input import LineInput
from widgets.reach import reach_lines

if TYPE_CHECKING:
    from engine.events import ApprovalRequested

PLACEHOLDERS = {"once": "why is that right? enter allows it", "deny": "what is to be done? enter sends it back"}


class TestsDialog(Dialog[ApprovalChoice | None]):
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
        ("w", "allow, why"),
        ("r", "this run"),
        ("d", "send back"),
        ("e", "send back, why"),
        ("esc", "later"),
    )
    TONE = "-warning"

    DEFAULT_CSS = """
    TestsDialog {
        #tests-title { text-style: bold; height: auto; }
        #tests-detail { height: auto; margin: 1 0; padding: 0 1; border-left: outer $warning 60%; }
        #tests-reach { height: auto; }
        #tests-note { height: auto; margin-top: 1; color: $text-muted; }
        #tests-reason { display: none; margin-top: 1; }
        #tests-reason.-on { display: block; }
    }
    """

    def __init__(self, request: ApprovalRequested, note: str = "") -> None:
        super().__init__("The tests themselves")
        self.request = request
        self.note = note
        self._decision: Literal["once", "deny"] = "deny"

    def body(self) -> Iterable[Widget]:
        """Title, what is wrong, reach, and the line for a reason."""
        yield Static(Content(inert_line(self.request.title, 400)), id="tests-title", markup=False)
        detail = inert(self.request.detail[:SHOWN_CHARACTERS]).strip()
        yield Static(Content(detail), id="tests-detail", markup=False)
        yield Static(Content("\n").join(reach_lines(self.request.blast_radius)), id="tests-reach", markup=False)
        if self.note:
            yield Static(Content(inert_line(self.note, 200)), id="tests-note", markup=False)
        yield LineInput(id="tests-reason")

    def action_answer(self, decision: Literal["once", "run", "deny"]) -> None:
        """Answer at once."""
        self.dismiss(ApprovalChoice(decision))

    def action_reason(self, decision: Literal["once", "deny"]) -> None:
        """Open the line for a reason."""
        self._decision = decision
        line = self.query_one("#tests-reason", Input)
        line.placeholder = PLACEHOLDERS[decision]
        line.add_class("-on")
        line.focus()
        line.scroll_visible(animate=False)

    def action_later(self) -> None:
        """Close the line for a reason, or leave the question for later."""
        line = self.query_one("#tests-reason", Input)
        if line.has_focus:
            line.remove_class("-on")
            self.set_focus(None)
        else:
            self.dismiss(None)

    @on(Input.Submitted, "#tests-reason")
    def _reasoned(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(ApprovalChoice(self._decision, reason=event.value.strip()))
