"""The run that is shown: its state, who works on it, and what may be asked about it."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from textual.screen import Screen

from engine.gates.forecast import NOTHING_KNOWN
from engine.state import State
from engine.task import Task
from memory.errors import MemoryStoreError
from miracle_tui.belonging import check_model
from miracle_tui.host import Host, host_of
from miracle_tui.screens.furniture import Furniture

if TYPE_CHECKING:
    from miracle_tui.engine_port import EnginePort


class Front(Screen[None]):
    """The screen that shows the run, as the desk knows it."""

    furniture: Furniture

    @property
    def miracle(self) -> Host:
        """The app, by its own type."""
        return host_of(self)

    @abstractmethod
    def show_wish(self) -> None:
        """Show what space would do now."""

    @abstractmethod
    def show_badge(self, count: int) -> None:
        """Show how many questions of other runs wait."""


class Desk:
    """The shown run.

    Args:
        screen: shows it.
        engine: knows all runs.
    """

    def __init__(self, screen: Front, engine: "EnginePort") -> None:
        self.screen = screen
        self.engine = engine
        self.run_id = ""
        self.state = State()
        self.held = True
        """Whether somebody works on the shown run, here or elsewhere."""

    @property
    def is_open(self) -> bool:
        """Whether a run is shown that is not over."""
        return bool(self.run_id) and self.state.outcome is None

    async def see_who_works(self) -> None:
        """Find out whether the shown run is at work, here or elsewhere, or was interrupted."""
        run_id = self.run_id
        held = await self.engine.is_driven(run_id)
        if run_id == self.run_id:
            self.set_held(held)

    def set_held(self, held: bool) -> None:
        """Show whether somebody works on the run."""
        self.held = self.screen.furniture.activity.held = held
        self.screen.show_wish()

    async def go_on(self) -> None:
        """Work on the shown run in this process, unless another one does.

        Raises:
            EngineError: it belongs to a model that is not at hand here.
        """
        run_id = self.run_id
        if not await self.engine.is_driven(run_id):
            check_model(self.engine, self.state)
            self.screen.miracle.driven.add(run_id)
            self.engine.drive(run_id)
        self.set_held(True)

    async def expected(self, task: Task, phases: int = 0) -> str:
        """The forecast in a line; it never keeps a person from going on."""
        try:
            found = await self.engine.forecast(task, phases)
        except MemoryStoreError:
            return ""
        return found.text if found else NOTHING_KNOWN

    async def confirm(self, title: str, text: str) -> bool:
        """A yes or no."""
        from widgets.dialogs.confirm_dialog import ConfirmDialog

        return await self.screen.app.push_screen_wait(ConfirmDialog(title, text))
