"""Lines about runs and questions, for the lists that people choose from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.task import BlastRadius


@dataclass(frozen=True)
class RunSummary:
    """A run in a list."""

    run_id: str
    title: str
    status: str
    stage: str
    outcome: str
    cost_usd: float
    tokens: int
    iterations: int
    phases_done: int
    phases_total: int
    started_at: datetime
    updated_at: datetime
    scripted: bool
    workspace: str

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "RunSummary":
        """The summary that a row of the `runs` table holds."""
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class PendingApproval:
    """A question that waits for a person."""

    run_id: str
    approval_id: str
    topic: str
    title: str
    asked_at: datetime
    blast_radius: BlastRadius = field(default_factory=BlastRadius)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "PendingApproval":
        """The question that a row of the `approvals` table holds."""
        radius = BlastRadius.model_validate(row["detail"].get("blast_radius") or {})
        return cls(row["run_id"], row["approval_id"], row["topic"], row["title"], row["asked_at"], radius)
