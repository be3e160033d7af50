"""One picture per state of the screens, at a fixed size, theme and clock."""

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from engine import events as e
from memory.hits import Entry, Hit
from miracle_tui.app import MiracleApp
from miracle_tui.screens.history_screen import HistoryScreen
from miracle_tui.screens.setup_screen import SetupScreen
from miracle_tui.services import Launch
from tests.ui import recorded_run
from tests.ui.app_fixtures import NOW, WORKSPACE, ReadyServices, shown_all, until
from tests.ui.recorded_run import RUN, START
from tests.ui.scripted_engine import ScriptedEngine
from widgets.history_list import HistoryList
from widgets.service_list import ServiceList

Compare = Callable[..., bool]
Before = Callable[[Pilot[None]], Awaitable[None]]
FAILURE = Hit(
    "failure",
    f"{RUN}.2",
    RUN,
    "AssertionError: 'IIII' == 'IV'",
    "in test_pair[0]",
    START,
    language="python",
    outcome="solved",
    context="Roman numerals, both ways",
)
KNOWN = {
    "error_type": "AssertionError",
    "message": "",
    "ctx_text": "    def test_pair(number, numeral):\n>       assert to_roman(number) == numeral\nE       "
    "AssertionError: assert 'IIII' == 'IV'\n" + "_ " * 40 + "\ntests/test_roman.py:N: AssertionError",
    "cause": "The table had no subtractive pairs.",
    "solution": "Put 900, 400, 90, 40, 9 and 4 into the table.",
    "hypothesis": "",
    "fix": (
        "diff --git a/roman.py b/roman.py\n@@ -3,2 +3,3 @@\n"
        '-    (5, "V"), (1, "I"),\n+    (5, "V"), (4, "IV"), (1, "I"),'
    ),
    "code_context": "",
}
"""What memory keeps of it."""


def app_with(events: list[e.Event]) -> MiracleApp:
    engine = ScriptedEngine()
    if events:
        engine.tell(RUN, *events)
    engine.hits = [FAILURE, Hit("run", RUN, RUN, "Roman numerals, both ways", "", START, outcome="success")]
    engine.entries = {FAILURE.id: Entry(FAILURE, KNOWN, shown=2, used=1, helped=1)}
    return MiracleApp(Launch(WORKSPACE), ReadyServices(engine))


def showing(theme: str = "miracle-dark", *keys: str, dialog: str = "") -> Before:
    """Show the recorded run at a fixed time and press keys."""

    async def before(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, MiracleApp)
        await until(pilot, lambda: app.engine is not None and app.run_screen.desk is not None)
        furniture = app.run_screen.furniture
        furniture.status.now = NOW
        furniture.activity.still = True
        furniture.goal.cursor_blink = False
        app.theme = theme
        app.animation_level = "none"
        engine = app.engine
        assert isinstance(engine, ScriptedEngine)
        app.clear_notifications()
        if await engine.runs():
            app.run_screen.show_run(RUN)
            await until(pilot, lambda: shown_all(app.run_screen, engine))
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.1)
        if dialog:
            await until(pilot, lambda: type(app.screen).__name__ == dialog)
        await until(pilot, lambda: not any(worker.group.startswith("diff") for worker in app.workers))
        app.clear_notifications()
        await pilot.pause(0.3)

    return before


STATES: dict[str, tuple[list[e.Event], tuple[int, int], Before]] = {
    "no-run": ([], (120, 36), showing()),
    "plan-waits": (recorded_run.until_plan(), (120, 36), showing(dialog="PlanDialog")),
    "reflected": (recorded_run.until_failure(), (120, 36), showing("miracle-dark", "escape")),
    "reflected-light": (recorded_run.until_failure(), (120, 36), showing("miracle-light", "escape")),
    "reflected-80x24": (recorded_run.until_failure(), (80, 24), showing("miracle-dark", "escape")),
    "tests-60x20": (recorded_run.until_failure(), (60, 20), showing("miracle-dark", "escape", "4")),
    "command-80x24": (recorded_run.until_command(), (80, 24), showing(dialog="ApprovalDialog")),
    "green": (recorded_run.until_success(), (120, 36), showing("miracle-dark", "escape")),
    "result": (recorded_run.until_success(), (120, 36), showing("miracle-dark", "escape", "P", dialog="PromoteDialog")),
    "diff-maximised": (recorded_run.until_success(), (120, 36), showing("miracle-dark", "escape", "2", "m")),
    "help": (recorded_run.until_success(), (120, 36), showing("miracle-dark", "f1", dialog="HelpDialog")),
    "too-small": (recorded_run.until_success(), (20, 5), showing()),
}


@pytest.mark.parametrize("state", STATES)
def test_run_screen(state: str, snap_compare: Compare) -> None:
    events, size, before = STATES[state]
    assert snap_compare(app_with(events), terminal_size=size, run_before=before)


def test_setup_screen(snap_compare: Compare) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: isinstance(pilot.app.screen, SetupScreen))
        pilot.app.clear_notifications()
        demos = pilot.app.screen.query_one("#setup-demos", OptionList)
        rows = pilot.app.screen.query_one(ServiceList)
        await until(pilot, lambda: demos.has_focus and [check.state for check in rows.checks] == ["ok", "fail"])

    app = MiracleApp(Launch(WORKSPACE), ReadyServices(ScriptedEngine(), lacks_key=True))
    assert snap_compare(app, terminal_size=(120, 40), run_before=before)


def test_history_screen(snap_compare: Compare) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await showing("miracle-dark", "escape", "h", dialog="HistoryScreen")(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, HistoryScreen)
        await until(pilot, lambda: bool(screen.query_one(HistoryList).hits))
        screen.query_one(HistoryList).focus()
        await pilot.pause(0.4)

    assert snap_compare(app_with(recorded_run.until_success()), terminal_size=(120, 36), run_before=before)
