"""Where the history is asked."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from widgets.line_input import LineInput

CHARACTERS = 1000


class HistoryQuery(LineInput):
    """A line of words; its keys go on to the results."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "screen.results", "Results", id="history.results", key_display="↓")
    ]
    """
    | Key | Does |
    | :- | :- |
    | down | to the results |
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            placeholder="Search: an error, a goal, a file", id=id, max_length=CHARACTERS, select_on_focus=False
        )
