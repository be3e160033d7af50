"""What waits for a person, and below it what was allowed for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from widgets.history_list import when
from widgets.inert import inert_line

if TYPE_CHECKING:
    from engine.gates.rules import Rule
    from engine.summary import PendingApproval

_TOPICS = {"command": "$text-warning", "scan": "$text-warning", "stuck": "$text-error", "tests": "$text-error",
           "dependency": "$text-warning"}  # fmt: skip


class InboxList(OptionList):
    """Rows of questions, the oldest first, then rows of rules."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, id="inbox.down"),
        Binding("k", "cursor_up", "Up", show=False, id="inbox.up"),
    ]
    DEFAULT_CSS = """
    InboxList { height: 1fr; border: none; padding: 0; background: transparent; }
    InboxList { text-wrap: nowrap; text-overflow: ellipsis; }
    """

    @dataclass
    class Chosen(Message):
        """A row was chosen.

        Attributes:
            inbox_list: The list.
            item: The question or the rule.
        """

        inbox_list: InboxList
        item: PendingApproval | Rule

        @property
        def control(self) -> InboxList:
            """The list."""
            return self.inbox_list

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.items: list[PendingApproval | Rule | None] = []
        """What each row is about; None for a heading."""

    def show(
        self,
        questions: Sequence[PendingApproval],
        rules: Sequence[Rule],
        titles: Mapping[str, str],
        *,
        now: datetime | None = None,
    ) -> None:
        """Show these, with the cursor where it was.

        Args:
            questions: that wait.
            rules: that stand.
            titles: run id to what the run is about.
            now: the present, for the ages.
        """
        kept = self.current
        rows: list[tuple[Content, PendingApproval | Rule | None]] = [
            (_heading("WAITING FOR YOU", len(questions)), None)
        ]
        rows += [(_question(one, titles.get(one.run_id, one.run_id), now), one) for one in questions]
        if not questions:
            rows.append((Content.styled(" Nothing waits for an answer.", "$foreground-muted"), None))
        rows += [(Content(""), None), (_heading("ALLOWED FOR GOOD", len(rules)), None)]
        rows += [(_rule(rule), rule) for rule in rules]
        if not rules:
            text = " No rules yet: a in a question's dialog makes one."
            rows.append((Content.styled(text, "$foreground-muted"), None))
        self.items = [item for _, item in rows]
        self.clear_options()
        self.add_options([Option(content, disabled=item is None) for content, item in rows])
        places = [place for place, item in enumerate(self.items) if item is not None]
        same = (place for place in places if _key(self.items[place]) == _key(kept))
        self.highlighted = next(same, places[0] if places else None)

    @property
    def current(self) -> PendingApproval | Rule | None:
        """What the cursor is on."""
        if self.highlighted is None or self.highlighted >= len(self.items):
            return None
        return self.items[self.highlighted]

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if (item := self.current) is not None:
            self.post_message(self.Chosen(self, item))


def _key(item: PendingApproval | Rule | None) -> str:
    return getattr(item, "approval_id", "") or getattr(item, "rule_id", "")


def _heading(text: str, count: int) -> Content:
    return Content.assemble((text, "bold $text-secondary"), (f"  {count}" if count else "", "$foreground-muted"))


def _question(one: PendingApproval, title: str, now: datetime | None) -> Content:
    topic = inert_line(one.topic, 10)
    return Content.assemble(
        ("◆ ", "$text-warning"),
        (f"{topic:<10}", _TOPICS.get(one.topic, "$text-primary")),
        (inert_line(one.title, 120), "bold $foreground"),
        (f"  {inert_line(title, 60)}, {when(one.asked_at, now)}", "$foreground-muted"),
    )


def _rule(rule: Rule) -> Content:
    used = "1 use" if rule.uses == 1 else f"{rule.uses} uses"
    return Content.assemble(
        ("✓ ", "$text-success"),
        (f"{inert_line(rule.topic, 10):<10}", "$foreground-muted"),
        (inert_line(rule.describe(), 160), "$foreground"),
        (f"  {used}", "$foreground-muted"),
    )
