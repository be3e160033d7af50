"""Two runs in figures, and their tests side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive

from config.amounts import clock, short_count
from widgets.inert import inert_line
from widgets.line_pane import LinePane
from widgets.marks import OUTCOME_MARKS

if TYPE_CHECKING:
    from engine.compare import Comparison, RunFacts, TestDifference

LABEL = 11
MOST = 2000
"""Tests shown; more are counted."""
_STATUS = {"success": "$text-success", "failed": "$text-error", "paused": "$text-warning", "waiting": "$text-accent"}
_TITLES = {
    "only a": "GREEN ONLY IN A",
    "only b": "GREEN ONLY IN B",
    "neither": "GREEN IN NEITHER",
    "both": "GREEN IN BOTH",
}
_TINTS = {"only a": "$text-primary bold", "only b": "$text-accent bold", "neither": "$text-error bold"}


class CompareView(LinePane):
    """A column for each run: status, iterations, tests, cost; then every test of either."""

    DEFAULT_CSS = """
    CompareView { background: transparent; color: $text; padding: 0 1; scrollbar-gutter: stable; }
    """

    comparison: reactive[Comparison | None] = reactive(None, init=False)
    """What to show."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: list[Content] = []

    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def row(self, y: int) -> Content:
        """A row."""
        return self._rows[y]

    def watch_comparison(self) -> None:
        """Show other runs."""
        self.lay_out()

    def make_rows(self, width: int) -> None:
        """The figures, then the tests."""
        width = max(24, width)
        found = self.comparison
        if found is None:
            self._rows = [Content.styled("Comparing", "$foreground-muted")]
        else:
            self._rows = [*_facts(found.a, found.b, width), *_tests(found.tests, width)]
        self.rows_changed()


def _facts(a: RunFacts, b: RunFacts, width: int) -> list[Content]:
    half = (width - LABEL) // 2

    def row(label: str, left: Content, right: Content) -> Content:
        cell = left.truncate(half - 1, ellipsis=True, pad=True)
        return Content.assemble((f"{label:<{LABEL}}", "$foreground-muted"), cell, " ", right).truncate(
            width, ellipsis=True
        )

    def plain(label: str, left: str, right: str) -> Content:
        return row(label, Content(inert_line(left, 200)), Content(inert_line(right, 200)))

    rows = [
        row("", Content.styled("A", "$text-primary bold"), Content.styled("B", "$text-accent bold")),
        row("run", _name(a.run_id, half - 1), _name(b.run_id, half - 1)),
        plain("", a.title, b.title) if a.title != b.title else Content(""),
        row("status", _status(a), _status(b)),
        row("tests", _counts(a), _counts(b)),
        plain("phases", f"{a.phases_green}/{a.phases_total} green", f"{b.phases_green}/{b.phases_total} green"),
        row("iterations", *_less(a.iterations, b.iterations, str)),
        row("cost", *_less(a.cost_usd, b.cost_usd, lambda usd: f"${usd:.2f}")),
        row("tokens", *_less(a.tokens, b.tokens, lambda tokens: short_count(int(tokens)))),
        row("calls", *_less(a.calls, b.calls, str)),
        row("time", *_less(a.elapsed_s, b.elapsed_s, clock)),
        plain("commit", a.commit[:10] or "none", b.commit[:10] or "none"),
    ]
    for one, other in ((a, b), (b, a)):
        if one.forked_from:
            name = "the other" if one.forked_from == other.run_id else inert_line(one.forked_from, 40)
            letter = "A" if one is a else "B"
            text = f"{letter} was forked from {name} at event {one.forked_at}; its cost and time count from there."
            rows += Content.styled(text, "$foreground-muted").wrap(width)
    for letter, one in (("A", a), ("B", b)):
        if one.hypothesis:
            told = Content.assemble((f"{letter} tries  ", "$text-secondary"), inert_line(one.hypothesis, 300))
            rows += told.wrap(width)[:3]
    return [one for one in rows if one]


def _name(run_id: str, room: int) -> Content:
    """A run's id; of a long one the end, by which runs of one goal differ."""
    text = inert_line(run_id, 80)
    return Content.styled(text if len(text) <= room else f"…{text[-(room - 1) :]}", "bold $foreground")


def _status(run: RunFacts) -> Content:
    return Content.styled(str(run.status), _STATUS.get(str(run.status), "$text-primary"))


def _counts(run: RunFacts) -> Content:
    report = run.report
    if report is None:
        return Content.styled("not tested", "$foreground-muted")
    passed = Content.styled(f"{report.passed} ✓", "$text-success")
    return passed.append(Content.styled(f"  {report.failed} ✗", "$text-error")) if report.failed else passed


def _less(a: float, b: float, say: object) -> tuple[Content, Content]:
    """Both figures, the smaller one in green: of all of these, less is better."""
    assert callable(say)
    return (
        Content.styled(say(a), "$text-success" if a < b else "$foreground"),
        Content.styled(say(b), "$text-success" if b < a else "$foreground"),
    )


def _tests(tests: tuple[TestDifference, ...], width: int) -> list[Content]:
    if not tests:
        return [Content(""), Content.styled("Neither run was tested yet.", "$foreground-muted")]
    rows: list[Content] = []
    where = ""
    for test in tests[:MOST]:
        if test.where != where:
            where = test.where
            count = sum(one.where == where for one in tests)
            style = _TINTS.get(where, "$text-success bold")
            rows += [Content(""), Content.assemble((f"{_TITLES[where]}  ", style), (f"{count:,}", "$foreground-muted"))]
        marks = [OUTCOME_MARKS.get(outcome, ("·", "$foreground-disabled")) for outcome in (test.a, test.b)]
        name = inert_line(test.id, 300)
        room = max(8, width - 5)
        shown = name if len(name) <= room else "…" + name[-(room - 1) :]
        rows.append(Content.assemble(marks[0], " ", marks[1], "  ", (shown, "$foreground")).truncate(width))
    if len(tests) > MOST:
        rows.append(Content.styled(f"… and {len(tests) - MOST:,} more", "$foreground-muted"))
    return rows
