"""Reads of the projections over a real PostgreSQL."""

from datetime import UTC, datetime

import pytest

from memory.database import Database
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
    assert [run["run_id"] for run in await filled.runs(status="success")] == ["r2"]
    assert await filled.run("none") is None
    assert await filled.find_runs("r") == ["r1", "r2"]
    assert await filled.find_runs("%") == []
    task = await filled.task("t1")
    assert task is not None
    assert task["language"] == "python"
    assert [one["number"] for one in await filled.iterations("r1")] == [1, 2]
    assert [one["approval_id"] for one in await filled.approvals(pending_only=True)] == ["a1"]
    assert (await filled.approvals())[0]["detail"] == {"n": [1]}
    assert [one["metadata"] for one in await filled.metrics("r1")] == [{"m": "x"}]
    assert [one["memory_id"] for one in await filled.recalls("r1")] == ["f"]


async def test_projections_can_be_measured(filled: Projections) -> None:
    size = await filled.size()
    assert size.bytes > 0
    assert size.rows["runs"] == 2
    assert size.oldest is not None
    assert (size.rows["failures"], size.rows["events"]) == (1, 1)
