"""The reflector finds the root cause of a red test run and gives the next iteration its hypothesis."""

from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from engine.agents.agent import Agent
from engine.events import Event, ReflectionSubmitted


class Reflection(BaseModel):
    """What went wrong, and what to change."""

    model_config = ConfigDict(extra="forbid")
    cause: str = Field(min_length=1, description="The root cause, not the symptom, with file and line.")
    hypothesis: str = Field(min_length=1, description="The specific change that will mend it, and why.")
    fault: Literal["code", "tests"] = Field(
        default="code", description="Whether the code or a test contradicts the spec."
    )
    used_memories: tuple[str, ...] = Field(default=(), description="Ids of the recalled failures that helped you.")


def _to_event(session_id: str, result: BaseModel) -> Event:
    return ReflectionSubmitted(session_id=session_id, **cast(Reflection, result).model_dump())


AGENT = Agent(
    role="reflector",
    submit="submit_reflection",
    purpose="Hand in the root cause and a specific, actionable hypothesis. This ends your turn.",
    result=Reflection,
    to_event=_to_event,
    sections=("spec", "subtask", "failure", "packages", "scan", "changes", "history", "memories", "steers"),
    tools=("read_file", "list_files", "search"),
)
