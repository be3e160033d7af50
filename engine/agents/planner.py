"""The planner breaks the spec into 2-5 testable subtasks with dependencies."""

from typing import cast

from pydantic import BaseModel, ConfigDict, Field

from engine.agents.agent import Agent
from engine.events import Event, PlanSubmitted
from engine.task import Plan


class PlanWork(Plan):
    """A plan, and what it was made with."""

    model_config = ConfigDict(extra="forbid")
    used_memories: tuple[str, ...] = Field(default=(), description="Ids of the shown solutions that you used.")


def _to_event(session_id: str, result: BaseModel) -> Event:
    work = cast(PlanWork, result)
    plan = Plan.model_validate(work.model_dump(exclude={"used_memories"}))
    return PlanSubmitted(session_id=session_id, plan=plan, used_memories=work.used_memories)


AGENT = Agent(
    role="planner",
    submit="submit_plan",
    purpose="Hand in the plan: 2-5 concrete, testable subtasks with their dependencies. This ends your turn.",
    result=PlanWork,
    to_event=_to_event,
    sections=("spec", "project", "listing", "patterns", "rejected_plan", "steers"),
    tools=("read_file", "list_files", "search"),
)
