"""The frame of all dialogs: a titled box in the middle, its keys on the lower border."""

from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import OptionList, Static

from widgets.inert import inert_line

Result = TypeVar("Result")


class Dialog(ModalScreen[Result], Generic[Result]):
    """A modal box; escape leaves it without an answer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "later", "Close", show=False, id="dialog.close")]
    """
    | Key | Does |
    | :- | :- |
    | escape | leave without an answer |
    """

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 60%;
        #dialog {
            width: 84;
            max-width: 96%;
            height: auto;
            max-height: 94%;
            padding: 1 2;
            background: $surface;
            border: round $primary;
            border-title-color: $text-primary;
            border-title-style: bold;
            border-title-background: $surface;
            border-subtitle-color: $text-muted;
            border-subtitle-background: $surface;
            scrollbar-size-vertical: 1;
        }
        #dialog.-warning { border: round $warning; border-title-color: $text-warning; }
        #dialog.-error { border: round $error; border-title-color: $text-error; }
        .problem { color: $text-error; height: auto; display: none; margin-top: 1; }
        .problem.-on { display: block; }
        .label { color: $text-muted; height: auto; margin-top: 1; }
        Input, PasteArea, TextArea { border: none; border-left: outer $border-blurred; padding: 0 1; }
        Input, PasteArea, TextArea { background: $boost; }
        Input { height: 1; }
        Input:focus, PasteArea:focus, TextArea:focus { border: none; border-left: outer $primary; }
        OptionList, OptionList:focus { border: none; padding: 0; background: transparent; }
    }
    """

    AUTO_FOCUS = ""
    """A dialog says itself what begins with the focus, so that no hidden field takes its keys."""
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (("esc", "close"),)
    """(key, what it does), shown on the lower border."""
    TONE: ClassVar[str] = ""
    """`-warning` or `-error` for a border in that colour."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._heading = title

    def body(self) -> Iterable[Widget]:
        """The widgets inside the box."""
        return ()

    def hints(self) -> Iterable[tuple[str, str]]:
        """What is shown on the lower border."""
        return self.KEYS

    def compose(self) -> ComposeResult:
        """The box around the body."""
        box = VerticalScroll(id="dialog", classes=self.TONE or None, can_focus=False)
        box.border_title = Content(f" {inert_line(self._heading, 120)} ")
        box.border_subtitle = key_hints(self.hints())
        with box:
            yield from self.body()
            yield Static("", markup=False, classes="problem")

    def show_problem(self, text: str) -> None:
        """Say what is wrong with what was entered; an empty text takes it back."""
        line = self.query_one(".problem", Static)
        line.update(Content(text))
        line.set_class(bool(text), "-on")
        if text:
            line.scroll_visible(animate=False)

    def action_move(self, step: int) -> None:
        """Move the cursor of the dialog's list, for letters that do what arrows do."""
        rows = self.query_one(OptionList)
        (rows.action_cursor_down if step > 0 else rows.action_cursor_up)()

    def action_later(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)


def key_hints(keys: Iterable[tuple[str, str]]) -> Content:
    """Keys and what they do on one line."""
    parts = [Content.assemble((key, "bold $foreground"), (f" {does}", "$foreground-muted")) for key, does in keys]
    return Content.assemble(" ", Content.styled(" · ", "$foreground 30%").join(parts), " ")
