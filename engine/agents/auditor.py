"""The auditor reads an iteration's changes for vulnerabilities, after OWASP's top ten."""

from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from engine.agents.agent import Agent
from engine.events import AuditSubmitted, Event
from engine.state import State
from engine.task import Finding


class Audit(BaseModel):
    """The verdict with its findings."""

    model_config = ConfigDict(extra="forbid")
    verdict: Literal["approve", "revise"]
    findings: tuple[Finding, ...] = Field(
        default=(), description="Each with its OWASP category, path, line, evidence and fix."
    )


OWASP = (
    "A01:2021 Broken Access Control",
    "A02:2021 Cryptographic Failures",
    "A03:2021 Injection",
    "A04:2021 Insecure Design",
    "A05:2021 Security Misconfiguration",
    "A06:2021 Vulnerable and Outdated Components",
    "A07:2021 Identification and Authentication Failures",
    "A08:2021 Software and Data Integrity Failures",
    "A09:2021 Security Logging and Monitoring Failures",
    "A10:2021 Server-Side Request Forgery",
)
"""The ten categories, as findings name them."""


def category_of(said: str) -> str:
    """The category that a model means by a number, a name, or both; what it said where it means none of the ten."""
    wanted = said.strip().casefold()
    for category in OWASP:
        number, _, name = category.partition(" ")
        short = number.split(":")[0].casefold()
        if wanted and (wanted.startswith(short) or name.casefold() in wanted):
            return category
    return said


def _refuse(state: State, result: BaseModel) -> str:
    """A vulnerability that names no place cannot be mended, and none without a category be counted."""
    for finding in cast(Audit, result).findings:
        if finding.severity == "info":
            continue
        lacking = [name for name in ("category", "path", "detail", "fix") if not getattr(finding, name).strip()]
        if lacking:
            return f"The finding {finding.title!r} lacks {', '.join(lacking)}. Hand in all findings again, complete."
    return ""


def _to_event(session_id: str, result: BaseModel) -> Event:
    audit = cast(Audit, result)
    findings = tuple(one.model_copy(update={"category": category_of(one.category)}) for one in audit.findings)
    return AuditSubmitted(session_id=session_id, verdict=audit.verdict, findings=findings)


AGENT = Agent(
    role="auditor",
    submit="submit_audit",
    purpose="Hand in the verdict and the vulnerabilities, each with its place, evidence and fix. This ends your turn.",
    result=Audit,
    to_event=_to_event,
    sections=("spec", "subtask", "project", "work", "changes", "measured", "blocking", "steers"),
    tools=("read_file", "list_files", "search"),
    refuse=_refuse,
)
