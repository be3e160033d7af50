"""The reviewer reads an iteration's changes for bugs before they are tested."""

from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from engine.agents.agent import Agent
from engine.events import Event, ReviewSubmitted
from engine.task import Finding


class Review(BaseModel):
    """The verdict with its findings."""

    model_config = ConfigDict(extra="forbid")
    verdict: Literal["approve", "revise"]
    findings: tuple[Finding, ...] = Field(
        default=(), description="Only what matters, each with path, line, evidence and fix."
    )


def _to_event(session_id: str, result: BaseModel) -> Event:
    review = cast(Review, result)
    return ReviewSubmitted(session_id=session_id, verdict=review.verdict, findings=review.findings)


AGENT = Agent(
    role="reviewer",
    submit="submit_review",
    purpose="Hand in the verdict and your findings, each with place, evidence and fix. This ends your turn.",
    result=Review,
    to_event=_to_event,
    sections=("spec", "subtask", "project", "work", "changes", "measured", "blocking", "steers"),
    tools=("read_file", "list_files", "search"),
)
