"""The replanner writes the subtask of a phase anew that goes in circles."""

from typing import cast

from pydantic import BaseModel

from engine.agents.agent import Agent
from engine.events import Event, PhaseReplanned
from engine.state import State
from engine.task import Subtask


def _to_event(session_id: str, result: BaseModel) -> Event:
    subtask = cast(Subtask, result)
    return PhaseReplanned(session_id=session_id, phase_id=subtask.id, subtask=subtask)


def _refuse(state: State, result: BaseModel) -> str:
    """The place in the plan is not the replanner's to change."""
    subtask = cast(Subtask, result)
    waiting = next((phase for phase in state.phases if phase.id == subtask.id), None)
    if waiting is None or not waiting.escalations or waiting.escalations[-1].step != "replan" or waiting.replanned:
        stuck = [p.id for p in state.phases if p.escalations and p.escalations[-1].step == "replan" and not p.replanned]
        return f"The id of the subtask stays as it was: {' or '.join(stuck)}."
    kept = waiting.subtask.depends_on
    if set(subtask.depends_on) != set(kept):
        return f"What the subtask depends on stays as it was: {', '.join(kept) or 'nothing'}."
    return ""


AGENT = Agent(
    role="replanner",
    submit="submit_subtask",
    purpose="Hand in the subtask as it is to be tried from now on, with its id and dependencies. This ends your turn.",
    result=Subtask,
    to_event=_to_event,
    sections=("spec", "plan", "subtask", "circles", "failure", "listing", "locked_tests", "steers"),
    tools=("read_file", "list_files", "search"),
    refuse=_refuse,
)
