"""The tests as they run: counts, a tree of them, and the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.reactive import reactive

from widgets.inert import inert_line
from widgets.line_log import LineLog
from widgets.test_counts import TestCounts
from widgets.test_tree import TestTree
from widgets.test_worth import TestWorth

if TYPE_CHECKING:
    from sandbox.protocol import TestEvent
    from sandbox.report import TestReport

VIEWS = ("tree", "both", "log")
PASSED = ("passed", "xfailed")


class TestPane(Vertical):
    """A test run, live or finished. It takes thousands of tests and hundreds of thousands of lines."""

    __test__ = False

    BINDINGS: ClassVar[list[BindingType]] = [Binding("v", "next_view", "Tree/log", id="tests.view")]
    """
    | Key | Does |
    | :- | :- |
    | v | tree, tree and log, log |
    """

    DEFAULT_CSS = """
    TestPane {
        height: 1fr;
        TestTree, LineLog { height: 1fr; padding: 0 1; }
        LineLog { border-top: solid $foreground 15%; }
        &.-tree LineLog { display: none; }
        &.-log TestTree { display: none; }
        &.-log LineLog { border-top: none; }
    }
    """

    view: reactive[str] = reactive("tree", init=False)
    """`tree`, `both` or `log`."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=f"-tree {classes or ''}".strip())
        self.counts = TestCounts()
        self.worth = TestWorth()
        self.tree_view = TestTree()
        self.output_log = LineLog()
        self._ended: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        """Counts, what the tests are worth, tree, log."""
        yield self.counts
        yield self.worth
        yield self.tree_view
        yield self.output_log

    def on_mount(self) -> None:
        """Say that nothing ran yet."""
        if not self.counts.reason:
            self.tree_view.clear("The tests appear here as they run.")

    def begin(self, backend: str, command: str) -> None:
        """A run starts: what was shown is over."""
        self.clear()
        self.counts.backend = backend
        self.counts.reason = "running"
        self.tree_view.clear(f"starting {inert_line(command, 200)}")
        self.output_log.write(f"\x1b[2m$ {inert_line(command, 2000)}\x1b[0m\n")

    def output(self, text: str) -> None:
        """A piece of the output."""
        self.output_log.write(text)

    def test_event(self, event: TestEvent) -> None:
        """A test was collected, started or ended."""
        if event.kind == "collected":
            self.counts.collected = max(self.counts.collected, event.count)
            self.tree_view.expect(event.count)
        elif event.kind == "started" and event.name:
            self.tree_view.started(event.name)
        elif event.kind == "case" and event.case is not None:
            self.tree_view.ended(event.case)
            self._count(event.case.id, event.case.outcome)

    def _count(self, test_id: str, outcome: str) -> None:
        before = self._ended.get(test_id)
        self._ended[test_id] = outcome
        for word, step in ((before, -1), (outcome, 1)):
            if word in PASSED:
                self.counts.passed += step
            elif word == "skipped":
                self.counts.skipped += step
            elif word is not None:
                self.counts.failed += step

    def show_report(self, report: TestReport) -> None:
        """A run has ended: this is what counts, whatever was seen live."""
        counts = self.counts
        counts.passed, counts.failed, counts.skipped = report.passed, report.failed, report.skipped
        counts.collected = max(report.collected, len(report.cases))
        counts.backend, counts.seconds, counts.reason = report.backend, report.duration_s, report.reason
        covered = report.coverage
        counts.coverage = f"changed lines covered {covered.covered}/{covered.total}" if covered else ""
        self._ended = {case.id: case.outcome for case in report.cases}
        self.tree_view.show_cases(report.cases, report.detail)
        if not self.output_log.line_count and report.output:
            self.output_log.write(report.output)

    def clear(self) -> None:
        """Forget everything."""
        self._ended = {}
        counts = self.counts
        counts.passed = counts.failed = counts.skipped = counts.collected = 0
        counts.backend, counts.seconds, counts.reason, counts.coverage = "", 0.0, "", ""
        self.tree_view.clear("The tests appear here as they run.")
        self.output_log.clear()

    def watch_view(self, view: str) -> None:
        """Show tree, log or both."""
        for name in VIEWS:
            self.set_class(name == view, f"-{name}")

    def action_next_view(self) -> None:
        """Tree, both, log, and round again; the focus stays in sight."""
        inside = self.tree_view.has_focus or self.output_log.has_focus
        self.view = VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)]
        if inside:
            (self.output_log if self.view == "log" else self.tree_view).focus()
