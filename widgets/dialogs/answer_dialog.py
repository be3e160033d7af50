"""The frame of the questions that are answered by a key: what would happen, how far it reaches, a line for a reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from widgets.dialogs.dialog import Dialog
from widgets.inert import inert, inert_line
from widgets.reach import reach_lines
from widgets.reason_line import ReasonLine

if TYPE_CHECKING:
    from engine.events import ApprovalRequested

SHOWN_CHARACTERS = 6000

Decision = Literal["once", "run", "always", "deny"]


@dataclass(frozen=True)
class ApprovalChoice:
    """A person's answer."""

    decision: Decision
    """`always` wants a rule, which a dialog of its own narrows."""
    reason: str = ""
    answers: tuple[str, ...] = ()


class AnswerDialog(Dialog[ApprovalChoice | None]):
    """A question; its kinds bind their keys to `answer` and `reason`.

    Args:
        heading: What is asked about, on the border.
        request: The question.
        note: A line about when it is answered by itself.
    """

    TONE = "-warning"
    WANTED: ClassVar[Mapping[str, str]] = {}
    """Decision to what the line for its reason asks for."""

    DEFAULT_CSS = """
    AnswerDialog {
        #asked-title { text-style: bold; height: auto; }
        #asked-detail { height: auto; margin: 1 0; padding: 0 1; border-left: outer $warning 60%; }
        #asked-reach { height: auto; }
        #asked-note { height: auto; margin-top: 1; color: $text-muted; }
    }
    """

    def __init__(self, heading: str, request: ApprovalRequested, note: str = "") -> None:
        super().__init__(heading)
        self.request = request
        self.note = note
        self._decision: Decision = "deny"

    def body(self) -> Iterable[Widget]:
        """Title, what it is about, reach, and the line for a reason."""
        yield Static(Content(inert_line(self.request.title, 400)), id="asked-title", markup=False)
        yield from self.about()
        yield Static(Content("\n").join(reach_lines(self.request.blast_radius)), id="asked-reach", markup=False)
        if self.note:
            yield Static(Content(inert_line(self.note, 200)), id="asked-note", markup=False)
        yield ReasonLine(id="reason")

    def about(self) -> Iterable[Widget]:
        """What would happen."""
        detail = inert((self.request.detail or self.request.subject)[:SHOWN_CHARACTERS]).strip()
        if detail:
            yield Static(Content(detail), id="asked-detail", markup=False)

    def action_answer(self, decision: Decision) -> None:
        """Answer at once."""
        self.dismiss(ApprovalChoice(decision))

    def action_reason(self, decision: Decision) -> None:
        """Ask why it is to be so."""
        self._decision = decision
        self.query_one(ReasonLine).ask(self.WANTED[decision])

    @on(ReasonLine.Given)
    def _reasoned(self, event: ReasonLine.Given) -> None:
        event.stop()
        self.dismiss(ApprovalChoice(self._decision, reason=event.reason))
