"""The coder writes the code of one subtask, or mends it after a red test run."""

from typing import cast

from pydantic import BaseModel, ConfigDict, Field

from engine.agents.agent import Agent
from engine.events import Event, WorkSubmitted


class Work(BaseModel):
    """What the coder says it did."""

    model_config = ConfigDict(extra="forbid")
    summary: str = Field(min_length=1, description="What was written or changed, in a few sentences.")


def _to_event(session_id: str, result: BaseModel) -> Event:
    return WorkSubmitted(session_id=session_id, summary=cast(Work, result).summary)


AGENT = Agent(
    role="coder",
    submit="submit_work",
    purpose="Say what you did once the code is written. This ends your turn; the tests run next.",
    result=Work,
    to_event=_to_event,
    sections=(
        "spec",
        "plan",
        "subtask",
        "project",
        "packages",
        "hypothesis",
        "failure",
        "findings",
        "locked_tests",
        "listing",
        "steers",
    ),
    tools=("create_file", "edit_file", "read_file", "list_files", "search", "run_command"),
)
