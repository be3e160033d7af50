"""The reprompter turns a goal into a structured spec, asking a person where the goal is vague."""

from typing import cast

from pydantic import BaseModel

from engine.agents.agent import Agent
from engine.events import Event, SpecSubmitted
from engine.task import Spec


def _to_event(session_id: str, result: BaseModel) -> Event:
    return SpecSubmitted(session_id=session_id, spec=cast(Spec, result))


AGENT = Agent(
    role="reprompter",
    submit="submit_spec",
    purpose="Hand in the structured spec of the goal. This ends your turn.",
    result=Spec,
    to_event=_to_event,
    sections=("goal", "choices", "project", "listing", "steers"),
    tools=("ask_person", "read_file", "list_files", "search"),
)
