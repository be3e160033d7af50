"""The model's text as it streams in: its last lines, and nothing that a terminal would obey."""

from typing import ClassVar

from textual.content import Content
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget

from widgets.inert import inert

KEPT_CHARACTERS = 4000
FRAME_S = 1 / 20
LINGER_S = 4.0
"""How long the last words stay for a person to read them to the end."""


class StreamView(Widget):
    """The last lines of what a role says right now; takes no room while nobody speaks."""

    ALLOW_SELECT: ClassVar[bool] = True

    DEFAULT_CSS = """
    StreamView {
        height: 7;
        max-height: 45%;
        min-height: 2;
        border-top: solid $accent 60%;
        border-title-color: $text-accent;
        border-title-style: bold;
        border-title-background: transparent;
        padding: 0 1;
        color: $foreground;
        background: $accent 5%;
        display: none;
        &.-live { display: block; }
        &.-over {
            color: $text-muted;
            background: transparent;
            border-top: solid $foreground 15%;
            border-title-color: $text-muted;
        }
    }
    """

    role: reactive[str] = reactive("", init=False)
    """Who speaks."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._text = ""
        self._drawing = False
        self._over = False
        self._leaving: Timer | None = None

    def watch_role(self, role: str) -> None:
        """Name the speaker on the border."""
        self.border_title = Content(f" ● {inert(role)} ") if role else Content(" ● model ")

    def stream(self, text: str) -> None:
        """Add a piece of text; after an end it begins anew."""
        if self._over:
            self.end_stream()
        self._text = (self._text + text)[-KEPT_CHARACTERS:]
        self.set_class(bool(self._text), "-live")
        if not self._drawing and self.is_attached:
            self._drawing = True
            self.set_timer(FRAME_S, self._draw)

    def end_stream(self, *, linger: bool = False) -> None:
        """The role has spoken: give the room back, at once or when the words have been read."""
        if self._leaving is not None:
            self._leaving.stop()
            self._leaving = None
        if linger and self._text and self.is_attached:
            self._over = True
            self._leaving = self.set_timer(LINGER_S, self.end_stream)
        else:
            self._text = ""
            self._over = False
            self.set_class(False, "-live")
        self.set_class(self._over, "-over")
        self.refresh()

    def _draw(self) -> None:
        self._drawing = False
        self.refresh()

    def render(self) -> Content:
        """The last lines that fit, with a mark where the next words come."""
        width, height = self.content_size
        if width < 2 or height < 1:
            return Content("")
        text = Content(inert(self._text).expandtabs(4))
        if not self._over:
            text = Content.assemble(text, ("▌", "$text-accent"))
        lines = text.wrap(width)[-height:]
        return Content("\n").join([*lines, Content("")] if len(lines) < height else lines)
