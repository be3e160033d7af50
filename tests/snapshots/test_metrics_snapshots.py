"""The metrics screen at two sizes and in both themes."""

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from miracle_tui.app import MiracleApp
from miracle_tui.screens.metrics_screen import MetricsScreen
from miracle_tui.services import Launch
from tests.ui.app_fixtures import WORKSPACE, ReadyServices, until
from tests.ui.metric_story import FIGURES
from tests.ui.scripted_engine import ScriptedEngine

Compare = Callable[..., bool]


@pytest.mark.parametrize(
    ("size", "theme", "keys"),
    [((120, 36), "miracle-dark", ["down", "down"]), ((80, 24), "miracle-light", ["down"])],
    ids=["wide", "80x24-light"],
)
def test_metrics(size: tuple[int, int], theme: str, keys: list[str], snap_compare: Compare) -> None:
    async def before(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, MiracleApp)
        await until(pilot, lambda: app.engine is not None and app.run_screen.desk is not None)
        app.animation_level = "none"
        app.theme = theme
        await pilot.press("escape", "M")
        await until(pilot, lambda: isinstance(app.screen, MetricsScreen) and app.screen.found is not None)
        await pilot.press(*keys)
        app.clear_notifications()
        await pilot.pause(0.3)

    engine = ScriptedEngine()
    engine.figures = FIGURES
    app = MiracleApp(Launch(WORKSPACE), ReadyServices(engine))
    assert snap_compare(app, terminal_size=size, run_before=before)
