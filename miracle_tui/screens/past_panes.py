"""The panes of the run screen, showing a moment that is over."""

from typing import TYPE_CHECKING

from miracle_tui.screens.pane_grid import PaneGrid
from widgets.diff_pane import DiffPane
from widgets.plan_pane import PlanPane
from widgets.reflection_pane import ReflectionPane
from widgets.status_bar import StatusBar
from widgets.test_pane import TestPane

if TYPE_CHECKING:
    from engine.state import Iteration, State
    from sandbox.report import TestReport


class PastPanes:
    """Plan, changes, reflection, tests and the line of figures, as they were."""

    def __init__(self) -> None:
        self.status = StatusBar(id="status")
        self.plan = PlanPane(id="plan")
        self.diff = DiffPane(id="diff")
        self.reflection = ReflectionPane(id="reflection")
        self.tests = TestPane(id="tests")
        self.grid = PaneGrid(
            {"plan": (self.plan,), "diff": (self.diff,), "reflection": (self.reflection,), "tests": (self.tests,)},
            numbered=False,
        )
        self._report: TestReport | None = None

    def show(self, state: "State", phase_id: str = "", proof: "TestReport | None" = None) -> None:
        """Show a moment.

        Args:
            state: what was so.
            phase_id: the phase whose work is shown; the newest work of all by default.
            proof: the tests of a proof, when the moment is one: they belong to no iteration.
        """
        seen = state.focused(phase_id)
        iterations = seen.iterations
        self.status.now = state.updated_at
        self.status.state = state
        self.plan.state = state
        self.reflection.state = seen
        written = next((one for one in reversed(iterations) if one.diff), None)
        self.diff.diff = written.diff if written else ""
        tested = next((one for one in reversed(iterations) if one.report), None)
        self._show_report(proof or (tested.report if tested else None))
        newest = iterations[-1] if iterations else None
        self.tests.worth.iteration = tested
        self._note("diff", written, newest)
        self.grid.frame("tests").note(" the proof " if proof else _of(tested, newest))

    def _note(self, pane: str, shown: "Iteration | None", newest: "Iteration | None") -> None:
        self.grid.frame(pane).note(_of(shown, newest))

    def _show_report(self, report: "TestReport | None") -> None:
        if report is self._report:
            return
        self._report = report
        self.tests.clear()
        if report is not None:
            self.tests.show_report(report)


def _of(shown: "Iteration | None", newest: "Iteration | None") -> str:
    """Says when what is shown is older than the moment: its iteration had nothing of the kind yet."""
    return f" of iteration {shown.number} " if shown is not None and shown is not newest else ""
