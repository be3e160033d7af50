"""The start of the app: what is painted first, what comes behind it, what goes wrong."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.config import Config
from config.errors import ConfigFileError
from config.paths import find_paths
from config.settings import Interface, Settings
from engine import events as e
from memory.errors import DatabaseUnavailable
from miracle_tui.app import MiracleApp
from miracle_tui.engine_port import EnginePort
from miracle_tui.screens.setup_screen import SetupScreen
from miracle_tui.services import Launch
from tests.ui import recorded_run
from tests.ui.app_fixtures import WORKSPACE, ReadyServices, opened_app, until
from tests.ui.recorded_run import RUN
from tests.ui.scripted_engine import ScriptedEngine
from widgets.dialogs.error_dialog import ErrorDialog
from widgets.dialogs.help_dialog import HelpDialog

HEAVY = ("pydantic", "engine", "config", "memory", "sandbox", "widgets", "openai", "sqlalchemy", "psycopg", "docker")
FIRST_PAINT = f"""
import asyncio, sys
from pathlib import Path
from miracle_tui.app import MiracleApp
from miracle_tui.services import Launch


class Stopped(MiracleApp):
    async def on_ready(self):
        found = sorted({{name.partition(".")[0] for name in sys.modules}} & set({HEAVY!r}))
        print("painted", self.screen.query_one("Outline").size.width, "imported", found)
        self.exit()


async def main():
    await Stopped(Launch(Path("."))).run_async(headless=True, size=(100, 30))


asyncio.run(main())
"""


def test_nothing_heavy_is_imported_before_the_first_paint(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", FIRST_PAINT], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert "painted 100 imported []" in done.stdout, done.stdout + done.stderr


async def test_services_are_shown_as_they_come_up() -> None:
    async with opened_app() as (app, _):
        assert app.run_screen.furniture.status.services == {"database": "ok", "sandbox": "ok", "model": "ok"}


@pytest.mark.parametrize(
    "error",
    [
        DatabaseUnavailable("The database does not answer", "Check DATABASE_URL."),
        ConfigFileError(Path("/home/ada/settings.yaml"), "sandbox.cpu_limit", 3, "should be a number"),
        ValueError("a [/bold] surprise"),
    ],
)
async def test_what_cannot_be_opened_is_said_and_the_app_lives(error: Exception) -> None:
    class Failing(ReadyServices):
        async def open(self, post: Callable[[Any], object]) -> EnginePort:
            raise error

    app = MiracleApp(Launch(WORKSPACE), Failing(ScriptedEngine()))
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        assert isinstance(app.screen, ErrorDialog)
        text = f"{app.screen._title} {app.screen._hint}"
        assert str(getattr(error, "title", error)) in text
        assert app.screen._hint
        await pilot.press("enter", "escape", "a")
        assert app.is_running


class Slow(ReadyServices):
    """Services that come up, or fail, when the test lets them."""

    def __init__(self, engine: ScriptedEngine) -> None:
        super().__init__(engine)
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def open(self, post: Callable[[Any], object]) -> EnginePort:
        await self.go.wait()
        if self.error:
            raise self.error
        return await super().open(post)


@pytest.mark.parametrize("comes_up", [True, False])
async def test_a_goal_that_is_given_before_the_services_are_up_is_not_lost(comes_up: bool) -> None:
    engine = ScriptedEngine()
    services = Slow(engine)
    app = MiracleApp(Launch(WORKSPACE), services)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: type(app.screen).__name__ == "RunScreen")
        await pilot.press(*"hi", "enter")
        await until(pilot, lambda: "the goal is taken up" in app.run_screen.furniture.activity.render().plain)
        services.error = None if comes_up else DatabaseUnavailable("The database does not answer", "Look.")
        services.go.set()
        if comes_up:
            await until(pilot, lambda: [call[0].goal for call in engine.called("start")] == ["hi"])
        else:
            await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
            assert app.run_screen.furniture.goal.full_text == "hi"


async def test_without_a_key_the_set_up_opens() -> None:
    engine = ScriptedEngine()
    services = ReadyServices(engine, lacks_key=True)
    async with opened_app(engine, services=services) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.run_screen)


def configured(interface: Interface) -> ScriptedEngine:
    paths = find_paths({"MIRACLE_HOME": "/nonexistent/miracle"})
    return ScriptedEngine(Config(paths=paths, settings=Settings(interface=interface)))


async def test_a_persons_keys_and_theme_are_used_and_their_mistakes_are_named() -> None:
    engine = configured(Interface(theme="miracle-light", keymap={"theme": "f9", "fly": "f8", "history": "a"}))
    async with opened_app(engine) as (app, pilot):
        assert app.theme == "miracle-light"
        said = " ".join(notice.message for notice in app._notifications)
        assert "'fly'" in said
        assert "taken by approvals" in said
        await pilot.press("escape", "f9")
        assert app.theme == "miracle-dark"


async def test_an_unknown_theme_is_named() -> None:
    async with opened_app(configured(Interface(theme="solarised"))) as (app, _):
        assert any("solarised" in notice.message for notice in app._notifications)
        assert app.theme == "miracle-dark"


async def test_no_color_leaves_only_grey(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    engine = ScriptedEngine()
    engine.tell(RUN, *recorded_run.until_failure())
    async with opened_app(engine, show=RUN) as (app, pilot):
        await pilot.pause(0.1)
        lines = [app.screen._compositor.render_strips()[y] for y in range(app.size.height)]
        segments = [
            segment for line in lines for segment in line.apply_filter(app._filters[0], app.screen.background_colors[1])
        ]
        colours = {
            color.triplet for one in segments if one.style for color in (one.style.color, one.style.bgcolor) if color
        }
        assert colours
        assert all(colour is None or colour.red == colour.green == colour.blue for colour in colours)


async def test_help_shows_every_key_once() -> None:
    async with opened_app() as (app, pilot):
        await pilot.press("f1")
        assert isinstance(app.screen, HelpDialog)
        keys = {does: keys for keys, does in app.screen.groups["Run"]}
        assert keys["History"] == "h"
        assert "f5" in keys["Pause or resume"]
        await pilot.press("escape")
        assert app.screen_stack == [app.run_screen]


async def test_leaving_says_how_to_go_on() -> None:
    engine = ScriptedEngine()
    engine.tell(RUN, *recorded_run.until_plan(), e.ApprovalAnswered(approval_id="a-plan", decision="once"))
    async with opened_app(engine, show=RUN) as (app, _):
        assert await app.run_screen.farewell() is None
        app.driven |= {RUN, "behind"}
        engine.tell("behind", *recorded_run.until_plan())
        engine.tell("over", *recorded_run.until_success())
        said = await app.run_screen.farewell() or ""
        assert f"miracle resume {RUN}" in said
        assert "miracle resume behind" in said
        assert "over" not in said


async def test_interrupted_runs_of_this_folder_are_told_and_left_alone() -> None:
    engine = ScriptedEngine()
    engine.tell(RUN, *recorded_run.until_plan())
    async with opened_app(engine) as (app, pilot):
        furniture = app.run_screen.furniture
        await until(pilot, lambda: furniture.plan.unfinished == (recorded_run.SPEC.title,))
        assert "A run of this folder can go on" in furniture.activity.render().plain
        assert any("r to resume" in furniture.plan.row_text(y) for y in range(furniture.plan.row_count()))
        assert engine.called("drive") == []
        await pilot.press("escape", "r", "enter")
        await until(pilot, lambda: furniture.state is not None and furniture.state.run_id == RUN)
