"""Reads of the projections over a real PostgreSQL."""

from datetime import UTC, datetime

import pytest

from memory.database import Database
from memory.overview import contents_of, versions_of
from memory.projections import Projections
from memory.records import NewEvent, Row
from memory.store import EventStore
from tests.database_fixtures import database, database_url, postgres_server  # noqa: F401

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
async def filled(database: Database) -> Projections:  # noqa: F811
    store = EventStore(database)
    await store.create_run("r1")
    await store.append(
        "r1",
        [NewEvent("e1", "noted", {})],
        [
            Row("tasks", {"task_id": "t1"}, {"goal": "Parse 100%_of the CSV files", "language": "python"}),
            Row("runs", {"run_id": "r1"}, {"title": "CSV parser", "status": "running", "updated_at": NOW}),
            Row("runs", {"run_id": "r2"}, {"title": "web shop", "status": "success", "started_at": None}),
            Row("iterations", {"run_id": "r1", "number": 2}, {"hypothesis": "the header is skipped twice"}),
            Row("iterations", {"run_id": "r1", "number": 1}, {"error_message": "KeyError: 'amount'"}),
            Row("approvals", {"approval_id": "a1"}, {"run_id": "r1", "detail": {"n": [1]}, "asked_at": NOW}),
            Row("approvals", {"approval_id": "a2"}, {"run_id": "r1", "decision": "once", "answered_at": NOW}),
            Row("metrics", {"run_id": "r1", "metric_type": "tokens", "at": NOW}, {"value": 3, "metadata": {"m": "x"}}),
            Row("recalls", {"run_id": "r1", "iteration": 1, "memory_id": "f", "role": "planner"}, {"similarity": 1}),
            Row("failures", {"failure_id": "f1"}, {"error_signature": "KeyError: 'amount'", "solution": "use get"}),
            Row("patterns", {"pattern_id": "p1"}, {"problem_type": "csv", "code_template": "csv.DictReader"}),
        ],
        lease=None,
        after=0,
    )
    return Projections(database)


async def test_runs_and_what_belongs_to_them(filled: Projections) -> None:
    assert {run["run_id"] for run in await filled.runs()} == {"r1", "r2"}
    assert len(await filled.runs(1)) == 1
    assert await filled.run("none") is None
    assert await filled.find_runs("r") == ["r1", "r2"]
    assert await filled.find_runs("%") == []
    assert [(one["approval_id"], one["detail"]) for one in await filled.pending_approvals()] == [("a1", {"n": [1]})]


async def test_a_database_at_a_glance(filled: Projections, database: Database) -> None:  # noqa: F811
    found = await contents_of(database)
    assert found.bytes > 0
    assert found.oldest is not None
    assert (found.rows["runs"], found.rows["failures"], found.rows["events"]) == (2, 1, 1)
    assert set(await versions_of(database)) == {"postgresql", "pgvector", "schema"}
