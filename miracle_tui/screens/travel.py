"""How the run screen comes to the timeline and to the prompts, and back."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from miracle_tui.reel import Reel
from miracle_tui.screens.prompt_screen import PromptScreen
from miracle_tui.screens.timeline_screen import TimelineScreen

if TYPE_CHECKING:
    from miracle_tui.engine_port import EnginePort
    from miracle_tui.host import Host


def open_timeline(
    app: "Host", show: Callable[[str], None], engine: "EnginePort", run_id: str, at: int = 0, *, fork: bool = False
) -> None:
    """Show a run's timeline.

    Args:
        app: the app.
        show: shows a fork that is made there.
        engine: where the log comes from.
        run_id: the run.
        at: the event to begin at; 0 for the newest.
        fork: ask for a fork as soon as the log is there.
    """
    timeline = TimelineScreen(engine, run_id, at, fork=fork)
    app.push_screen(timeline, lambda forked: show(forked) if forked else None)


def open_prompts(app: "Host", show: Callable[[str], None], engine: "EnginePort", run_id: str, at: int = 0) -> None:
    """Show every call of a run, the newest before `at` first; from one a person may go on to its moment."""

    def gone_to(seq: int | None) -> None:
        if seq:
            open_timeline(app, show, engine, run_id, seq)

    app.push_screen(PromptScreen(Reel(engine, run_id), at, follow=True), gone_to)
