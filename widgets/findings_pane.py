"""What reviewer, auditor and scan found, the worst first, each with its place, its evidence and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from widgets.cursor_pane import CursorPane
from widgets.inert import inert_line
from widgets.marks import SEVERITY_STYLES, place_mark, worst_first

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.state import Iteration, State
    from engine.task import Finding
    from sandbox.report import ScanFinding

MOST = 200
"""Findings shown of one source; more are counted."""
TEXT = 600
"""Characters of a text."""
EMPTY = "Nothing was found.\nWhat reviewer, auditor and safety scan find appears here."
_VERDICTS = {
    "blocked": ("blocked", "$text-error bold"),
    "approval_required": ("approval", "$text-warning"),
    "warning": ("warning", "$text-secondary"),
}


@dataclass(frozen=True)
class Row:
    """A line of the pane; `path` is set on the first line of a finding that has a place."""

    content: Content
    head: bool = False
    path: str = ""
    line: int = 0


class FindingsPane(CursorPane):
    """The findings of an iteration; enter goes to the place in the changes."""

    DEFAULT_CSS = """
    FindingsPane { background: transparent; color: $text; padding: 0 1; scrollbar-gutter: stable; }
    """

    @dataclass
    class PlaceChosen(Message):
        """A finding was chosen.

        Attributes:
            pane: Where.
            path: The file.
            line: Its line; 0 where the finding is about the whole file.
        """

        pane: FindingsPane
        path: str
        line: int

        @property
        def control(self) -> FindingsPane:
            """The pane."""
            return self.pane

    state: reactive[State | None] = reactive(None, init=False)
    """The run to show."""
    number: reactive[int] = reactive(0, init=False)
    """The iteration to show; 0 for the newest in which anything was found."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: list[Row] = []

    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def row(self, y: int) -> Content:
        """A wrapped line."""
        return self._rows[y].content

    def is_stop(self, y: int) -> bool:
        """The cursor goes from finding to finding."""
        return self._rows[y].head

    def row_chosen(self, y: int) -> None:
        """Go to the place."""
        row = self._rows[y]
        if row.path:
            self.post_message(self.PlaceChosen(self, row.path, row.line))

    def watch_state(self) -> None:
        """Show what is so now."""
        self.lay_out()

    def watch_number(self) -> None:
        """Show another iteration."""
        self.cursor = -1
        self.lay_out()
        self.go_to(0)

    def on_show(self) -> None:
        """A hidden pane has no width."""
        self.lay_out()

    def make_rows(self, width: int) -> None:
        """The findings of the iteration."""
        width = max(12, width)
        iteration = self._iteration()
        blocks = list(_blocks(iteration)) if iteration is not None else []
        if not blocks:
            blocks = [Row(Content.styled(EMPTY, "$foreground-muted"))]
        self._rows = [row for block in blocks for row in _wrapped(block, width)]
        if self.cursor >= len(self._rows):
            self.cursor = -1
        self.rows_changed()

    def _iteration(self) -> Iteration | None:
        if self.state is None:
            return None
        if self.number:
            return self.state.iteration_numbered(self.number)
        return next((found for found in reversed(self.state.iterations) if _has_findings(found)), None)


def _has_findings(iteration: Iteration) -> bool:
    return bool(iteration.findings or iteration.scan or iteration.code_scan)


def _wrapped(block: Row, width: int) -> list[Row]:
    lines = block.content.wrap(width) if block.content else [Content("")]
    first = Row(lines[0], block.head, block.path, block.line)
    return [first, *(Row(line) for line in lines[1:])]


def _blocks(iteration: Iteration) -> Iterator[Row]:
    blocking = iteration.blocking
    for title, source in (("REVIEW", iteration.review), ("AUDIT", iteration.audit)):
        if source is None:
            continue
        verdict = "approved" if source.verdict == "approve" else "wants a revision"
        yield from _title(title, f"iteration {iteration.number} · {verdict}")
        if not source.findings:
            yield Row(Content.styled("nothing to complain about", "$text-success"))
        for finding in worst_first(source.findings)[:MOST]:
            yield from _finding(finding, blocks=finding in blocking)
        yield from _more(len(source.findings))
    scan = iteration.scan if iteration.scan is not None else iteration.code_scan
    if scan:
        yield from _title("SCAN", f"iteration {iteration.number} · {len(scan)} found")
        for one in scan[:MOST]:
            yield from _scanned(one)
        yield from _more(len(scan))


def _title(title: str, aside: str) -> Iterator[Row]:
    yield Row(Content.assemble((title, "bold $text-secondary"), (f"  {aside}", "$foreground-muted")))


def _finding(finding: Finding, *, blocks: bool) -> Iterator[Row]:
    style = SEVERITY_STYLES.get(finding.severity, "$foreground")
    head = Content.assemble(
        ("■ " if blocks else "□ ", style),
        (f"{finding.severity:<9}", style),
        inert_line(finding.title, 200),
        (place_mark(finding.path, finding.line), "$foreground-muted"),
    )
    yield Row(head, True, finding.path, finding.line)
    for word, text in (
        ("", finding.category),
        ("", finding.detail),
        ("shown by ", finding.evidence),
        ("→ ", finding.fix),
    ):
        if text.strip():
            style = "$text-success" if word == "→ " else "$foreground-muted"
            yield Row(Content.assemble((f"  {word}", style), (inert_line(text, TEXT), "$foreground-muted")))


def _scanned(found: ScanFinding) -> Iterator[Row]:
    word, style = _VERDICTS.get(found.verdict, (found.verdict, "$foreground"))
    head = Content.assemble(
        ("■ " if found.verdict == "blocked" else "□ ", style),
        (f"{word:<9}", style),
        inert_line(found.rule, 80),
        (place_mark(found.path, found.line), "$foreground-muted"),
    )
    yield Row(head, True, found.path, found.line)
    yield Row(Content.styled(f"  {inert_line(found.message, TEXT)}", "$foreground-muted"))


def _more(count: int) -> Iterator[Row]:
    if count > MOST:
        yield Row(Content.styled(f"… and {count - MOST:,} more", "$foreground-muted"))
