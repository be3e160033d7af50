"""Pictures of the timeline, a fork's dialog, prompts and a comparison."""

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from miracle_tui.app import MiracleApp
from miracle_tui.screens.compare_screen import CompareScreen
from miracle_tui.screens.timeline_screen import TimelineScreen
from miracle_tui.services import Launch
from tests.snapshots.test_app_snapshots import Before, Compare, showing
from tests.ui.app_fixtures import WORKSPACE, ReadyServices, until
from tests.ui.travel_fixtures import engine_with_story

CAUSE = ("slash", *"cause", "enter")


def travelling(*keys: str, theme: str = "miracle-dark") -> Before:
    """Open the timeline of the recorded run and press keys there."""

    async def before(pilot: Pilot[None]) -> None:
        await showing(theme, "escape", "t", dialog="TimelineScreen")(pilot)
        app = pilot.app
        timeline = app.screen
        assert isinstance(timeline, TimelineScreen)
        await until(pilot, lambda: timeline._shown[1] == len(timeline.reel.folds.log) > 0)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.05)
        for line in app.screen.query(Input):
            line.cursor_blink = False
        for area in app.screen.query(TextArea):
            area.cursor_blink = False
        if isinstance(app.screen, CompareScreen):
            compared = app.screen
            await until(pilot, lambda: compared.comparison is not None)
        await until(pilot, lambda: not any(worker.group.startswith(("diff", "prompt")) for worker in app.workers))
        app.clear_notifications()
        await pilot.pause(0.3)

    return before


STATES: dict[str, tuple[tuple[int, int], Before]] = {
    "reflected": ((120, 36), travelling(*CAUSE)),
    "reflected-80x24": ((80, 24), travelling(*CAUSE, "tab", "tab", "tab")),
    "light": ((100, 30), travelling(*CAUSE, theme="miracle-light")),
    "fork": ((100, 30), travelling(*CAUSE, "f")),
    "prompt": ((120, 36), travelling("w", "left", "left", "left")),
    "prompt-80x24": ((80, 24), travelling("w", "left", "left")),
    "compare": ((120, 36), travelling("c", "enter")),
}


@pytest.mark.parametrize("state", STATES)
def test_time_travel(state: str, snap_compare: Compare) -> None:
    size, before = STATES[state]
    app = MiracleApp(Launch(WORKSPACE), ReadyServices(engine_with_story(fork=state == "compare")))
    assert snap_compare(app, terminal_size=size, run_before=before)
