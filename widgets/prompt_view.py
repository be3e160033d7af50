"""What a model was told in one call, and what it answered; scrolled and searched like a log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.content import Content

from widgets.line_log import LineLog
from widgets.prompt_lines import PromptLine, prompt_lines

if TYPE_CHECKING:
    from engine.calls import Call
    from engine.llm.protocol import Message

Told = Callable[[], "tuple[Message, ...]"]


class PromptView(LineLog):
    """The messages of one call under their headings, and its answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_curly_bracket", "part(1)", "Next message", id="prompt.next-part", key_display="}"),
        Binding(
            "left_curly_bracket", "part(-1)", "Previous message", show=False, id="prompt.previous-part", key_display="{"
        ),
    ]
    """
    | Key | Does |
    | :- | :- |
    | } / { | next / previous message |
    """

    DEFAULT_CSS = """
    PromptView { scrollbar-gutter: stable; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._call: Call | None = None
        self._told: Told = _nothing
        self._page: list[PromptLine] = []
        self._shown = ("", 0, 0)
        """Call, its end, and the width that the lines were made for."""

    @property
    def typing(self) -> bool:
        """Whether a search is being typed."""
        return self._typing

    def show(self, call: Call | None, told: Told | None = None) -> None:
        """Show a call.

        Args:
            call: the call; None when there was none yet.
            told: gives the messages as the server got them; called in a thread, for a long one takes a while.
        """
        self._call, self._told = call, told or _nothing
        self.lay_out()

    def make_rows(self, width: int) -> None:
        """The lines of the call, made in a thread."""
        if self._call is None:
            self._show([PromptLine("No model was called yet.", "$foreground-muted")], ("", 0, width))
            return
        wanted = (self._call.call_id, self._call.ended_seq, width)
        if width > 0 and wanted != self._shown:
            self._write(self._call, self._told, wanted)

    @work(exclusive=True, group="prompt-lines", description="lay out a prompt", exit_on_error=False)
    async def _write(self, call: Call, told: Told, wanted: tuple[str, int, int]) -> None:
        lines = await asyncio.to_thread(lambda: prompt_lines(call, told(), wanted[2]))
        if self._call is call and self.is_attached:
            self._show(lines, wanted)

    def _show(self, lines: list[PromptLine], wanted: tuple[str, int, int]) -> None:
        same = wanted[0] == self._shown[0]
        place, query = self.scroll_offset.y, self._query
        self._shown = wanted
        self._page = lines
        self.clear()
        self.write_lines(line.text for line in lines)
        self.flush()
        self._query = query
        self.go_to(place if same else 0)
        self._follow = False
        self.refresh()

    def row(self, y: int) -> Content:
        """A line in the style of its part."""
        content = super().row(y)
        style = self._page[y].style if y < len(self._page) else ""
        return content.stylize_before(style) if style else content

    def find(self, query: str, step: int = 1) -> None:
        """Look for text from the line in sight downwards: a prompt is read from its beginning."""
        super().find(query, step)

    def action_part(self, step: int) -> None:
        """Go to the next or the previous message."""
        here = self.scroll_offset.y
        heads = [y for y, line in enumerate(self._page) if line.heading]
        after = [y for y in heads if y > here] if step > 0 else [y for y in reversed(heads) if y < here]
        if after:
            self.go_to(after[0])


def _nothing() -> tuple[Message, ...]:
    return ()
