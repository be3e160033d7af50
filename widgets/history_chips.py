"""The kinds that the history shows, as chips with their keys, and what else narrows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from widgets.inert import inert_line

CHIPS = (
    ("run", "runs"),
    ("task", "tasks"),
    ("iteration", "iterations"),
    ("failure", "failures"),
    ("pattern", "solutions"),
)
"""Kind and its word; the place is the key."""


class HistoryChips(Static):
    """One line of chips."""

    DEFAULT_CSS = """
    HistoryChips { height: 1; padding: 0 1; color: $text-muted; }
    """

    @dataclass
    class Chosen(Message):
        """A chip was clicked.

        Attributes:
            kind: The kind; empty for all.
        """

        kind: str

    kinds: reactive[tuple[str, ...]] = reactive(())
    """The kinds that are shown; empty for all."""
    only: reactive[Sequence[str]] = reactive(())
    """What else narrows the results, in words."""
    also: reactive[str] = reactive("")
    """What widens them, in words."""

    def render(self) -> Content:
        """The chips, the chosen ones highlighted."""
        parts = [_chip("0", "all", not self.kinds)]
        parts += [_chip(str(place), word, kind in self.kinds) for place, (kind, word) in enumerate(CHIPS, 1)]
        words = " · ".join(inert_line(word, 40) for word in self.only)
        told = [f"only {words}"] if words else []
        told += [inert_line(self.also, 40)] if self.also else []
        if told:
            parts.append(Content.styled(f"  {', '.join(told)}", "$text-warning"))
        return Content("").join(parts)

    def on_click(self, event: events.Click) -> None:
        """Find the chip that was hit."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        x = offset.x
        for kind, word in (("", "all"), *CHIPS):
            if x < len(word) + 4:
                self.post_message(self.Chosen(kind))
                return
            x -= len(word) + 4


def _chip(key: str, word: str, chosen: bool) -> Content:
    style = "bold $block-cursor-foreground on $block-cursor-background" if chosen else "$text-muted"
    return Content.styled(f" {key} {word} ", style)
