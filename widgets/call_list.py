"""The model calls of a run, one a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from config.amounts import short_count
from widgets.cursor_pane import CursorPane
from widgets.inert import inert_line

if TYPE_CHECKING:
    from engine.calls import Call

ROLE_COLOURS = {
    "reprompter": "$foreground-muted",
    "planner": "$text-secondary",
    "coder": "$text-primary",
    "reviewer": "$text-accent",
    "auditor": "$text-accent",
    "tester": "$text-warning",
    "reflector": "$text-secondary",
}


class CallList(CursorPane):
    """Role, iteration, tokens and cost of every call; a new conversation begins with its role."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", "Read", show=False, id="calls.read")]

    DEFAULT_CSS = """
    CallList { background: transparent; color: $text; padding: 0 1; scrollbar-gutter: stable; }
    """

    @dataclass
    class Moved(Message):
        """The cursor stands on another call.

        Attributes:
            call_list: The list.
            index: The call's place.
        """

        call_list: CallList
        index: int

        @property
        def control(self) -> CallList:
            """The list."""
            return self.call_list

    @dataclass
    class Chosen(Message):
        """A person wants to read the call.

        Attributes:
            call_list: The list.
            index: The call's place.
        """

        call_list: CallList
        index: int

        @property
        def control(self) -> CallList:
            """The list."""
            return self.call_list

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.calls: list[Call] = []

    def show(self, calls: Sequence[Call], index: int) -> None:
        """Show these calls, with the cursor on one of them."""
        self.calls = list(calls)
        self.rows_changed()
        if self.calls:
            self.stand_on(min(max(0, index), len(self.calls) - 1))

    def stand_on(self, index: int) -> None:
        """Put the cursor on a call without a `Moved`: that is for where a person goes."""
        with self.prevent(self.Moved):
            self.cursor = index

    def row_count(self) -> int:
        """How many calls there are."""
        return len(self.calls)

    def row(self, y: int) -> Content:
        """A call on one line."""
        call = self.calls[y]
        first = y == 0 or self.calls[y - 1].session_id != call.session_id
        where = f"it {call.iteration}" if call.iteration else ""
        role = inert_line(call.role, 10)
        head = Content.assemble(
            (f"{y + 1:>3} ", "$foreground-disabled"),
            (f"{role if first else '':<11}", f"{ROLE_COLOURS.get(call.role, '$foreground')} bold"),
            (f"{where if first else '':<6}", "$foreground-muted"),
        )
        return Content.assemble(head, self._amounts(call)).truncate(
            max(8, self.scrollable_content_region.width), ellipsis=True
        )

    @staticmethod
    def _amounts(call: Call) -> Content:
        answer = call.answer
        if answer is None:
            words = ("✗ failed", "$text-error") if call.error else ("…", "$text-primary")
            return Content.assemble(words)
        cost = "price ?" if answer.cost_usd is None else f"${answer.cost_usd:.3f}"
        return Content.assemble(
            (f"{short_count(answer.usage.input_tokens):>5}", "$foreground"),
            ("→", "$foreground-disabled"),
            (f"{short_count(answer.usage.output_tokens):<5}", "$foreground"),
            (f" {cost}", "$foreground-muted"),
        )

    def watch_cursor(self, old: int, new: int) -> None:
        """Say where the cursor is."""
        super().watch_cursor(old, new)
        if 0 <= new < len(self.calls):
            self.post_message(self.Moved(self, new))

    def row_chosen(self, y: int) -> None:
        """Read this call."""
        self.post_message(self.Chosen(self, y))
