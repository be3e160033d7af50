"""The model's text as it streams in: its last lines, and nothing that a terminal would obey."""

from typing import ClassVar

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from widgets.inert import inert

KEPT_CHARACTERS = 4000
FRAME_S = 1 / 20


class StreamView(Widget):
    """The last lines of what a role says right now; takes no room while nobody speaks."""

    ALLOW_SELECT: ClassVar[bool] = True

    DEFAULT_CSS = """
    StreamView {
        height: 5;
        max-height: 40%;
        min-height: 2;
        border-top: solid $foreground 15%;
        border-title-color: $text-accent;
        border-title-background: transparent;
        padding: 0 1;
        color: $text-muted;
        display: none;
        &.-live { display: block; }
    }
    """

    role: reactive[str] = reactive("", init=False)
    """Who speaks."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._text = ""
        self._drawing = False

    def watch_role(self, role: str) -> None:
        """Name the speaker on the border."""
        self.border_title = Content(f"● {inert(role)}" if role else "● model")

    def stream(self, text: str) -> None:
        """Add a piece of text."""
        self._text = (self._text + text)[-KEPT_CHARACTERS:]
        self.set_class(bool(self._text), "-live")
        if not self._drawing and self.is_attached:
            self._drawing = True
            self.set_timer(FRAME_S, self._draw)

    def end_stream(self) -> None:
        """The role has spoken: give the room back."""
        self._text = ""
        self.set_class(False, "-live")
        self.refresh()

    def _draw(self) -> None:
        self._drawing = False
        self.refresh()

    def render(self) -> Content:
        """The last lines that fit."""
        width, height = self.content_size
        if width < 2 or height < 1:
            return Content("")
        lines = Content(inert(self._text).expandtabs(4)).wrap(width)[-height:]
        return Content("\n").join([*lines, Content("")] if len(lines) < height else lines)
