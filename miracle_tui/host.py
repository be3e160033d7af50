"""The app as its screens know it: how it was started, what it set to work, and how work is done that may fail."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual import on
from textual.app import App
from textual.screen import Screen

from miracle_tui.messages import Trouble
from miracle_tui.services import Launch, Services
from miracle_tui.trouble import trouble_of

if TYPE_CHECKING:
    from textual.worker import WorkType

Work = Callable[[], Awaitable[None]]
"""Called in the worker: a coroutine made before it would be left unawaited when the worker never comes to run."""


class Host(App[None]):
    """What every screen may count on.

    Args:
        launch: How the app was started.
        services: What opens the engine; made from `launch` by default.
    """

    def __init__(self, launch: Launch, services: Services | None = None) -> None:
        super().__init__()
        self.services = services or Services(launch)
        self.driven: set[str] = set()
        """Runs that this app set to work."""

    def perform(self, work: Work, name: str, *, group: str = "command", exclusive: bool = False) -> None:
        """Do something in a worker; what goes wrong becomes a dialog, never the end of the app."""

        self.run_worker(
            cast("WorkType[None]", partial(self._guarded, work, name)),
            name=name,
            group=group,
            description=name,
            exit_on_error=False,
            exclusive=exclusive,
        )

    async def _guarded(self, work: Work, name: str) -> None:
        try:
            await work()
        except Exception as exc:
            logging.getLogger(__name__).exception("%s failed", name)
            self.post_message(trouble_of(exc, name))

    @on(Trouble)
    def show_trouble(self, event: Trouble) -> None:
        """Say what went wrong and what to do next."""
        from widgets.dialogs.error_dialog import ErrorDialog

        self.push_screen(ErrorDialog(event.title, event.hint))


def host_of(screen: Screen[Any]) -> Host:
    """The app that shows a screen, by its own type."""
    assert isinstance(screen.app, Host)
    return screen.app
