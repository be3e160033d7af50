"""The way from one run to the screen that sets it beside another."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from miracle_tui.engine_port import EnginePort
    from miracle_tui.host import Host

MOST_RUNS = 200


async def compare_with_another(app: "Host", engine: "EnginePort", run_id: str) -> None:
    """Let a person choose another run and show the two side by side, the older one first."""
    from miracle_tui.screens.compare_screen import CompareScreen
    from widgets.dialogs.compare_dialog import CompareDialog

    runs = await engine.runs(MOST_RUNS)
    others = [run for run in runs if run.run_id != run_id]
    if not others:
        app.notify("There is no other run to compare with: f forks this one.", timeout=4)
        return
    state = await engine.state(run_id)
    likely = state.forked.source_run_id if state.forked else ""
    other = await app.push_screen_wait(CompareDialog(others, run_id, likely))
    if other is None:
        return
    began = {run.run_id: run.started_at for run in runs}
    pair = (run_id, other)
    if other == likely or (run_id in began and began[other] < began[run_id]):
        pair = (other, run_id)
    await app.push_screen(CompareScreen(engine, *pair))
