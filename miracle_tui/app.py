"""The app: it paints first, brings the services up behind that, and passes on what they say."""

import asyncio
import signal
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from miracle_tui.hangup import Hangup
from miracle_tui.host import Host
from miracle_tui.messages import EngineReady, RunCalls, RunsChanged, ServiceChanged, Trouble
from miracle_tui.screens.first_screen import FirstScreen
from miracle_tui.services import Launch, Services
from miracle_tui.themes import DARK, THEMES, other_theme

if TYPE_CHECKING:
    from config.settings import Interface
    from engine.summary import RunSummary
    from miracle_tui.attention import Call
    from miracle_tui.engine_port import EnginePort
    from miracle_tui.ring import Ring
    from miracle_tui.screens.run_screen import RunScreen


PATIENCE_S = 1.0
"""Seconds that leaving takes before it says what it waits for."""
AGAIN_S = 5.0
"""Seconds within which a second ctrl+c is the second of two."""


def _run_screen() -> Screen[None]:
    from miracle_tui.screens.run_screen import RunScreen

    return RunScreen()


class MiracleApp(Host):
    """Miracle in the terminal.

    Args:
        launch: How it was started.
        services: What opens the engine; made from `launch` by default.
    """

    TITLE = "Miracle"
    MODES: ClassVar = {"first": FirstScreen, "run": _run_screen}
    DEFAULT_MODE = "first"
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "toggle_theme", "Theme", show=False, id="theme"),
        Binding("q", "quit", "Quit", show=False, id="quit"),
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, id="quit.always"),
        Binding("ctrl+c", "interrupt", "Pause, and once more leave", show=False, id="interrupt"),
        Binding("question_mark,f1", "help", "Help", id="help", key_display="?"),
    ]

    def __init__(self, launch: Launch, services: Services | None = None) -> None:
        super().__init__(launch, services)
        self.engine: EnginePort | None = None
        self.own_keys: dict[str, str] = {}
        """Binding id to key, where it is not the built-in one."""
        self.ring: Ring | None = None
        """Calls the person; comes with the settings."""
        self._interrupted_at = 0.0
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name

    async def on_ready(self) -> None:
        """The first frame is out: now come the widgets, then the services."""
        await self.switch_mode("run")
        self.call_after_refresh(self.open_services)

    @on(Trouble)
    def _give_back(self) -> None:
        """Where nothing works yet, what was entered is put back."""
        if self.engine is None:
            self.run_screen.give_back()

    # Services

    def open_services(self) -> None:
        """Open configuration and engine."""
        self.perform(self._open, "start", group="services", exclusive=True)

    async def reopen(self, demo: str = "") -> None:
        """Close what is open and open it anew, with another demo or a new key."""
        self.engine = None
        self.run_screen.leave_run()
        self.workers.cancel_group(self, "feed")
        await self.services.close()
        self.services.launch.demo = demo
        self.services.config = None
        self.open_services()

    async def _open(self) -> None:
        config = await self.services.load()
        self._use_interface(config.settings.interface)
        if self.services.lacks_key:
            self.run_screen.take_service(ServiceChanged("model", "failed", "no key"))
            self.push_setup()
        self.post_message(EngineReady(await self.services.open(self.post_message)))

    def _use_interface(self, interface: "Interface") -> None:
        from miracle_tui.keymap import check_keymap
        from miracle_tui.ring import Ring
        from miracle_tui.screens.history_screen import HistoryScreen
        from miracle_tui.screens.run_screen import RunScreen
        from widgets.reflection_pane import ReflectionPane

        self.ring = Ring(self._write, interface.notifications)
        theme, keymap = interface.theme, interface.keymap
        if theme in self.available_themes:
            self.theme = theme
        else:
            names = ", ".join(sorted(self.available_themes))
            self.notify(f"There is no theme {theme!r}. There are: {names}.", severity="warning", markup=False)
        screens = (RunScreen, ReflectionPane, HistoryScreen)
        bindings = [binding for screen in screens for binding in screen.BINDINGS]
        usable, problems = check_keymap(keymap, [*self.BINDINGS, *bindings])
        self.own_keys = usable
        self.set_keymap(self.own_keys)
        for problem in problems:
            self.notify(problem, title="Keys", severity="warning", markup=False, timeout=12)

    @on(ServiceChanged)
    def _service_changed(self, event: ServiceChanged) -> None:
        self.run_screen.take_service(event)

    @on(EngineReady)
    def _engine_ready(self, event: EngineReady) -> None:
        self.engine = event.engine
        self.perform(partial(self._feed, event.engine), "list of runs", group="feed", exclusive=True)
        self.perform(self.services.probe, "find a sandbox", group="probe", exclusive=True)
        self.run_screen.engine_ready(event.engine, self.services.demo_task)

    async def _feed(self, engine: "EnginePort") -> None:
        from miracle_tui.attention import calls, looks

        before: dict[str, str] = {}
        async for runs in looks(engine):
            self.run_screen.post_message(RunsChanged())
            mine = [run for run in runs if self._is_mine(run)]
            self._show_title(mine)
            for call in calls(before, mine):
                self.run_screen.post_message(RunCalls(call))
            before = {run.run_id: run.status for run in runs}

    def _is_mine(self, run: "RunSummary") -> bool:
        """Whether a person at this terminal is who should hear of the run."""
        return run.run_id in self.driven or run.workspace == str(self.services.launch.workspace)

    def _show_title(self, runs: "list[RunSummary]") -> None:
        if self.ring is not None:
            waiting = sum(run.status == "waiting" for run in runs)
            working = sum(run.status == "running" for run in runs)
            asks = f"◆ {waiting} waiting for you · " if waiting else ""
            self.ring.show(f"{asks}Miracle" + (f" · {working} at work" if working else ""))

    @on(RunCalls)
    def _run_calls(self, event: RunCalls) -> None:
        self.perform(partial(self._ring_for, event.call), "ring", group="ring")

    async def _ring_for(self, call: "Call") -> None:
        """Ring, unless the person looks at the run right now, or somebody paused it."""
        engine, ring, desk = self.engine, self.ring, self.run_screen.desk
        shown = desk is not None and desk.run_id == call.run_id and self.run_screen.is_current
        if engine is None or ring is None or (shown and self.app_focus):
            return
        if call.status == "paused":
            paused = (await engine.state(call.run_id)).paused
            if paused is None or paused.reason == "person":
                return
        if not shown:
            self.notify(f"{call.words}. r lists the runs.", title=call.title, markup=False, timeout=8)
        await ring.ring(call.title, call.words, away=not self.app_focus)

    def _write(self, text: str) -> None:
        """Write to the terminal beside the screen."""
        if not self.is_headless and self._driver is not None:
            self._driver.write(text)

    def on_unmount(self) -> None:
        """Leave the window as it was."""
        if self.ring is not None:
            self.ring.close()

    # Screens

    @property
    def run_screen(self) -> "RunScreen":
        """The screen that is always there."""
        from miracle_tui.screens.run_screen import RunScreen

        screen = self.screen_stack[0]
        assert isinstance(screen, RunScreen)
        return screen

    def push_setup(self) -> None:
        """Show what was found on this machine and what is missing."""
        from miracle_tui.screens.setup_screen import SetupScreen

        if self.services.config is not None and not isinstance(self.screen, SetupScreen):
            self.push_screen(SetupScreen(self.services.config, self.services.checks), self._setup_done)

    def _setup_done(self, choice: "str | None") -> None:
        if choice is not None:
            self.perform(partial(self.reopen, choice), "open again", group="services")

    # Actions

    def action_toggle_theme(self) -> None:
        """Dark or light."""
        self.theme = other_theme(self.theme)

    def action_help(self) -> None:
        """Show what every key does."""
        from miracle_tui.screens.keys import key_groups
        from widgets.dialogs.help_dialog import HelpDialog

        if not isinstance(self.screen, HelpDialog):
            self.push_screen(HelpDialog(key_groups(self.own_keys, self.BINDINGS)))

    async def action_interrupt(self) -> None:
        """Pause the shown run; once more, leave. Where text is selected, ctrl+c copies before it comes to this."""
        now = monotonic()
        again, self._interrupted_at = now - self._interrupted_at < AGAIN_S, now
        desk = self.run_screen.desk
        if again:
            await self.action_quit()
        elif desk is not None and desk.wish == "pause":
            self.perform(desk.pause_or_resume, "pause", group="dialog")
            self.notify("Pausing. ctrl+c once more leaves; the run can be resumed.", timeout=AGAIN_S)
        else:
            self.notify("ctrl+c once more leaves; a run can be resumed.", timeout=AGAIN_S)

    async def action_quit(self) -> None:
        """Leave; runs that are at work can be resumed."""
        self.exit(message=await self.run_screen.farewell())

    def get_system_commands(self, screen: "Screen[object]") -> Iterable[SystemCommand]:
        """Everything that has a key, by name."""
        if screen is self.run_screen:
            yield from self.run_screen.commands()
        yield SystemCommand("Theme", "Dark or light", self.action_toggle_theme)
        yield SystemCommand("Set up", "What was found on this machine, the API key, the demo", self.push_setup)
        yield SystemCommand("Help", "What every key does", self.action_help)
        yield SystemCommand("Quit", "Leave; running runs can be resumed", self.action_quit)


def run_app(workspace: Path | None = None, *, demo: str = "", launch: Launch | None = None) -> int:
    """Run the app until a person leaves it.

    Args:
        workspace: the person's folder; the current one by default.
        demo: name of a demo to play.
        launch: the whole of how it is started, instead of the two above.

    Returns:
        The exit status.
    """
    app = MiracleApp(launch or Launch((workspace or Path.cwd()).absolute(), demo=demo))
    asyncio.run(_run(app))
    return app.return_code or 0


async def _run(app: MiracleApp) -> None:
    loop = asyncio.get_running_loop()
    # The system, or the terminal that goes away, ends the app as a person would: runs can be resumed.
    loop.add_signal_handler(signal.SIGTERM, app.call_later, app.action_quit)
    hangup = Hangup(lambda: loop.call_soon_threadsafe(app.call_later, app.action_quit))
    hangup.listen()
    try:
        await app.run_async()
    finally:
        hangup.stop()
        loop.remove_signal_handler(signal.SIGTERM)
        await _close(app.services)


async def _close(services: Services) -> None:
    closing = asyncio.ensure_future(services.close())
    done, _ = await asyncio.wait({closing}, timeout=PATIENCE_S)
    if not done:
        print("An answer that is paid for is on its way; it is kept when it comes. Ctrl+C leaves at once.", flush=True)
    await closing
