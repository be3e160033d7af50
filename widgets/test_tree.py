"""The tests of a run as a tree: files, their tests as they end, and the message of what failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.content import Content

from config.amounts import duration
from widgets.cursor_pane import CursorPane
from widgets.inert import inert, inert_line
from widgets.marks import OUTCOME_MARKS, SPINNER

if TYPE_CHECKING:
    from sandbox.report import CaseResult

FRAME_S = 1 / 15
MESSAGE_LINES = 14
"""Lines of a failure's message in the tree; the log has all of them."""
RED = ("failed", "error", "xpassed")
FOLDED_FROM = 12
"""A green file with this many tests is folded."""


@dataclass(slots=True)
class _Test:
    name: str
    outcome: str
    seconds: float = 0.0
    message: str = ""


@dataclass(slots=True)
class _File:
    path: str
    tests: dict[str, _Test] = field(default_factory=dict)
    folded: bool | None = None

    def tally(self) -> tuple[int, int, int]:
        """(passed, failed, all)."""
        outcomes = [test.outcome for test in self.tests.values()]
        return (
            sum(outcome in ("passed", "xfailed") for outcome in outcomes),
            sum(outcome in RED for outcome in outcomes),
            len(outcomes),
        )


class _Row(NamedTuple):
    kind: str
    path: str
    test: str = ""
    text: str = ""


def split_id(test_id: str) -> tuple[str, str]:
    """(file, test) of a test's id, as pytest or node:test writes it."""
    for mark in ("::", " > ", ": "):
        file, found, name = test_id.partition(mark)
        if found and "." in file:
            return file, name.replace("::", " › ").replace(" > ", " › ")
    return "", test_id


class TestTree(CursorPane):
    """Thousands of tests as rows, none of them a widget."""

    __test__ = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "next_failure", "Next failure", id="tests.next-failure"),
        Binding("left", "fold(True)", "Fold", show=False, id="tests.fold"),
        Binding("right", "fold(False)", "Unfold", show=False, id="tests.unfold"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | f | the next failing test |
    | enter | fold or unfold a file or a failure's message |
    | left / right | fold / unfold |
    """

    DEFAULT_CSS = """
    TestTree { background: transparent; color: $text; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._files: dict[str, _File] = {}
        self._rows: list[_Row] = []
        self._shut: set[str] = set()
        self._empty = self._detail = ""
        self._stale = False
        self._tick = 0

    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def is_stop(self, y: int) -> bool:
        """The cursor stands on files and tests."""
        return self._rows[y].kind in ("file", "test")

    def clear(self, empty: str = "") -> None:
        """Forget all tests; `empty` is what the tree says until one comes."""
        self._files.clear()
        self._shut.clear()
        self._empty, self._detail = empty, ""
        self.set_reactive(TestTree.cursor, -1)
        self._rebuild()
        self.go_to(0)

    def started(self, test_id: str) -> None:
        """A test runs."""
        path, name = split_id(test_id)
        self._file(path).tests[test_id] = _Test(name, "running")
        self._later()

    def ended(self, case: CaseResult) -> None:
        """A test ended."""
        self._take(case)
        self._later()

    def expect(self, count: int) -> None:
        """So many tests were found."""
        self._empty = f"{count:,} tests found" if count else "no tests found"
        self._later()

    def show_cases(self, cases: tuple[CaseResult, ...], detail: str = "") -> None:
        """All tests of a finished run, in place of what was shown; `detail` is what went wrong outside of them."""
        folds = {path: file.folded for path, file in self._files.items()}
        self._files.clear()
        self._detail = detail
        for case in cases:
            self._take(case)
        for path, file in self._files.items():
            file.folded = folds.get(path)
        self._rebuild()
        if self.cursor < 0 and self.is_attached:
            self.call_after_refresh(self._show_first_failure)

    def _take(self, case: CaseResult) -> None:
        path, name = split_id(case.id)
        self._file(path).tests[case.id] = _Test(name, case.outcome, case.duration_s, case.message)

    def _file(self, path: str) -> _File:
        if path not in self._files:
            self._files[path] = _File(path)
        return self._files[path]

    def _later(self) -> None:
        if not self._stale and self.is_attached:
            self._stale = True
            self.set_timer(FRAME_S, self._rebuild)

    def _rebuild(self) -> None:
        self._stale = False
        self._tick += 1
        here = self._rows[self.cursor] if 0 <= self.cursor < len(self._rows) else None
        at_end = self.is_attached and self.is_vertical_scroll_end and self.cursor < 0
        rows: list[_Row] = [
            _Row("detail", "", "", line) for line in inert(self._detail[:8000]).strip().split("\n") if line
        ]
        for file in self._files.values():
            if file.path:
                rows.append(_Row("file", file.path))
            if not self._folded(file):
                for test_id, test in file.tests.items():
                    rows.append(_Row("test", file.path, test_id))
                    if test.message and test.outcome in RED and test_id not in self._shut:
                        rows += self._message_rows(file.path, test_id, test.message)
        self._rows = rows or [_Row("text", "", "", self._empty)]
        if self.is_attached:
            self.rows_changed()
            if at_end:
                self.go_to_end()
        if here is not None:
            key = here[:3]
            keep = next((y for y, row in enumerate(rows) if row[:3] == key and row.kind != "message"), -1)
            self.set_reactive(TestTree.cursor, keep)

    @staticmethod
    def _folded(file: _File) -> bool:
        if file.folded is not None:
            return file.folded
        passed, _, count = file.tally()
        return bool(file.path) and count >= FOLDED_FROM and passed == count

    @staticmethod
    def _message_rows(path: str, test_id: str, message: str) -> list[_Row]:
        lines = inert(message[:8000]).strip("\n").split("\n")
        shown = [_Row("message", path, test_id, line) for line in lines[:MESSAGE_LINES]]
        if len(lines) > MESSAGE_LINES:
            shown.append(_Row("message", path, test_id, f"… {len(lines) - MESSAGE_LINES} more lines; l shows the log"))
        return shown

    def row(self, y: int) -> Content:
        """A file, a test, or a line of a message."""
        row = self._rows[y]
        width = max(8, self.scrollable_content_region.width)
        if row.kind == "file":
            return self._file_row(self._files[row.path], width)
        if row.kind == "test":
            return self._test_row(self._files[row.path], row.test, width)
        if row.kind == "message":
            wrong = row.text.startswith(("E ", "E\t")) or row.text.lstrip().startswith(("AssertionError", "Error:"))
            style = "$text-error" if wrong else "$foreground-muted"
            indent = "    " if row.path else "  "
            return Content.assemble((f"{indent}▏ ", "$error 60%"), (row.text.expandtabs(4), style))
        if row.kind == "detail":
            return Content.assemble(("▏ ", "$error 60%"), (row.text.expandtabs(4), "$text-error"))
        return Content.styled(row.text, "$foreground-muted")

    def _file_row(self, file: _File, width: int) -> Content:
        passed, failed, count = file.tally()
        fold = "▸ " if self._folded(file) else "▾ "
        colour = "$text-error" if failed else "$text-success" if passed == count else "$foreground-muted"
        tail = Content.styled(f"  {passed}/{count}", colour)
        path = Content.styled(inert_line(file.path, 300), "bold $foreground").truncate(
            max(4, width - 2 - tail.cell_length), ellipsis=True
        )
        return Content.assemble((fold, "$foreground-muted"), path, tail)

    def _test_row(self, file: _File, test_id: str, width: int) -> Content:
        test = file.tests[test_id]
        glyph, colour = OUTCOME_MARKS.get(test.outcome, OUTCOME_MARKS["waiting"])
        if test.outcome == "running":
            glyph = SPINNER[self._tick % len(SPINNER)]
        indent = "  " if file.path else ""
        tail = Content.styled(
            f"  {duration(test.seconds)}", "$foreground-disabled" if test.seconds < 1 else "$text-warning"
        )
        if test.outcome == "running":
            tail = Content("")
        room = max(4, width - len(indent) - 2 - tail.cell_length)
        name = Content.styled(inert_line(test.name, 400), colour if test.outcome in RED else "$foreground")
        return Content.assemble(indent, (f"{glyph} ", f"{colour} bold"), name.truncate(room, ellipsis=True), tail)

    def row_text(self, y: int) -> str:
        """A row for a copy."""
        row = self._rows[y]
        return row.text if row.kind in ("message", "text") else self.row(y).plain

    def row_chosen(self, y: int) -> None:
        """Fold or unfold."""
        row = self._rows[y]
        if row.kind == "file":
            self.action_fold(not self._folded(self._files[row.path]))
        else:
            self.action_fold(row.test not in self._shut)

    def action_fold(self, folded: bool) -> None:
        """Fold or unfold the file, or the failure's message, at the cursor."""
        if not 0 <= self.cursor < len(self._rows):
            return
        row = self._rows[self.cursor]
        if row.kind == "file":
            self._files[row.path].folded = folded
        elif row.kind == "test":
            (self._shut.add if folded else self._shut.discard)(row.test)
        self._rebuild()

    def _show_first_failure(self) -> None:
        """Bring the first failing test into sight, unless a person moves about."""
        for y, row in enumerate(self._rows):
            if row.kind == "test" and self._files[row.path].tests[row.test].outcome in RED:
                self.go_to(max(0, y - 2))
                return

    def action_next_failure(self) -> None:
        """Go to the next failing test, round the end."""
        for y in (*range(self.cursor + 1, len(self._rows)), *range(self.cursor + 1)):
            row = self._rows[y]
            if row.kind == "test" and self._files[row.path].tests[row.test].outcome in RED:
                self.cursor = y
                return
