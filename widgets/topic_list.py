"""The topics of the metrics, each with its most telling figure."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import OptionList


class TopicList(OptionList):
    """A list whose keys are offered: going through it is all there is to do with it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "cursor_down", "Topic", key_display="↑↓", id="metrics.next-topic"),
        Binding("up", "cursor_up", "Topic", show=False, id="metrics.previous-topic"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | up / down | the topic before / after |
    """
