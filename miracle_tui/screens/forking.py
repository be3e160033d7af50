"""The way from a moment to a fork that is shown running."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from miracle_tui.belonging import check_model
from miracle_tui.trouble import trouble_of
from widgets.fork_facts import fork_facts

if TYPE_CHECKING:
    from engine.state import State
    from miracle_tui.engine_port import EnginePort
    from miracle_tui.host import Host
    from miracle_tui.reel import Reel
    from widgets.dialogs.fork_dialog import ForkSource


async def fork_from(app: "Host", reel: "Reel", seq: int, leave: Callable[[str], object]) -> None:
    """Ask what the fork shall be, make it, and go where it is shown.

    Args:
        app: the app.
        reel: the log of the run.
        seq: the event after which the fork begins.
        leave: told the fork's id once it runs.

    Raises:
        EngineError: the run belongs to a model that is not at hand here.
    """
    from widgets.dialogs.error_dialog import ErrorDialog
    from widgets.dialogs.fork_dialog import ForkDialog

    state = reel.state(seq)
    check_model(reel.engine, state)
    later = sum(moment.seq > seq for moment in reel.moments)
    source = _source(reel.engine, state, later, len(reel.moments))
    while (choice := await app.push_screen_wait(ForkDialog(source))) is not None:
        try:
            forked = await reel.engine.fork(
                reel.run_id,
                seq,
                hypothesis=choice.hypothesis,
                plan=choice.plan,
                models=choice.models,
                budget_usd=choice.budget_usd,
                max_iterations=choice.max_iterations,
                drive=False,
            )
        except Exception as exc:  # noqa: BLE001  said at once, with what was entered kept
            trouble = trouble_of(exc, "fork the run")
            await app.push_screen_wait(ErrorDialog(trouble.title, trouble.hint))
            source = replace(source, filled=choice)
        else:
            app.driven.add(forked)
            reel.engine.drive(forked)
            leave(forked)
            app.notify("The fork goes its own way from here. r switches between the runs.", title="Forked", timeout=6)
            return


def _source(engine: "EnginePort", state: "State", later: int, count: int) -> "ForkSource":
    from engine.agents.registry import agents
    from widgets.dialogs.fork_dialog import ForkSource

    task = state.task
    known = task.models if task else {}
    models = known or {role: engine.config.openai.sequence(role) for role in agents()}
    return ForkSource(
        run_id=state.run_id,
        place=f"moment {count - later} of {count}",
        facts=fork_facts(state, later=later),
        plan=state.plan,
        spec=state.spec,
        models=models,
        budget_usd=task.budget_usd if task else state.budget_usd,
        max_iterations=task.max_iterations if task else state.max_iterations,
    )
