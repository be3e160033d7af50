"""The auditor reads an iteration's changes for vulnerabilities, after OWASP's top ten."""

from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from engine.agents.agent import Agent
from engine.events import AuditSubmitted, Event
from engine.task import Finding


class Audit(BaseModel):
    """The verdict with its findings."""

    model_config = ConfigDict(extra="forbid")
    verdict: Literal["approve", "revise"]
    findings: tuple[Finding, ...] = Field(
        default=(), description="Each with its OWASP category; critical sends the work back."
    )


def _to_event(session_id: str, result: BaseModel) -> Event:
    audit = cast(Audit, result)
    return AuditSubmitted(session_id=session_id, verdict=audit.verdict, findings=audit.findings)


AGENT = Agent(
    role="auditor",
    submit="submit_audit",
    purpose="Hand in the verdict and the vulnerabilities; a critical one sends the work back. This ends your turn.",
    result=Audit,
    to_event=_to_event,
    sections=("spec", "subtask", "project", "work", "changes", "steers"),
    tools=("read_file", "list_files", "search"),
)
