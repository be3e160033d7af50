"""What the run changed: files as tabs, hunks in colours, and below them what the model says right now."""

import asyncio
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.reactive import reactive
from textual.widgets import Static

from widgets.diff_model import FileDiff, parse_diff
from widgets.diff_view import DiffView
from widgets.file_tabs import FileTabs
from widgets.stream_view import StreamView
from widgets.syntax import Spans, colour_lines, language_of

PARSED_AT_ONCE = 150_000
"""Characters of a diff that are parsed on the loop; a larger one goes to a thread."""
COLOURED_LINES = 8000
"""A file with more lines keeps the plain colour."""
LEAD = 2
"""Lines above the one that is gone to."""
EMPTY = "No changes yet.\nThe files that the coder writes appear here."


class DiffPane(Vertical):
    """A unified diff by file, unified or side by side."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "split", "Split", id="diff.split"),
        Binding("full_stop", "hunk(1)", "Next hunk", id="diff.next-hunk", key_display="."),
        Binding("comma", "hunk(-1)", "Previous hunk", show=False, id="diff.previous-hunk", key_display=","),
        Binding("right_square_bracket", "file(1)", "Next file", key_display="]", id="diff.next-file"),
        Binding(
            "left_square_bracket", "file(-1)", "Previous file", key_display="[", show=False, id="diff.previous-file"
        ),
    ]
    """
    | Key | Does |
    | :- | :- |
    | s | unified or split |
    | . / , | next / previous hunk |
    | ] / [ | next / previous file |
    """

    DEFAULT_CSS = """
    DiffPane {
        height: 1fr;
        #diff-empty { height: 1fr; content-align: center middle; text-align: center; color: $text-muted; }
        #diff-empty { display: none; }
        &.-empty #diff-empty { display: block; }
        &.-empty DiffView, &.-empty FileTabs { display: none; }
    }
    """

    diff: reactive[str] = reactive("", init=False)
    """The unified diff to show."""
    live: reactive[str] = reactive("", init=False)
    """The role that speaks right now; empty when none does."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=f"-empty {classes or ''}".strip())
        self.files: list[FileDiff] = []
        self.current = 0

    def compose(self) -> ComposeResult:
        """Tabs, the diff, and the model's voice."""
        yield FileTabs()
        yield DiffView()
        yield Static(EMPTY, markup=False, id="diff-empty")
        yield StreamView()

    def on_mount(self) -> None:
        """Show a diff that was set before there was a screen."""
        if self.diff:
            self.watch_diff(self.diff)

    def watch_diff(self, diff: str) -> None:
        """Take up another diff."""
        if not self.is_mounted:
            return
        if len(diff) <= PARSED_AT_ONCE:
            self._show(diff, parse_diff(diff))
        else:
            self._parse(diff)

    def watch_live(self, role: str) -> None:
        """Name who speaks."""
        for view in self.query(StreamView) if role else ():
            view.role = role

    @work(exclusive=True, group="diff-parse", description="parse a large diff", exit_on_error=False)
    async def _parse(self, diff: str) -> None:
        self._show(diff, await asyncio.to_thread(parse_diff, diff))

    def _show(self, diff: str, files: list[FileDiff]) -> None:
        if diff != self.diff or not self.is_attached:
            return
        path = self.files[self.current].path if self.current < len(self.files) else ""
        self.files = files
        same = next((place for place, file in enumerate(files) if file.path == path), None)
        self.set_class(not files, "-empty")
        self._open(same or 0, keep_place=same is not None)

    def _open(self, index: int, *, keep_place: bool = False) -> None:
        self.current = index
        self.query_one(FileTabs).show(self.files, index)
        if not self.files:
            self.query_one(DiffView).show(None)
            return
        file = self.files[index]
        self.query_one(DiffView).show(file, keep_place=keep_place)
        language = language_of(file.path)
        if language and not file.binary and len(file.lines) <= COLOURED_LINES:
            self._colour(file, language)

    @work(exclusive=True, group="diff-colours", description="colour a diff", exit_on_error=False)
    async def _colour(self, file: FileDiff, language: str) -> None:
        colours = await asyncio.to_thread(colour_file, file, language)
        self.query_one(DiffView).colour(file, colours)

    @on(FileTabs.Picked)
    def _picked(self, event: FileTabs.Picked) -> None:
        event.stop()
        self._open(event.index)

    def action_split(self) -> None:
        """Unified or side by side."""
        view = self.query_one(DiffView)
        view.split = not view.split

    def action_file(self, step: int) -> None:
        """The next file, round the end."""
        if self.files:
            self._open((self.current + step) % len(self.files))

    def action_hunk(self, step: int) -> None:
        """The next hunk; after a file's last, the next file."""
        if not self.files:
            return
        view = self.query_one(DiffView)
        here = view.line_in_sight()
        hunks = self.files[self.current].hunks
        if step > 0:
            place = next((hunk for hunk in hunks if hunk > here), None)
            at_end = view.is_vertical_scroll_end
        else:
            place = next((hunk for hunk in reversed(hunks) if hunk < here), None)
            at_end = False
        if place is not None and not at_end:
            view.show_line(place)
        elif 0 <= self.current + step < len(self.files):
            self.action_file(step)

    def show_place(self, path: str, line: int) -> bool:
        """Go to a line of the new code, or to the changed one before it.

        Returns:
            Whether the file is among the changes.
        """
        index = next((at for at, file in enumerate(self.files) if file.path == path), None)
        if index is None:
            return False
        self._open(index)
        before = [at for at, one in enumerate(self.files[index].lines) if 0 < one.new <= line]
        self.query_one(DiffView).show_line(max(0, before[-1] - LEAD) if before else 0)
        return True

    def stream(self, text: str) -> None:
        """Add a piece of what the model says."""
        self.query_one(StreamView).stream(text)

    def end_stream(self, *, linger: bool = False) -> None:
        """The model has spoken; its last words may stay for a moment."""
        self.query_one(StreamView).end_stream(linger=linger)
        self.live = ""


def colour_file(file: FileDiff, language: str) -> dict[int, Spans]:
    """The coloured parts of a file's lines; each hunk is lexed twice, as the old and as the new code."""
    colours: dict[int, Spans] = {}
    for start, end in zip(file.hunks, [*file.hunks[1:], len(file.lines)], strict=True):
        for side in ("-", "+"):
            places = [place for place in range(start, end) if file.lines[place].kind in (side, " ")]
            lexed = colour_lines([file.lines[place].text for place in places], language)
            colours.update(zip(places, lexed, strict=True))
    return colours
