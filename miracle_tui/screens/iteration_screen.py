"""One iteration with all that it left: plan, changes, output, reflection, what the models were told, cost."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Footer, Static

from miracle_tui.host import Host, host_of
from miracle_tui.reel import Reel
from widgets.cost_view import CostView, cost_of
from widgets.diff_pane import DiffPane
from widgets.inert import inert_line
from widgets.plan_pane import PlanPane
from widgets.prompt_view import PromptView
from widgets.reflection_pane import ReflectionPane
from widgets.test_pane import TestPane

if TYPE_CHECKING:
    from engine.calls import Call
    from engine.state import Iteration
    from miracle_tui.engine_port import EnginePort

TABS = ("diff", "plan", "output", "reflection", "prompt", "cost")


class IterationScreen(Screen[str | None]):
    """Leaves with the id of the run to open, or with nothing.

    Args:
        engine: Where the log comes from.
        run_id: The run.
        number: The iteration.
    """

    CSS_PATH = "iteration_screen.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(place), f"tab({name!r})", name.capitalize(), show=False, id=f"iteration.{name}")
            for place, name in enumerate(TABS, 1)
        ),
        Binding("tab", "next_tab(1)", "Next part", show=False, id="iteration.next", priority=True),
        Binding("shift+tab", "next_tab(-1)", "Previous part", show=False, id="iteration.previous", priority=True),
        Binding("p", "call(-1)", "Previous call", id="iteration.previous-call"),
        Binding("n", "call(1)", "Next call", id="iteration.next-call"),
        Binding("o", "open", "Run", id="iteration.open"),
        Binding("t", "timeline", "Timeline", id="iteration.timeline"),
        Binding("escape", "leave", "Back", id="iteration.leave"),
    ]

    def __init__(self, engine: "EnginePort", run_id: str, number: int) -> None:
        super().__init__()
        self.engine = engine
        self.number = number
        self.reel = Reel(engine, run_id)
        self.reel.grown.append(self._grown)
        self.current = TABS[0]
        self._calls: list[Call] = []
        self._place = -1
        self._shown: Iteration | None = None

    @property
    def miracle(self) -> Host:
        """The app, by its own type."""
        return host_of(self)

    def compose(self) -> ComposeResult:
        """The tabs, and the part that is chosen."""
        yield Static(id="iteration-title", markup=False)
        yield Static(id="iteration-tabs", markup=False)
        with ContentSwitcher(initial=self.current, id="iteration-body"):
            yield DiffPane(id="diff")
            yield PlanPane(id="plan")
            yield TestPane(id="output")
            yield ReflectionPane(folds=True, id="reflection")
            yield PromptView(id="prompt")
            yield CostView(id="cost")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Read the log."""
        self._show_head("reading the log…")
        self.action_tab(self.current)
        self.miracle.perform(self.reel.follow, "read the log", group=self.reel.group)

    def on_unmount(self) -> None:
        """Read no more."""
        self.miracle.workers.cancel_group(self.miracle, self.reel.group)

    def _grown(self) -> None:
        """The log grew: show what the iteration left by now."""
        if not self.is_attached or not self.reel.folds.end:
            return
        state = self.reel.state(self.reel.folds.end)
        iteration = state.iteration_numbered(self.number)
        if iteration is None:
            self._show_head("the run has no such iteration")
            return
        self._calls = [call for call in self.reel.calls if call.iteration == self.number]
        if iteration is not self._shown:
            self._shown = iteration
            self.query_one(DiffPane).diff = iteration.diff
            tests = self.query_one(TestPane)
            tests.clear()
            if iteration.report is not None:
                tests.show_report(iteration.report)
            tests.worth.iteration = iteration
            reflection = self.query_one(ReflectionPane)
            reflection.number, reflection.state = self.number, state
            self.query_one(PlanPane).state = self.reel.state(self._end())
            report = iteration.report
            counts = f"{report.passed} passed, {report.failed} failed" if report else "not tested"
            self._show_head(f"{inert_line(iteration.phase_id, 40)} · {counts} · {cost_of(self._calls)}")
        self.query_one(CostView).show(self._calls)
        if self._place < 0 or self.current != "prompt":
            self._go(max(0, self._place))

    def _end(self) -> int:
        """The last event that tells of the iteration."""
        of_it = (one.seq for one in self.reel.folds.log if getattr(one.event, "number", 0) == self.number)
        return max(of_it, default=self.reel.folds.end)

    def _show_head(self, words: str) -> None:
        head = Content.assemble(
            (f"ITERATION {self.number}  ", "bold $text-primary"), (inert_line(self.reel.run_id, 60), "$foreground"),
            (f"  {words}", "$text-muted"),
        )  # fmt: skip
        self.query_one("#iteration-title", Static).update(head)

    def action_tab(self, name: str) -> None:
        """Show a part."""
        self.current = name
        body = self.query_one(ContentSwitcher)
        body.current = name
        chosen = "bold $block-cursor-foreground on $block-cursor-background"
        words = (
            Content.styled(f" {place} {tab} ", chosen if tab == name else "$text-muted")
            for place, tab in enumerate(TABS, 1)
        )
        self.query_one("#iteration-tabs", Static).update(Content("").join(words))
        self._name_call()
        self._focus_in(self.query_one(f"#{name}"))
        self.refresh_bindings()

    def _focus_in(self, part: Widget) -> None:
        able = [one for one in (part, *part.query("*")) if one.focusable]
        if able:
            able[0].focus()

    def action_next_tab(self, step: int) -> None:
        """Show the next or the previous part, round the end."""
        self.action_tab(TABS[(TABS.index(self.current) + step) % len(TABS)])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Calls are gone through where they are shown."""
        if not self.is_mounted:
            return True
        return self.current == "prompt" if action == "call" else True

    def action_call(self, step: int) -> None:
        """The next or the previous call of the iteration."""
        self._go(self._place + step)

    def _go(self, place: int) -> None:
        view = self.query_one(PromptView)
        if not self._calls:
            view.show(None)
            return
        self._place = min(max(0, place), len(self._calls) - 1)
        call = self._calls[self._place]
        view.show(call, self.reel.told(call))
        self._name_call()

    def _name_call(self) -> None:
        words = ""
        if self.current == "prompt" and self._calls and self._place >= 0:
            call = self._calls[self._place]
            words = f" call {self._place + 1} of {len(self._calls)} · {inert_line(call.role, 20)} "
        self.query_one(ContentSwitcher).border_subtitle = Content(words)

    def on_plan_pane_iteration_chosen(self, event: PlanPane.IterationChosen) -> None:
        """Show another iteration of the run."""
        self.number, self._shown, self._place = event.number, None, -1
        self._grown()

    def on_plan_pane_edit_requested(self) -> None:
        """The past has the plan that it had."""
        self.notify("This plan is of the past. A fork may have another: t, then f.", timeout=4)

    def action_open(self) -> None:
        """Open the run."""
        self.dismiss(self.reel.run_id)

    def action_timeline(self) -> None:
        """Go through the moments of the run, from this iteration on."""
        from miracle_tui.screens.timeline_screen import TimelineScreen

        timeline = TimelineScreen(self.engine, self.reel.run_id, iteration=self.number)
        self.app.push_screen(timeline, self._leave_for)

    def _leave_for(self, forked: str | None) -> None:
        if forked and self.is_attached:
            self.dismiss(forked)

    def action_leave(self) -> None:
        """Back to the results."""
        self.dismiss(None)
