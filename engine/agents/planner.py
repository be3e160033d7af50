"""The planner breaks the spec into 2-5 testable subtasks with dependencies."""

from typing import cast

from pydantic import BaseModel

from engine.agents.agent import Agent
from engine.events import Event, PlanSubmitted
from engine.task import Plan


def _to_event(session_id: str, result: BaseModel) -> Event:
    return PlanSubmitted(session_id=session_id, plan=cast(Plan, result))


AGENT = Agent(
    role="planner",
    submit="submit_plan",
    purpose="Hand in the plan: 2-5 concrete, testable subtasks with their dependencies. This ends your turn.",
    result=Plan,
    to_event=_to_event,
    sections=("spec", "project", "listing", "patterns", "rejected_plan", "steers"),
    tools=("read_file", "list_files", "search"),
)
