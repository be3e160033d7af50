"""The app with an engine in memory, at a fixed size and time."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from config.config import Config
from engine.task import Task
from miracle_tui.app import MiracleApp
from miracle_tui.check import Check
from miracle_tui.engine_port import EnginePort
from miracle_tui.messages import ServiceChanged
from miracle_tui.screens.run_screen import RunScreen
from miracle_tui.services import Launch, Services
from tests.ui.recorded_run import RUN, SECOND, START
from tests.ui.scripted_engine import ScriptedEngine

WORKSPACE = Path("/home/ada/numerals")
NOW = START + 40 * SECOND


class ReadyServices(Services):
    """Services that hand out an engine in memory."""

    def __init__(self, engine: ScriptedEngine, *, lacks_key: bool = False, demo_task: Task | None = None) -> None:
        super().__init__(Launch(WORKSPACE))
        self.engine = engine
        self.lacks_key = lacks_key
        self.demo_task = demo_task
        self.opened: list[str] = []

    async def load(self) -> Config:
        self.config = self.engine.config
        return self.config

    async def open(self, post: Callable[[Any], object]) -> EnginePort:
        self.opened.append(self.launch.demo)
        for part in ("database", "sandbox", "model"):
            post(ServiceChanged(part, "ok"))
        return self.engine

    async def checks(self) -> AsyncIterator[Check]:
        yield Check("Python", "ok", "3.11")
        yield Check("API key", "fail", "not set", "Set OPENAI_API_KEY.")

    async def probe(self) -> None:
        return None


@asynccontextmanager
async def opened_app(
    engine: ScriptedEngine | None = None,
    *,
    size: tuple[int, int] = (120, 36),
    show: str = "",
    services: Services | None = None,
) -> AsyncIterator[tuple[MiracleApp, Pilot[None]]]:
    """The app, its services up, showing a run if one is named."""
    engine = engine or ScriptedEngine()
    app = MiracleApp(Launch(WORKSPACE), services or ReadyServices(engine))
    app.animation_level = "none"
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.engine is not None and app.run_screen.desk is not None)
        screen = app.run_screen
        screen.furniture.status.now = NOW
        if show:
            screen.show_run(show)
            await until(pilot, lambda: shown_all(screen, engine, show))
        yield app, pilot


def shown_all(screen: RunScreen, engine: ScriptedEngine, run_id: str = RUN) -> bool:
    """Whether the screen shows all that the run's log holds."""
    state = screen.furniture.state
    return state is not None and state.run_id == run_id and state.seq == len(engine.log_of(run_id))


async def until(pilot: Pilot[Any], holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Let the app work until something holds.

    Raises:
        AssertionError: it did not in time.
    """
    for _ in range(int(seconds / 0.02)):
        if holds():
            await pilot.pause()
            return
        await pilot.pause(0.02)
    raise AssertionError("it did not come to hold in time")
