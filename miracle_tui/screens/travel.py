"""How the run screen comes to the timeline and to the prompts, and back."""

from typing import TYPE_CHECKING

from miracle_tui.reel import Reel
from miracle_tui.screens.prompt_screen import PromptScreen
from miracle_tui.screens.timeline_screen import TimelineScreen

if TYPE_CHECKING:
    from miracle_tui.engine_port import EnginePort
    from miracle_tui.screens.run_screen import RunScreen


def open_timeline(screen: "RunScreen", engine: "EnginePort", run_id: str, at: int = 0, *, fork: bool = False) -> None:
    """Show a run's timeline; a fork that is made there is shown by the run screen.

    Args:
        screen: the run screen.
        engine: where the log comes from.
        run_id: the run.
        at: the event to begin at; 0 for the newest.
        fork: ask for a fork as soon as the log is there.
    """
    timeline = TimelineScreen(engine, run_id, at, fork=fork)
    screen.app.push_screen(timeline, lambda forked: screen.show_run(forked) if forked else None)


def open_prompts(screen: "RunScreen", engine: "EnginePort", run_id: str) -> None:
    """Show every call of a run; from one of them a person may go on to its moment."""

    def gone_to(seq: int | None) -> None:
        if seq:
            open_timeline(screen, engine, run_id, seq)

    screen.app.push_screen(PromptScreen(Reel(engine, run_id), follow=True), gone_to)
