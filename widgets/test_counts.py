"""One line on a test run: how many passed, failed and were skipped, where it runs, how long it took, why it ended."""

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from config.amounts import duration
from widgets.inert import inert_line

_REASONS = {
    "ok": ("green", "$text-success bold"),
    "failed": ("failed", "$text-error bold"),
    "timeout": ("timed out", "$text-error bold"),
    "oom": ("out of memory", "$text-error bold"),
    "output_limit": ("too much output", "$text-error bold"),
    "pids": ("too many processes", "$text-error bold"),
    "disk": ("disk full", "$text-error bold"),
    "backend_lost": ("sandbox lost", "$text-error bold"),
    "incomplete": ("incomplete", "$text-error bold"),
    "cancelled": ("cancelled", "$text-warning bold"),
    "running": ("running", "$text-primary"),
}
BAR_CELLS = 12


class TestCounts(Widget):
    """Counts, a bar of them, backend, duration and reason."""

    __test__ = False

    DEFAULT_CSS = """
    TestCounts { height: 1; padding: 0 1; }
    """

    passed: reactive[int] = reactive(0)
    """Tests that passed."""
    failed: reactive[int] = reactive(0)
    """Tests that failed, with errors."""
    skipped: reactive[int] = reactive(0)
    """Tests that were skipped."""
    collected: reactive[int] = reactive(0)
    """Tests that were found."""
    backend: reactive[str] = reactive("")
    """Where they run."""
    seconds: reactive[float] = reactive(0.0)
    """How long it took; 0 while it is not known."""
    coverage: reactive[str] = reactive("")
    """How much of the changed lines the tests ran, in words; empty where it was not measured."""
    reason: reactive[str] = reactive("")
    """Why the run ended; `running` until then."""

    def render(self) -> Content:
        """The line, shorter where room is short."""
        width = self.content_size.width
        if not self.reason:
            return Content.styled("no tests ran yet", "$foreground-disabled").truncate(max(1, width), ellipsis=True)
        total = max(self.collected, self.passed + self.failed + self.skipped)
        parts = [
            Content.assemble(("✓ ", "$text-success"), (f"{self.passed:,}", "bold $text-success")),
            Content.assemble(("✗ ", "$text-error"), (f"{self.failed:,}", "bold $text-error")) if self.failed else None,
            Content.styled(f"– {self.skipped:,}", "$text-warning") if self.skipped else None,
            Content.styled(f"of {total:,}", "$foreground-muted"),
        ]
        if not total and self.reason == "running":
            parts = [Content.styled("no test seen yet", "$foreground-muted")]
        counts = Content("  ").join([part for part in parts if part is not None])
        words, style = _REASONS.get(self.reason, (self.reason, "$text-warning"))
        if self.reason == "ok" and (self.failed or not self.passed):
            words, style = "not green", "$text-error bold"
        took = duration(self.seconds) if self.seconds else ""
        aside = [text for text in (inert_line(self.backend, 40), took) if text]
        tail = Content.assemble(
            (" · ".join(aside), "$foreground-muted"), "  " if aside else "", (inert_line(words, 60), style)
        )
        told = Content.styled(f"   {self.coverage}", "$foreground-muted") if self.coverage else Content("")
        lines = [self._bar(total) + Content("  ") + counts + Content("   ") + tail + told] if self.coverage else []
        lines += [counts + Content("   ") + tail + told] if self.coverage else []
        lines += [self._bar(total) + Content("  ") + counts + Content("   ") + tail, counts + Content("   ") + tail]
        lines.append(counts + Content("  ") + Content.styled(inert_line(words, 60), style))
        line = next((line for line in lines if line.cell_length <= width), counts)
        return line.truncate(max(1, width), ellipsis=True)

    def _bar(self, total: int) -> Content:
        if not total:
            return Content.styled("━" * BAR_CELLS, "$foreground 15%")
        red = min(BAR_CELLS, -(-self.failed * BAR_CELLS // total))
        yellow = min(BAR_CELLS - red, self.skipped * BAR_CELLS // total)
        green = min(BAR_CELLS - red - yellow, -(-self.passed * BAR_CELLS // total))
        rest = BAR_CELLS - red - yellow - green
        return Content.assemble(
            ("━" * green, "$success"),
            ("━" * red, "$error"),
            ("━" * yellow, "$warning"),
            ("━" * rest, "$foreground 15%"),
        )
