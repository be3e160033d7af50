"""The declared schema: the log, and the projections that can be rebuilt from it.

The tables of vectors are not here: there is one set for each embedding model, made when the model is first used.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _real(name: str) -> Column[float]:
    return Column(name, Double, nullable=False, server_default="0")


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def _json(name: str) -> Column[object]:
    return Column(name, JSONB, nullable=False, server_default=text("'{}'::jsonb"))


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def _when(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


streams = Table(
    "streams",
    metadata,
    Column("run_id", Text, primary_key=True),
    _count("last_seq"),
    _count("epoch"),
    _text("holder"),
    _now("created_at"),
    _when("leased_at"),
)
"""One row a run: the end of its log, and who may write to it."""

events = Table(
    "events",
    metadata,
    Column("run_id", Text),
    Column("seq", BigInteger, autoincrement=False),
    _now("at"),
    Column("event_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    PrimaryKeyConstraint("run_id", "seq"),
    UniqueConstraint("event_id"),
)
"""The log. A row is never changed."""

tasks = Table(
    "tasks",
    metadata,
    Column("task_id", Text, primary_key=True),
    _text("goal"),
    _text("project_type"),
    _text("language"),
    _text("workspace"),
    _text("status"),
    _count("iterations"),
    _now("created_at"),
    _when("finished_at"),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    _text("task_id"),
    _text("title"),
    _text("goal"),
    _text("workspace"),
    _text("status"),
    _text("stage"),
    _text("outcome"),
    _text("branch"),
    _text("model_label"),
    _flag("scripted"),
    _real("cost_usd"),
    _count("tokens"),
    _count("iterations"),
    _count("phases_total"),
    _count("phases_done"),
    _now("started_at"),
    _now("updated_at"),
    _when("finished_at"),
    Index(None, "updated_at"),
    Index(None, "task_id"),
)

iterations = Table(
    "iterations",
    metadata,
    Column("run_id", Text),
    Column("number", Integer, autoincrement=False),
    _text("phase_id"),
    _text("stage"),
    _text("outcome"),
    _text("hypothesis"),
    _text("cause"),
    _text("reflection"),
    _count("passed"),
    _count("failed"),
    _text("error_message"),
    _text("commit"),
    _count("tokens_used"),
    _real("cost_usd"),
    _real("duration_seconds"),
    _now("started_at"),
    PrimaryKeyConstraint("run_id", "number"),
)

failures = Table(
    "failures",
    metadata,
    Column("failure_id", Text, primary_key=True),
    _text("run_id"),
    _count("iteration"),
    _text("project"),
    _text("language"),
    _text("kind"),
    _text("error_type"),
    _text("error_signature"),
    Column("fingerprint", LargeBinary, nullable=False, server_default=text("''::bytea")),
    _text("message"),
    _text("ctx_text"),
    _text("sig_text"),
    _text("cause"),
    _text("hypothesis"),
    _text("solution"),
    _text("fix"),
    _text("code_context"),
    Column("helped", Boolean),
    Column("outcome", Text, nullable=False, server_default="open"),
    _now("at"),
    Index(None, "fingerprint"),
    Index(None, "project"),
    Index(None, "run_id"),
)
"""What failed.

`kind` is `test`, `error`, `scan` or a limit's name. `solution` is what was tried, `fix` the diff of it; `helped` is
null until it is known whether it did, and `outcome` says the same in words: `open`, `solved`, `improved`, `unchanged`.
"""

patterns = Table(
    "patterns",
    metadata,
    Column("pattern_id", Text, primary_key=True),
    _text("problem_type"),
    _text("project"),
    _text("language"),
    _text("description"),
    _text("plan"),
    _text("code_template"),
    _text("test_template"),
    _now("created_at"),
    _now("updated_at"),
)

metrics = Table(
    "metrics",
    metadata,
    Column("run_id", Text),
    Column("metric_type", Text),
    Column("at", DateTime(timezone=True), server_default=func.now()),
    _real("value"),
    _json("metadata"),
    PrimaryKeyConstraint("run_id", "metric_type", "at"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("approval_id", Text, primary_key=True),
    _text("run_id"),
    _text("topic"),
    _text("title"),
    _json("detail"),
    _text("decision"),
    _text("reason"),
    _text("by"),
    _now("asked_at"),
    _when("answered_at"),
    Index(None, "run_id"),
)
"""Questions to a person; `decision` is empty while one waits."""

approval_rules = Table(
    "approval_rules",
    metadata,
    Column("rule_id", Text, primary_key=True),
    _text("topic"),
    _text("project"),
    _json("body"),
    _text("created_by"),
    _now("created_at"),
)
"""What a person allowed for good. No projection: a rule is a person's wish for all runs, of no single log."""

recalls = Table(
    "recalls",
    metadata,
    Column("run_id", Text),
    Column("iteration", Integer, autoincrement=False),
    Column("role", Text, server_default=""),
    Column("memory_id", Text),
    _text("kind"),
    _text("via"),
    _real("similarity"),
    _flag("used"),
    Column("helped", Boolean),
    _now("at"),
    PrimaryKeyConstraint("run_id", "iteration", "role", "memory_id"),
    Index(None, "memory_id"),
)
"""Which memory was shown to which agent, in iteration 0 to the planner, and what came of it.

`used` is what the agent said; `helped` is null unless it was used and the outcome is known.
"""

memory_marks = Table(
    "memory_marks",
    metadata,
    Column("memory_id", Text, primary_key=True),
    _flag("pinned"),
    _flag("forgotten"),
    _text("by"),
    _now("at"),
)
"""What a person thinks of a memory. No projection: it survives a rebuild, and what it is about."""

pruned_runs = Table(
    "pruned_runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    _text("title"),
    _text("outcome"),
    _when("ended_at"),
    _count("events"),
    Column("lessons", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    _now("at"),
)
"""Runs whose logs were removed; `lessons` are their failures, patterns and recalls, which no log gives again."""

history = Table(
    "history",
    metadata,
    Column("kind", Text),
    Column("id", Text),
    _text("run_id"),
    _text("project"),
    _text("language"),
    _text("outcome"),
    _now("at"),
    _text("title"),
    _text("body"),
    PrimaryKeyConstraint("kind", "id"),
    Index("ix_history_at", "at", "kind", "id"),
    Index("ix_history_kind", "kind", "at", "id"),
    Index("ix_history_language", "language", "at", "kind", "id"),
    Index("ix_history_project", "project", "at", "kind", "id"),
    Index("ix_history_run_id", "run_id"),
    Index("ix_history_grams", text("history_grams(body)"), postgresql_using="gin"),
)
"""What the history searches: a row for each task, run, iteration, failure and pattern, which triggers on those keep."""

rebuilds = Table(
    "rebuilds",
    metadata,
    Column("rebuild_id", SmallInteger, primary_key=True, autoincrement=False),
    _text("after_run"),
    _count("runs"),
    _count("rows"),
    _now("started_at"),
)
"""How far a rebuild of the projections is; no row while none is under way."""

embed_model = Table(
    "embed_model",
    metadata,
    Column("model_id", SmallInteger, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("dimensions", Integer, nullable=False),
    Column("threshold", Double, nullable=False),
    _now("created_at"),
    _flag("active"),
    _now("used_at"),
    _real("spent_usd"),
    _text("problem"),
    UniqueConstraint("name", "dimensions"),
)
"""The registry of embedding models; a model's vectors lie in the tables `emb_<model_id>_<view>`.

Active is what everything has vectors of. `spent_usd` is what those cost that came later than their rows; `problem` is
why there are no more of them just now.
"""

embedding_cache = Table(
    "embedding_cache",
    metadata,
    Column("model", Text),
    Column("digest", LargeBinary),
    Column("vector", LargeBinary, nullable=False),
    _now("created_at"),
    PrimaryKeyConstraint("model", "digest"),
    Index(None, "created_at"),
)
"""Paid vectors as little-endian float32, by model and the text's SHA-256."""

PROJECTIONS: dict[str, Table] = {
    table.name: table for table in (tasks, runs, iterations, failures, patterns, metrics, approvals, recalls)
}
"""The tables that a `Row` may name."""
