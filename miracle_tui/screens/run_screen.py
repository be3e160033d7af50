"""The screen of one run: status, four panes, iterations, and a line for the goal or a message."""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Footer, Static, TextArea

from miracle_tui.messages import LiveItems, RunsChanged, ServiceChanged, StateChanged
from miracle_tui.screens.desk import Front
from miracle_tui.screens.furniture import Furniture
from miracle_tui.screens.pane_grid import NARROW
from widgets.inert import inert_line

if TYPE_CHECKING:
    from engine.task import Task
    from memory.hits import Entry
    from miracle_tui.engine_port import EnginePort
    from miracle_tui.screens.run_desk import RunDesk
    from widgets.findings_pane import FindingsPane
    from widgets.goal_input import GoalInput
    from widgets.plan_pane import PlanPane
    from widgets.reflection_pane import ReflectionPane

Breakpoints = list[tuple[int, str]] | None
LOOK_S = 5.0
TOO_SMALL = "Miracle needs a terminal of at least 40 x 10."


class RunScreen(Front):
    """Shows one run and takes the keys that act on it."""

    CSS_PATH = "run_screen.tcss"
    AUTO_FOCUS = "GoalInput"
    HORIZONTAL_BREAKPOINTS: ClassVar[Breakpoints] = [(0, "-tiny"), (40, "-narrow"), (NARROW, "-wide")]  # type: ignore[misc]
    VERTICAL_BREAKPOINTS: ClassVar[Breakpoints] = [(0, "-flat"), (10, "-low"), (30, "-tall")]  # type: ignore[misc]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "space('pause')", "Pause", id="pause"),
        Binding("space", "space('resume')", "Resume", id="resume"),
        Binding("f5,ctrl+@,ctrl+space", "pause_or_resume", "Pause or resume", show=False, id="pause.always"),
        Binding("a", "approvals", "Approvals", id="approvals"),
        Binding("h", "history", "History", id="history"),
        Binding("M", "metrics", "Metrics", show=False, id="metrics"),
        Binding("n", "new_task", "New", id="new"),
        Binding("r", "runs", "Runs", id="runs"),
        Binding("t", "timeline", "Timeline", id="timeline"),
        Binding("f", "fork", "Fork", show=False, id="fork"),
        Binding("w", "prompts", "What the model was told", show=False, id="prompts"),
        Binding("tab", "next_pane(1)", "Pane", id="pane.next"),
        Binding("shift+tab", "next_pane(-1)", "Previous pane", show=False, id="pane.previous"),
        Binding("m", "maximise_pane", "Maximise", show=False, id="pane.maximise"),
        Binding("f11", "maximise_pane", "Maximise", show=False, id="pane.maximise.always"),
        Binding("1", "pane('plan')", "Plan", show=False, id="pane.plan"),
        Binding("2", "pane('diff')", "Code diff", show=False, id="pane.diff"),
        Binding("3", "pane('reflection')", "Reflection", show=False, id="pane.reflection"),
        Binding("4", "pane('tests')", "Test output", show=False, id="pane.tests"),
        Binding("5", "pane('findings')", "Findings", show=False, id="pane.findings"),
        Binding("i", "write", "Write", show=False, id="write"),
        Binding("escape", "back", "Keys", id="back"),
        Binding("p", "next_phase", "Next phase at work", show=False, id="phase.next"),
        Binding("right_square_bracket", "step_run(1)", "Next run", show=False, id="run.next", key_display="]"),
        Binding("left_square_bracket", "step_run(-1)", "Previous run", show=False, id="run.previous", key_display="["),
        Binding("0", "live", "Newest iteration", show=False, id="live"),
        Binding("P", "promote", "Take result", show=False, id="promote"),
        Binding("U", "undo_result", "Undo the taken result", show=False, id="undo"),
        Binding("c", "cancel_run", "Cancel run", show=False, id="cancel"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.furniture = Furniture()
        self._space = ("", False)
        """What space would do, and whether it is a letter of a text."""
        self._early = ""
        """What was submitted before there was a desk."""
        self.desk: RunDesk | None = None
        """What acts on runs; comes with the engine."""

    def on_mount(self) -> None:
        """Look now and then whether the shown run still is at work: who worked on it may have gone."""
        self.set_interval(LOOK_S, self._look_who_works)

    def _look_who_works(self) -> None:
        if self.desk is not None and self.desk.is_open:
            self.miracle.perform(self.desk.see_who_works, "see who works on the run", group="held", exclusive=True)

    def compose(self) -> ComposeResult:
        """The layout, top to bottom."""
        yield self.furniture.status
        yield self.furniture.grid
        yield self.furniture.strip
        yield self.furniture.activity
        yield Container(self.furniture.goal, id="input-box")
        yield Footer(compact=True)
        yield Static(TOO_SMALL, id="too-small", markup=False)

    # What the services and the bridge say

    def take_service(self, event: ServiceChanged) -> None:
        """Show a service's state."""
        self.furniture.show_service(event)

    def engine_ready(self, engine: "EnginePort", demo_task: "Task | None") -> None:
        """Begin to serve the person: the demo at once, else what they ask for."""
        from miracle_tui.screens.run_desk import RunDesk

        self.desk = RunDesk(self, engine)
        early, self._early = self._early, ""
        if demo_task is not None:
            self.miracle.perform(partial(self.desk.start, demo_task), "start the demo")
        else:
            self.miracle.perform(self.desk.tell_interrupted, "look for interrupted runs")
        if early:
            self.miracle.perform(partial(self.desk.submit, early), "start the run")

    def give_back(self) -> None:
        """The services did not come up: what was submitted meanwhile goes back into the line."""
        early, self._early = self._early, ""
        if early and not self.furniture.goal.full_text:
            self.furniture.goal.set_full_text(early)

    def leave_run(self) -> None:
        """Show no run."""
        self.workers.cancel_group(self, "bridge")
        self.desk = None
        self.furniture.clear()

    def show_run(self, run_id: str) -> None:
        """Follow a run from its first event on."""
        if self.desk is not None:
            self.desk.show(run_id)

    @on(StateChanged)
    def _state_changed(self, event: StateChanged) -> None:
        if self.desk is None or event.state.run_id != self.desk.run_id:
            return
        self.furniture.show_state(event.state, event.recorded)
        self.desk.take_state(event.state, event.recorded)
        self.show_wish()

    @on(LiveItems)
    def _live_items(self, event: LiveItems) -> None:
        if self.desk is not None and event.run_id == self.desk.run_id:
            self.furniture.show_live(event.items)

    @on(RunsChanged)
    def _runs_changed(self, event: RunsChanged) -> None:
        if self.desk is not None:
            self.miracle.perform(self.desk.count_questions, "count questions", group="badge", exclusive=True)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Space is a letter within a text; else it offers what it would do."""
        if action == "space":
            wish = self.desk.wish if self.desk is not None else ""
            return not (self._writing and self.furniture.goal.text) and wish == parameters[0]
        if action == "back" and not self._writing:
            # It works everywhere, but only the way out of the line needs to be told.
            return bool(self.furniture.chosen or self.furniture.grid.maximised)
        return True

    @property
    def _writing(self) -> bool:
        return self.furniture.goal.has_focus

    @on(events.ScreenResume)
    def _come_back(self) -> None:
        """What a run asked meanwhile is asked now."""
        if self.desk is not None and self.desk.run_id:
            self.desk.questions.take_state(self.desk.state)

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def _focus_moved(self) -> None:
        self.furniture.activity.writing = self._writing

    @on(TextArea.Changed)
    def _text_changed(self) -> None:
        self.show_wish()

    def show_wish(self) -> None:
        """Show in the footer what space would do now."""
        shown = (self.desk.wish if self.desk is not None else "", self._writing and bool(self.furniture.goal.text))
        if shown != self._space:
            self._space = shown
            self.refresh_bindings()

    def action_space(self, wish: str) -> None:
        """Pause or resume."""
        self.action_pause_or_resume()

    def action_next_pane(self, by: int) -> None:
        """Focus the next pane."""
        grid = self.furniture.grid
        grid.go(grid.step(by) if grid.focused_pane else grid.current)

    def action_pane(self, name: str) -> None:
        """Focus a pane; the findings stand in the reflection's place."""
        if name in ("findings", "reflection"):
            self.furniture.show_findings(name == "findings")
        if name == "findings":
            self.furniture.grid.current = "reflection"
            self.furniture.findings.focus()
        else:
            self.furniture.grid.go(name)

    def action_maximise_pane(self) -> None:
        """Give the current pane the whole room, or give it back."""
        grid = self.furniture.grid
        grid.maximised = not grid.maximised

    def action_write(self) -> None:
        """Go to the line where goals and messages are written."""
        self.furniture.goal.focus()

    def action_next_phase(self) -> None:
        """Look at another of the phases that are at work side by side."""
        if not self.furniture.next_phase():
            self.notify("One phase at a time is at work now.", timeout=3)

    def action_step_run(self, by: int) -> None:
        """Show the next of the runs that are not over."""
        if (desk := self._desk()) is not None:
            self.miracle.perform(partial(desk.step_run, by), "show another run", group="dialog")

    def action_live(self) -> None:
        """Follow the newest iteration again."""
        self.furniture.choose(0)

    def action_back(self) -> None:
        """From the line to the panes, from a chosen iteration to the newest, from one pane to all."""
        grid = self.furniture.grid
        if not grid.focused_pane:
            grid.go(grid.current)
        elif self.furniture.chosen:
            self.furniture.choose(0)
        elif grid.maximised:
            grid.maximised = False

    def action_history(self) -> None:
        """Search what was done before."""
        if (desk := self._desk()) is not None:
            from miracle_tui.screens.history_screen import HistoryScreen

            self.app.push_screen(HistoryScreen(desk.engine), self._left_history)

    def _left_history(self, chosen: "str | Entry | None") -> None:
        """Show the run that was chosen, or begin a task from the solution that was."""
        if isinstance(chosen, str):
            self.show_run(chosen)
        elif chosen is not None and (desk := self._desk()) is not None:
            self.miracle.perform(partial(desk.new_task, chosen), "start the run", group="dialog")

    def action_metrics(self) -> None:
        """What many runs came to."""
        if (desk := self._desk()) is not None:
            from miracle_tui.screens.metrics_screen import MetricsScreen

            self.app.push_screen(MetricsScreen(desk.engine, str(self.miracle.services.launch.workspace)))

    def action_timeline(self) -> None:
        """Go back to any moment of the shown run."""
        if (desk := self._desk_with_run()) is not None:
            from miracle_tui.screens.travel import open_timeline

            open_timeline(self.miracle, self.show_run, desk.engine, desk.run_id)

    def action_fork(self) -> None:
        """Begin another run as the shown one is now."""
        if (desk := self._desk_with_run()) is not None:
            from miracle_tui.screens.travel import open_timeline

            open_timeline(self.miracle, self.show_run, desk.engine, desk.run_id, max(1, desk.state.seq), fork=True)

    def action_prompts(self) -> None:
        """Read what the models were told."""
        if (desk := self._desk_with_run()) is not None:
            from miracle_tui.screens.travel import open_prompts

            open_prompts(self.miracle, self.show_run, desk.engine, desk.run_id, desk.state.seq)

    def action_pause_or_resume(self) -> None:
        """Pause the run, or let it go on."""
        self._with_desk("pause_or_resume")

    def action_approvals(self) -> None:
        """Answer the question that waits."""
        self._with_desk("ask_again")

    def action_new_task(self) -> None:
        """Open the form."""
        self._with_desk("new_task")

    def action_runs(self) -> None:
        """Choose another run."""
        self._with_desk("choose_run")

    def action_promote(self) -> None:
        """Take the result."""
        self._with_desk("promote")

    def action_undo_result(self) -> None:
        """Take the result back."""
        self._with_desk("undo_result")

    def action_cancel_run(self) -> None:
        """End the run, after a question."""
        self._with_desk("cancel")

    def _desk(self) -> "RunDesk | None":
        if self.desk is None:
            self.notify("The services are still starting.", timeout=3)
        return self.desk

    def _desk_with_run(self) -> "RunDesk | None":
        desk = self._desk()
        if desk is not None and not desk.run_id:
            self.notify("There is no run yet: write a goal, or press r for the list.", timeout=4)
            return None
        return desk

    def _with_desk(self, action: str) -> None:
        if (desk := self._desk()) is not None:
            self.miracle.perform(getattr(desk, action), action.replace("_", " "), group="dialog")

    def commands(self) -> Iterable[SystemCommand]:
        """What the palette offers here: everything that has a key."""
        for binding in self.BINDINGS:
            if isinstance(binding, Binding) and binding.id and not binding.id.endswith(".always"):
                key = binding.key.split(",")[0]
                yield SystemCommand(binding.description, f"Key {key}", partial(self.run_action, binding.action))

    # What a person writes and chooses

    def on_goal_input_space_alone(self) -> None:
        """Space in an empty line does what the footer says."""
        self.action_pause_or_resume()

    def on_goal_input_submitted(self, event: "GoalInput.Submitted") -> None:
        """A goal, or a message to the running agent; before the services are up, it waits for them."""
        if self.desk is not None:
            self.miracle.perform(partial(self.desk.submit, event.text), "start the run")
        else:
            self._early = f"{self._early}\n{event.text}".strip()
            self.furniture.activity.notice("the goal is taken up as soon as the database is there")

    def on_plan_pane_iteration_chosen(self, event: "PlanPane.IterationChosen") -> None:
        """Show that iteration; the newest means to follow the run."""
        newest = self.furniture.state.iteration if self.furniture.state else None
        self.furniture.choose(0 if newest and newest.number == event.number else event.number)

    def on_findings_pane_place_chosen(self, event: "FindingsPane.PlaceChosen") -> None:
        """Go to what a finding is about."""
        if self.furniture.diff.show_place(event.path, event.line):
            self.furniture.grid.go("diff")
        else:
            self.notify(f"{inert_line(event.path, 120)} is not among the changes shown here.", timeout=4)

    def on_reflection_pane_memory_asked(self, event: "ReflectionPane.MemoryAsked") -> None:
        """Read, pin or forget a memory, or go to its run."""
        if (desk := self._desk()) is not None:
            work = partial(desk.remembering.act, event.shown, event.wish)
            self.miracle.perform(work, "look at the memory", group="dialog")

    def on_plan_pane_edit_requested(self) -> None:
        """Open the plan that waits."""
        self._with_desk("ask_again")

    def show_badge(self, count: int) -> None:
        """Say on the status line's side how many questions of other runs wait."""
        self.furniture.grid.show_badge(count)

    async def farewell(self) -> str | None:
        """What a person should know who leaves now."""
        return await self.desk.farewell() if self.desk is not None else None
