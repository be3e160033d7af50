"""Whether a run may go on here: its code is not for another model to see than the one that it began with."""

from typing import TYPE_CHECKING

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.state import State
    from miracle_tui.engine_port import EnginePort


def check_model(engine: "EnginePort", state: "State") -> None:
    """See that a run would go on with the model and the server that it began with.

    Raises:
        EngineError: it would not.
    """
    task, model = state.task, engine.model
    if task is None:
        return
    other_script = task.scripted != model.scripted or (task.scripted and task.model_label != model.label)
    other_server = bool(task.base_url) and task.base_url != engine.config.openai.api.base_url
    if other_script or other_server:
        belongs = task.model_label if task.scripted else task.base_url or "another model"
        raise EngineError(
            f"This run belongs to {belongs}",
            f"`miracle resume {state.run_id}` goes on with it; here you can watch.",
        )
