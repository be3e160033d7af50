"""Taking a result hunk by hunk: what goes into the person's files, and who is right where both changed the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from widgets.dialogs.dialog import Dialog
from widgets.dialogs.hunk_draft import HunkDraft, HunkRow, Mark
from widgets.inert import inert, inert_line

if TYPE_CHECKING:
    from engine.workspace.hunks import Hunk, Side
    from engine.workspace.preview import Preview, Selection  # noqa: F401  named by the base class

MARKS: dict[Mark, tuple[str, str]] = {
    "taken": ("[x]", "$text-success"),
    "part": ("[-]", "$text-success"),
    "left": ("[ ]", "$foreground-muted"),
    "open": ("[?]", "$text-error"),
    "mine": ("[m]", "$text-warning"),
    "theirs": ("[t]", "$text-warning"),
    "blocked": (" ! ", "$text-error"),
}
CONTEXT = 3
"""Unchanged lines shown before and after a hunk."""
MAX_LINES = 300
"""Lines of one side that are shown."""


class HunkDialog(Dialog["Selection | None"]):
    """Files and hunks with a mark each; below them, the hunk that the cursor is on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "toggle_row", "Take or leave", id="hunks.toggle", priority=True),
        Binding("a", "file(True)", "Take the file", id="hunks.file"),
        Binding("x", "file(False)", "Leave the file", id="hunks.file.leave"),
        Binding("A", "all(True)", "Take all", id="hunks.all"),
        Binding("X", "all(False)", "Leave all", id="hunks.all.leave"),
        Binding("m", "decide('mine')", "Mine", id="hunks.mine"),
        Binding("t", "decide('theirs')", "Theirs", id="hunks.theirs"),
        Binding("n", "conflict", "Next conflict", id="hunks.conflict"),
        Binding("j", "move(1)", "Down", show=False, id="hunks.down"),
        Binding("k", "move(-1)", "Up", show=False, id="hunks.up"),
        Binding("pagedown,ctrl+d", "scroll(1)", "Scroll the hunk", show=False, id="hunks.scroll.down", priority=True),
        Binding("pageup,ctrl+u", "scroll(-1)", "Scroll the hunk", show=False, id="hunks.scroll.up", priority=True),
        Binding("w", "write", "Write", id="hunks.write"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | space, enter | take or leave the hunk, or the file |
    | a / x | take / leave all of the file |
    | A / X | take / leave everything |
    | m / t | decide a conflict for your lines / for the run's |
    | n | next conflict without a decision |
    | pagedown, pageup | scroll the hunk |
    | w | write what is taken into your files |
    | escape | leave; nothing is written |
    """

    KEYS = (
        ("space", "take"), ("w", "write"), ("m t", "mine, theirs"), ("n", "next conflict"), ("a x", "file"),
        ("A X", "all"), ("esc", "back"),
    )  # fmt: skip

    DEFAULT_CSS = """
    HunkDialog {
        #dialog { width: 120; height: 94%; }
        #hunk-list { height: 2fr; min-height: 4; }
        #hunk-box { height: 3fr; min-height: 3; border-top: solid $border-blurred; scrollbar-size-vertical: 1; }
        #hunk-text { height: auto; }
        #hunk-summary { height: auto; color: $text-muted; border-top: solid $border-blurred; }
    }
    """

    def __init__(self, preview: Preview) -> None:
        super().__init__("Take the result hunk by hunk")
        self.draft = HunkDraft.of(preview)

    def body(self) -> Iterable[Widget]:
        """The list, the hunk, and what writing would do."""
        yield OptionList(*(Option(self._row(row)) for row in self.draft.rows), id="hunk-list", markup=False)
        yield VerticalScroll(Static(id="hunk-text", markup=False), id="hunk-box", can_focus=False)
        yield Static(id="hunk-summary", markup=False)

    def on_mount(self) -> None:
        """Begin at the first conflict, if there is one."""
        rows = self.query_one(OptionList)
        rows.focus()
        if self.draft.rows:
            rows.highlighted = self._next_open(-1) or 0
        self._summarise()

    @property
    def _current(self) -> HunkRow | None:
        place = self.query_one(OptionList).highlighted
        return self.draft.rows[place] if place is not None else None

    def _next_open(self, after: int) -> int | None:
        rows = self.draft.rows
        order = [*range(after + 1, len(rows)), *range(after + 1)]
        return next((n for n in order if rows[n].hunk is not None and self.draft.mark(rows[n]) == "open"), None)

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        if (row := self._current) is not None:
            self.query_one("#hunk-text", Static).update(hunk_text(row))
            self.query_one("#hunk-box").scroll_home(animate=False)

    def action_toggle_row(self) -> None:
        """Take or leave what the cursor is on."""
        if (row := self._current) is not None:
            done = self.draft.toggle(row)
            self._show("" if done else "Both changed the same here: m keeps your lines, t takes the run's.")

    def action_file(self, take: bool) -> None:
        """Take or leave the file."""
        if (row := self._current) is not None:
            (self.draft.take_file if take else self.draft.leave_file)(row.file)
            self._show()

    def action_all(self, take: bool) -> None:
        """Take or leave everything."""
        (self.draft.take_all if take else self.draft.leave_all)()
        self._show()

    def action_decide(self, side: Side) -> None:
        """Decide a conflict."""
        if (row := self._current) is not None:
            self._show("" if self.draft.decide(row, side) else "There is no conflict here: space takes or leaves it.")

    def action_conflict(self) -> None:
        """Go to the next conflict without a decision."""
        rows = self.query_one(OptionList)
        place = self._next_open(-1 if rows.highlighted is None else rows.highlighted)
        if place is None:
            self.show_problem("No conflict waits for a decision.")
        else:
            rows.highlighted = place

    def action_scroll(self, by: int) -> None:
        """Scroll the hunk."""
        box = self.query_one("#hunk-box")
        (box.scroll_page_down if by > 0 else box.scroll_page_up)(animate=False)

    def action_write(self) -> None:
        """Take the choice."""
        if self.draft.writes or self._decided:
            self.dismiss(self.draft.selection())
        else:
            self.show_problem("Nothing is chosen: space takes a hunk, escape leaves.")

    @property
    def _decided(self) -> bool:
        """Whether every conflict is decided for the person's side and nothing is left: that merges, too."""
        return bool(self.draft.rows) and not self.draft.selection().left_out(self.draft.preview)

    def _show(self, problem: str = "") -> None:
        rows = self.query_one(OptionList)
        for place, row in enumerate(self.draft.rows):
            rows.replace_option_prompt_at_index(place, self._row(row))
        self._summarise()
        self.show_problem(problem)

    def _summarise(self) -> None:
        text = self.draft.summary if self.draft.rows else "Everything is in your files already."
        self.query_one("#hunk-summary", Static).update(Content(inert_line(text, 400)))

    def _row(self, row: HunkRow) -> Content:
        mark, look = MARKS[self.draft.mark(row)]
        if row.hunk is None:
            about = row.file.blocked or f"{row.file.status}, {len(row.file.hunks)} to choose"
            return Content.assemble(
                (mark, look), (f" {inert_line(row.file.path, 200)}  ", "bold $foreground"),
                (inert_line(about, 200), "$foreground-muted"),
            )  # fmt: skip
        if row.hunk.kind == "mode":
            return Content.assemble("   ", (mark, look), (" executable or not", "$foreground-muted"))
        return Content.assemble(
            "   ", (mark, look), (f" {_place(row.hunk):<12}", "$foreground-muted"),
            (f"-{len(row.hunk.mine)}", "$text-error"), " ", (f"+{len(row.hunk.theirs)}", "$text-success"),
            (f"  {inert_line(row.hunk.conflict or _first(row.hunk), 120)}", "$foreground"),
        )  # fmt: skip


def _place(hunk: Hunk) -> str:
    return f"line {hunk.start + 1}" if hunk.kind == "lines" else "the file"


def _first(hunk: Hunk) -> str:
    return next((text for line in (*hunk.theirs, *hunk.mine) if (text := _text(line).strip())), "")


def hunk_text(row: HunkRow) -> Content:
    """A hunk between its neighbours; a conflict with both sides under a heading each."""
    hunk, lines = row.hunk, row.file.lines
    if hunk is None:
        return Content.styled(inert_line(row.file.why or f"{row.file.path}: {row.file.status}", 400), "$foreground")
    if hunk.kind == "mode":
        return Content("The file becomes executable, or ceases to be.")
    before = lines[max(0, hunk.start - CONTEXT) : hunk.start] if hunk.kind == "lines" else ()
    end = hunk.start + len(hunk.mine)
    after = lines[end : end + CONTEXT] if hunk.kind == "lines" else ()
    mine, theirs = _side("-", hunk.mine, "$text-error"), _side("+", hunk.theirs, "$text-success")
    if hunk.conflict:
        mine = [Content.styled("yours now", "bold $text-warning"), *(mine or [Content("(nothing, or no text)")])]
        theirs = [Content.styled("the run's", "bold $text-warning"), *(theirs or [Content("(nothing, or no text)")])]
    parts = [
        *_side(" ", before, "$foreground-muted"), *mine, *theirs, *_side(" ", after, "$foreground-muted")
    ]  # fmt: skip
    return Content("\n").join(parts or [Content("(no text)")])


def _side(mark: str, lines: tuple[bytes, ...], look: str) -> list[Content]:
    shown = [Content.styled(f"{mark} {inert(_text(line))[:500]}", look) for line in lines[:MAX_LINES]]
    more = len(lines) - MAX_LINES
    return [*shown, Content.styled(f"… {more} more lines", "$foreground-muted")] if more > 0 else shown


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n").expandtabs(4)
