"""A line to type in that takes nothing a terminal would obey, wherever it comes from."""

from textual.widgets import Input

from widgets.inert import inert


class LineInput(Input):
    """An input whose value, typed, pasted or set, is always inert."""

    def validate_value(self, value: str) -> str:
        """Disarm the value."""
        return " ".join(inert(value).split("\n"))
