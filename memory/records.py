"""The values that cross between the store and the engine; the store knows no event kind by meaning."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True)
class NewEvent:
    """An event to append; `event_id` makes a retry after an unclear commit harmless."""

    event_id: str
    kind: str
    body: dict[str, Any]
    at: datetime | None = None
    """When it happened, so that rows made of it say the same; the server's time by default."""


@dataclass(frozen=True)
class StoredEvent:
    """A row of the log: (run_id, seq) is unique, seq counts from 1 without a gap."""

    run_id: str
    seq: int
    at: datetime
    event_id: str
    kind: str
    body: dict[str, Any]


Table = Literal["tasks", "runs", "iterations", "failures", "patterns", "metrics", "approvals", "recalls"]


@dataclass(frozen=True)
class Row:
    """A projection's row to upsert in the same transaction as the events it comes from."""

    table: Table
    key: dict[str, Any]
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredRule:
    """A person's standing rule as it lies in the table; `body` is the engine's."""

    rule_id: str
    topic: str
    project: str
    body: dict[str, Any]
    created_by: str = ""
    created_at: datetime | None = None
    uses: int = 0
    used_at: datetime | None = None


class Recollection(BaseModel):
    """A failure or pattern that memory offers, with its similarity in [-1, 1]."""

    model_config = ConfigDict(frozen=True)

    memory_id: str
    kind: Literal["failure", "pattern"] = "failure"
    similarity: float
    via: Literal["fingerprint", "context", "signature", "text"] = "context"
    title: str
    """The failure's signature line, or the pattern's problem type and the first line of its problem."""
    cause: str = ""
    solution: str = ""
    """What was tried, or a pattern's code."""
    fix: str = ""
    """The beginning of the diff that followed."""
    plan: str = ""
    """Of a pattern: what it was broken into."""
    outcome: str = ""
    """Of a failure: `open`, `solved`, `improved`, `unchanged`."""
    run_id: str = ""
    """The run that it comes from."""
    project: str = ""
    own_project: bool = True
    """False marks it untrusted in a prompt."""
    pinned: bool = False
    """Whether a person wants it recalled first."""
    shown: int = 0
    """How often it was shown to an agent before."""
    used: int = 0
    """How often an agent said that it used it."""
    helped: int = 0
    """How often what followed such a use was better."""
    harmed: int = 0
    """How often it was not."""
