"""The clarifying questions of the reprompter, one line each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from widgets.dialogs.answer_dialog import ApprovalChoice
from widgets.dialogs.dialog import Dialog
from widgets.inert import inert
from widgets.line_input import LineInput

if TYPE_CHECKING:
    from engine.events import ApprovalRequested


class QuestionsDialog(Dialog[ApprovalChoice | None]):
    """Answers to the questions, in their order; an empty one leaves the question to the agent."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2,ctrl+enter", "send", "Send", id="questions.send", priority=True),
        Binding("f3", "skip", "Skip all", id="questions.skip", priority=True),
    ]
    """
    | Key | Does |
    | :- | :- |
    | enter | the next question; after the last, send |
    | F2, ctrl+enter | send the answers |
    | F3 | skip all questions |
    | escape | later |
    """

    KEYS = (("enter", "next"), ("F2", "send"), ("F3", "skip all"), ("esc", "later"))

    DEFAULT_CSS = """
    QuestionsDialog {
        .question { height: auto; margin-top: 1; }
        #questions-about { color: $text-muted; height: auto; }
    }
    """

    def __init__(self, request: ApprovalRequested) -> None:
        super().__init__("Questions about the goal")
        self.request = request

    def body(self) -> Iterable[Widget]:
        """A line for each question."""
        about = "A clear answer saves iterations. Leave a line empty to let the agent decide."
        yield Static(about, id="questions-about", markup=False)
        count = len(self.request.questions)
        for number, question in enumerate(self.request.questions, 1):
            head = Content.assemble((f"{number}/{count}  ", "$text-primary bold"), inert(question[:2000]))
            yield Static(head, classes="question", markup=False)
            yield LineInput(id=f"answer-{number}")

    def on_mount(self) -> None:
        """Begin at the first question."""
        for line in self.query(Input).results(Input):
            line.focus()
            return

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        lines = list(self.query(Input).results(Input))
        place = lines.index(event.input)
        if place + 1 < len(lines):
            lines[place + 1].focus()
        else:
            self.action_send()

    def action_send(self) -> None:
        """Send the answers."""
        answers = tuple(line.value.strip() for line in self.query(Input).results(Input))
        self.dismiss(ApprovalChoice("once", answers=answers))

    def action_skip(self) -> None:
        """Answer nothing; the agent decides."""
        self.dismiss(ApprovalChoice("deny", reason="skipped"))
