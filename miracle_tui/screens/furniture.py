"""The widgets of the run screen, fed with the folded state and what happens live."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from miracle_tui.messages import ServiceChanged
from miracle_tui.screens.pane_grid import TITLES, PaneGrid
from widgets.activity_line import ActivityLine
from widgets.diff_pane import DiffPane
from widgets.findings_pane import FindingsPane
from widgets.goal_input import GoalInput
from widgets.iteration_strip import IterationStrip
from widgets.plan_pane import PlanPane
from widgets.reflection_pane import ReflectionPane
from widgets.status_bar import StatusBar
from widgets.stream_view import StreamView
from widgets.test_pane import TestPane

if TYPE_CHECKING:
    from engine.bus import Live, TestSeen
    from engine.events import Recorded
    from engine.state import Iteration, State
    from sandbox.report import TestReport

ROLE_PANE = {
    "reprompter": "plan",
    "planner": "plan",
    "replanner": "plan",
    "coder": "diff",
    "reviewer": "reflection",
    "auditor": "reflection",
    "tester": "tests",
    "reflector": "reflection",
}
"""The pane that an agent's text streams into: the one that its result will be shown in."""
STAGE_PANE = {
    "INIT": "plan",
    "PLANNING": "plan",
    "CODING": "diff",
    "REVIEW": "reflection",
    "AUDIT": "reflection",
    "TESTING": "tests",
    "REFLECTING": "reflection",
}
"""The pane to look at in a stage."""


class Furniture:
    """All widgets that show a run. `show_*` hand on what is so; nothing here decides anything."""

    def __init__(self) -> None:
        self.status = StatusBar(id="status")
        self.plan = PlanPane(id="plan")
        self.diff = DiffPane(id="diff")
        self.reflection = ReflectionPane(id="reflection", acts=True)
        self.findings = FindingsPane(id="findings")
        self.findings.display = False
        self.tests = TestPane(id="tests")
        self.strip = IterationStrip(id="strip")
        self.activity = ActivityLine(id="activity")
        self.goal = GoalInput(id="goal")
        self.voices = {name: StreamView(id=f"voice-{name}") for name in ("plan", "reflection", "tests")}
        self.grid = PaneGrid(
            {
                "plan": (self.plan, self.voices["plan"]),
                "diff": (self.diff,),
                "reflection": (self.reflection, self.findings, self.voices["reflection"]),
                "tests": (self.tests, self.voices["tests"]),
            }
        )
        self.state: State | None = None
        self.chosen = 0
        """The iteration that a person looks at; 0 while they follow the newest."""
        self.followed = ""
        """The phase that a person looks at among those side by side; "" for the first of them."""
        self._shown: Iteration | None = None
        self._speaking = ("", "")
        self._streamed = False
        """Whether the test pane holds the live output of a run that has no report yet."""

    def show_service(self, event: ServiceChanged) -> None:
        """Show how far a service is."""
        self.status.set_service(event.part, event.status)
        if event.status == "starting" and self.state is None:
            self.activity.notice(f"starting the {event.part}" + (f": {event.text}" if event.text else ""))
        elif event.status == "ok":
            self.activity.notice("")

    def show_unfinished(self, titles: list[str]) -> None:
        """Say in the empty screen which runs wait for a person."""
        self.plan.unfinished = tuple(titles)
        runs = "A run" if len(titles) == 1 else f"{len(titles)} runs"
        self.activity.unfinished = f"{runs} of this folder can go on" if titles else ""

    def clear(self) -> None:
        """Show no run."""
        self.state, self._shown, self.chosen, self.followed = None, None, 0, ""
        self.status.state = self.plan.state = self.reflection.state = self.strip.state = None
        self.activity.state = None
        self.activity.forget()
        self.grid.working = ""
        self.reflection.number = self.findings.number = 0
        self.findings.state = None
        self.goal.running = False
        self.diff.diff = ""
        self.tests.clear()
        self.tests.worth.iteration = None
        self._hush()
        for name in self.grid.ORDER:
            self.grid.frame(name).note("")

    # What is so

    def show_state(self, state: "State", recorded: "Iterable[Recorded]") -> None:
        """Hand the folded state to every pane."""
        from engine.agent_events import AnswerReceived, ToolFinished
        from engine.events import ProofFinished

        self.state = state
        self.status.state = state
        self.goal.running = state.outcome is None
        self.plan.state = state
        seen = self._seen(state)
        self.reflection.state = self.findings.state = seen
        self.strip.state = state
        self.activity.state = seen
        proof = None
        for item in recorded:
            if isinstance(item.event, AnswerReceived):
                self._hush(linger=True)
            elif isinstance(item.event, ProofFinished):
                proof = item.event.report
            elif isinstance(item.event, ToolFinished):
                self.activity.tool_done(item.event.name, item.event.target, ok=item.event.ok)
        self.grid.working = STAGE_PANE.get(str(seen.stage), "") if self.activity.works else ""
        self._show_iteration()
        if proof is not None and self._streamed and not self.chosen:
            # A proof that holds is no iteration's report, and its tests were seen to run in the pane.
            self._show_report(proof)

    @property
    def beside(self) -> list[str]:
        """Ids of the phases that are at work side by side."""
        tier = self.state.tier_at_work if self.state is not None and self.state.outcome is None else ()
        return [phase.id for phase in tier if phase.apart and phase.state != "green"]

    @property
    def phase_id(self) -> str:
        """The phase that the panes show, of those side by side; "" where only one is at work."""
        beside = self.beside
        return self.followed if self.followed in beside else next(iter(beside), "")

    def next_phase(self) -> str:
        """Show the next of the phases that are at work side by side; its id, or "" where there is none."""
        beside = self.beside
        if self.state is None or len(beside) < 2:
            return ""
        self.followed = beside[(beside.index(self.phase_id) + 1) % len(beside)]
        self._streamed = False
        self._hush()
        self.show_state(self.state, ())
        return self.followed

    def _seen(self, state: "State") -> "State":
        return state.focused(self.phase_id)

    def show_findings(self, shown: bool) -> None:
        """Show the findings in the reflection's place, or the reflection again."""
        self.findings.display, self.reflection.display = shown, not shown
        self.grid.frame("reflection").border_title = "FINDINGS" if shown else TITLES["reflection"]

    def choose(self, number: int) -> None:
        """Show one iteration; 0 follows the newest again."""
        self.chosen = number
        self._streamed = False
        self.reflection.number = self.findings.number = number
        self._shown = None
        self._show_iteration()

    def _show_iteration(self) -> None:
        state = self.state
        if state is None:
            return
        shown = self._pick(state if self.chosen else self._seen(state))
        note = f" phase {self.phase_id} · p next " if len(self.beside) > 1 else ""
        for name in ("diff", "reflection", "tests"):
            self.grid.frame(name).note(f" iteration {self.chosen} · 0 newest " if self.chosen else note)
        if shown is None:
            return
        self.tests.worth.iteration = shown
        before, self._shown = self._shown, shown
        if before is None or before.diff != shown.diff or before.number != shown.number:
            self.diff.diff = shown.diff or (self._last_diff(state) if not self.chosen else "")
        if before is None or before.report is not shown.report:
            if shown.report is not None:
                self._show_report(shown.report)
            elif self.chosen:
                self.tests.clear()

    def _show_report(self, report: "TestReport") -> None:
        if not self._streamed:
            # The log in the pane is of another test run.
            self.tests.clear()
        self._streamed = False
        self.tests.show_report(report)

    def _pick(self, state: "State") -> "Iteration | None":
        if not self.chosen:
            return state.iteration
        return state.iteration_numbered(self.chosen) or state.iteration

    @staticmethod
    def _last_diff(state: "State") -> str:
        """The newest diff there is: a new iteration has none yet, and an empty pane would say less."""
        return next((iteration.diff for iteration in reversed(state.iterations) if iteration.diff), "")

    # What happens live

    def show_live(self, items: "Iterable[Live]") -> None:
        """Hand on streamed text, notices, output and tests as they end."""
        from engine.bus import Delta, Notice, OutputText, StreamVoid, TestsBegan, TestSeen

        shown = self.phase_id
        for item in items:
            if not isinstance(item, Notice) and shown and item.phase_id not in ("", shown):
                continue
            if isinstance(item, Delta):
                self._speak(item.session_id, item.role, item.text)
            elif isinstance(item, StreamVoid):
                if self._speaking[0] == item.session_id:
                    self._hush()
            elif isinstance(item, Notice):
                self.activity.notice(item.text)
            elif isinstance(item, TestSeen):
                self._show_test(item)
            elif self.chosen:
                continue
            elif isinstance(item, OutputText):
                self.tests.output(item.text)
            elif isinstance(item, TestsBegan):
                self._streamed = True
                self.tests.begin(item.backend, item.command)

    def _show_test(self, seen: "TestSeen") -> None:
        # What was made ready for the tests is ready.
        self.activity.notice("")
        if not self.chosen:
            self.tests.test_event(seen.event)

    def _speak(self, session_id: str, role: str, text: str) -> None:
        if (session_id, role) != self._speaking:
            self._hush()
            self._speaking = (session_id, role)
            pane = ROLE_PANE.get(role, "plan")
            if pane == "diff":
                self.diff.live = role
            else:
                self.voices[pane].role = role
        self._voice(role)(text)

    def _voice(self, role: str) -> Callable[[str], None]:
        pane = ROLE_PANE.get(role, "plan")
        return self.diff.stream if pane == "diff" else self.voices[pane].stream

    def _hush(self, *, linger: bool = False) -> None:
        """The agent has spoken, and its words are in the log, or they were void; they go, or linger to be read."""
        self._speaking = ("", "")
        self.diff.end_stream(linger=linger)
        for voice in self.voices.values():
            voice.end_stream(linger=linger)
