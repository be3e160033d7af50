"""What memory and the log answered to a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from widgets.inert import inert, inert_line
from widgets.marks import OUTCOME_STYLES
from widgets.memory_rows import similarity_bar
from widgets.word_marks import mark_words

if TYPE_CHECKING:
    from memory.hits import Hit

_KINDS = {
    "task": "$text-primary",
    "run": "$text-primary",
    "iteration": "$text-secondary",
    "failure": "$text-error",
    "pattern": "$text-success",
    "approval": "$text-warning",
}
NEAR_END = 15
"""Results below the cursor when more are asked for."""
LEAD = 12
"""Characters of a snippet before the word that was looked for."""


class HistoryList(OptionList):
    """Rows of what was found: title; then kind, outcome, when, and what of it has the words that were looked for."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Look", id="history.detail")]
    """
    | Key | Does |
    | :- | :- |
    | enter | look closer at the row |
    """

    DEFAULT_CSS = """
    HistoryList { height: 1fr; border: none; padding: 0; background: transparent; }
    """

    @dataclass
    class Chosen(Message):
        """A row was chosen.

        Attributes:
            history_list: The list.
            hit: What the row is about.
        """

        history_list: HistoryList
        hit: Hit

        @property
        def control(self) -> HistoryList:
            """The list."""
            return self.history_list

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.hits: list[Hit] = []
        self._words: tuple[str, ...] = ()

    def show(
        self,
        hits: Sequence[Hit],
        *,
        words: Sequence[str] = (),
        now: datetime | None = None,
        empty: str = "Nothing found.",
    ) -> None:
        """Show these results, best first.

        Args:
            hits: what was found.
            words: what was looked for; it is marked in the rows.
            now: the time that ages are counted to.
            empty: what is said where nothing was found.
        """
        if not hits:
            self.say(empty)
            return
        self.hits, self._words = list(hits), tuple(words)
        self.clear_options()
        self.add_options([Option(_row(hit, self._words, now)) for hit in self.hits])
        self.highlighted = 0

    def append(self, hits: Sequence[Hit], *, now: datetime | None = None) -> None:
        """Show more results below the others."""
        if not self.hits:
            self.show(hits, now=now)
            return
        self.hits += hits
        self.add_options([Option(_row(hit, self._words, now)) for hit in hits])

    def change(self, hit: Hit, now_so: Hit) -> None:
        """Show a result as it is now."""
        if hit in self.hits:
            place = self.hits.index(hit)
            self.hits[place] = now_so
            self.replace_option_prompt_at_index(place, _row(now_so, self._words, None))

    def drop(self, hit: Hit) -> None:
        """Show a result no more."""
        if hit in self.hits:
            place = self.hits.index(hit)
            del self.hits[place]
            self.remove_option_at_index(place)
            self.highlighted = min(place, len(self.hits) - 1) if self.hits else None

    def say(self, words: str, tone: str = "$foreground-muted") -> None:
        """Show words in the place of results."""
        self.hits = []
        self.clear_options()
        self.add_option(Option(Content.styled(inert(words), tone), disabled=True))

    @property
    def near_end(self) -> bool:
        """Whether the cursor is so near the last result that more are wanted."""
        return self.highlighted is not None and self.highlighted >= len(self.hits) - NEAR_END

    @property
    def current(self) -> Hit | None:
        """The result at the cursor."""
        if self.highlighted is None or self.highlighted >= len(self.hits):
            return None
        return self.hits[self.highlighted]

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_index < len(self.hits):
            self.post_message(self.Chosen(self, self.hits[event.option_index]))


def when(at: datetime, now: datetime | None = None) -> str:
    """A moment as a person says it: just now, 5 min ago, 3 h ago, then the date."""
    now = now or datetime.now(at.tzinfo)
    seconds = (now - at).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min ago"
    if seconds < 86_400:
        return f"{seconds // 3600:.0f} h ago"
    return at.strftime("%Y-%m-%d")


def _row(hit: Hit, words: Sequence[str], now: datetime | None) -> Content:
    from memory.hits import kind_name

    title, outcome = inert_line(hit.title, 160), inert_line(hit.outcome, 20)
    number = hit.id.rpartition("#")[2] if hit.kind == "iteration" else ""
    kind = f"{kind_name(hit.kind)} {inert_line(number, 8)}".strip()
    below = Content.assemble(
        (f"  {kind}", _KINDS.get(hit.kind, "$foreground-muted")),
        (f"  {outcome}", OUTCOME_STYLES.get(outcome, "$foreground-muted")) if outcome else "",
        (f"  {when(hit.at, now)}", "$foreground-muted"),
        ("  ★ pinned" if hit.pinned else "", "$text-warning"),
        ("  ✗ forgotten" if hit.forgotten else "", "$foreground-disabled"),
    )
    if hit.similarity is not None:
        share = Content.styled(f" {hit.similarity:.0%}", "$foreground-muted")
        below = below + Content("  ") + similarity_bar(hit.similarity) + share
    aside = Content.styled(_aside(hit, title, words), "$foreground-muted")
    head = mark_words(Content.styled(title, "bold $foreground"), words)
    return Content("\n").join([head, below + Content("  ") + mark_words(aside, words)])


def _aside(hit: Hit, title: str, words: Sequence[str]) -> str:
    """What has the words where the title lacks them; else what the thing is of."""
    if not words or hit.similarity is not None or all(word.lower() in title.lower() for word in words):
        return inert_line(hit.context, 160)
    snippet = inert_line(hit.snippet, 240)
    place = snippet.lower().find(words[0].lower())
    if place <= LEAD:
        return snippet
    start = snippet.find(" ", place - LEAD, place) + 1 or place
    return f"…{snippet[start:]}"
