"""The history: search as you type over runs, iterations, failures and patterns."""

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from miracle_tui.trouble import trouble_of
from widgets.history_list import HistoryList
from widgets.inert import inert, inert_line

if TYPE_CHECKING:
    from engine.state import State
    from memory.search import Hit
    from miracle_tui.engine_port import EnginePort

PAUSE_S = 0.12
"""Time without a key after which a search is sent."""


class HistoryScreen(Screen[str | None]):
    """Finds what was done before; leaves with the id of the run to open.

    Args:
        engine: What is searched.
    """

    CSS_PATH = "history_screen.tcss"
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-narrow"), (100, "-wide")]  # type: ignore[misc]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="history.leave"),
        Binding("down", "app.focus_next", "Results", show=False, id="history.results"),
        Binding("ctrl+o", "open", "Open run", show=False, id="history.open"),
        Binding("ctrl+t", "timeline", "Timeline", id="history.timeline"),
    ]

    def __init__(self, engine: "EnginePort") -> None:
        super().__init__()
        self.engine = engine
        self._asked = 0

    def compose(self) -> ComposeResult:
        """Query, results, preview."""
        yield Static(
            "HISTORY  runs, iterations, failures and solutions; enter opens the run", id="history-title", markup=False
        )
        yield Input(placeholder="Search: an error, a goal, a file", id="history-query")
        with Horizontal(id="history-body"):
            yield HistoryList(id="history-hits")
            with VerticalScroll(id="history-preview"):
                yield Static(id="history-text", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Everything, newest first, before a word is typed."""
        self._search("", 0)

    @on(Input.Changed, "#history-query")
    def _typed(self, event: Input.Changed) -> None:
        self._search(event.value, PAUSE_S)

    @on(Input.Submitted, "#history-query")
    def _to_results(self) -> None:
        self.query_one(HistoryList).focus()

    @work(group="history-search", exclusive=True, description="search the history", exit_on_error=False)
    async def _search(self, query: str, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        self._asked += 1
        number = self._asked
        try:
            hits = await self.engine.search(query)
        except Exception as exc:  # noqa: BLE001  a worker's edge: every error becomes words on the screen
            self.app.post_message(trouble_of(exc, "search the history"))
            return
        if number == self._asked and self.is_attached:
            self.query_one(HistoryList).show(
                hits, empty="Nothing found." if query.strip() else "Nothing happened here yet."
            )
            self._preview()

    @on(HistoryList.OptionHighlighted)
    def _highlighted(self) -> None:
        self._preview()

    @on(HistoryList.Chosen)
    def _chosen(self, event: HistoryList.Chosen) -> None:
        self.dismiss(event.hit.run_id or None)

    def _preview(self) -> None:
        hit = self.query_one(HistoryList).current
        frame = self.query_one("#history-preview")
        frame.border_title = Content(inert_line(f"{hit.kind} of run {hit.run_id}" if hit else "", 60))
        self.query_one("#history-text", Static).update(Content(""))
        if hit is not None:
            self._load(hit)

    @work(group="history-preview", exclusive=True, description="read a run", exit_on_error=False)
    async def _load(self, hit: "Hit") -> None:
        blocks = [Content.styled(inert_line(hit.title, 300), "bold $text-primary"), Content(inert(hit.snippet))]
        self.query_one("#history-text", Static).update(Content("\n").join(blocks))
        if not hit.run_id:
            return
        await asyncio.sleep(PAUSE_S)
        try:
            state = await self.engine.state(hit.run_id)
        except Exception as exc:  # noqa: BLE001  a worker's edge: a preview that cannot be had is said in its place
            blocks.append(Content.styled(inert(trouble_of(exc, "read the run").title), "$text-error"))
        else:
            blocks += told(state)
        if self.is_attached:
            self.query_one("#history-text", Static).update(Content("\n").join(blocks))

    def action_open(self) -> None:
        """Open the run of the current row."""
        hit = self.query_one(HistoryList).current
        if hit is not None and hit.run_id:
            self.dismiss(hit.run_id)

    def action_timeline(self) -> None:
        """Go through the moments of the current row's run; an iteration's row begins with that iteration."""
        hit = self.query_one(HistoryList).current
        if hit is None or not hit.run_id:
            return
        from miracle_tui.screens.timeline_screen import TimelineScreen

        number = hit.id.rpartition("#")[2] if hit.kind == "iteration" else ""
        begin = int(number) if number.isdigit() else 0

        def left(forked: str | None) -> None:
            if forked:
                self.dismiss(forked)

        self.app.push_screen(TimelineScreen(self.engine, hit.run_id, iteration=begin), left)

    def action_leave(self) -> None:
        """Back to the run."""
        self.dismiss(None)


def told(state: "State") -> list[Content]:
    """A run in a few lines: how it ended, what it cost, each iteration with its cause."""
    task = state.task
    lines = [
        Content(""),
        _pair("status", f"{state.status} {state.reason}".strip()),
        _pair("cost", f"${state.spend.usd:.2f}, {state.spend.tokens:,} tokens in {state.spend.calls} calls"),
        _pair("folder", task.workspace if task else ""),
    ]
    if state.receipt is not None:
        lines.append(
            _pair("proof", f"{state.receipt.passed} passed at {state.receipt.commit[:10]} in {state.receipt.backend}")
        )
    if task is not None:
        lines += [Content(""), Content.styled("GOAL", "bold $text-secondary"), Content(inert(task.goal[:2000]))]
    if state.iterations:
        lines += [Content(""), Content.styled("ITERATIONS", "bold $text-secondary")]
    for iteration in state.iterations:
        report = iteration.report
        counts = f"{report.passed} passed, {report.failed} failed" if report else "not tested"
        mark, style = ("✓", "$text-success") if report and report.green else ("✗", "$text-error")
        lines.append(Content.assemble((f"{iteration.number:>3} {mark} ", style), f"{iteration.phase_id}: {counts}"))
        if iteration.reflection:
            lines.append(Content.styled(f"      {inert_line(iteration.reflection.cause, 300)}", "$text-muted"))
    return lines


def _pair(name: str, value: str) -> Content:
    return Content.assemble((f"{name:<8}", "$text-muted"), inert_line(value, 300))
