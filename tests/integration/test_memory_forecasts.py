"""The runs that a forecast rests on, read from a real PostgreSQL."""

from datetime import UTC, datetime, timedelta

from memory.database import Database
from memory.forecasts import PastRun, past_runs
from memory.records import NewEvent, Row
from memory.store import EventStore
from tests.database_fixtures import database, database_url, postgres_server  # noqa: F401

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def rows(number: int, *, language: str = "python", **values: object) -> list[Row]:
    task = {"language": language, "project_type": "library"}
    run = {
        "task_id": f"t{number}",
        "workspace": "/here",
        "outcome": "success",
        "iterations": number,
        "phases_total": 2,
        "cost_usd": number / 100,
        "updated_at": NOW + timedelta(minutes=number),
    }
    return [Row("tasks", {"task_id": f"t{number}"}, task), Row("runs", {"run_id": f"r{number}"}, run | values)]


async def test_only_runs_that_ended_by_themselves_in_this_language_count(database: Database) -> None:  # noqa: F811
    store = EventStore(database)
    await store.create_run("r1")
    told = [
        *rows(1),
        *rows(2, outcome="failed", workspace="/there"),
        *rows(3, outcome="cancelled"),
        *rows(4, outcome=""),
        *rows(5, language="node"),
        *rows(6, scripted=True),
    ]
    await store.append("r1", [NewEvent("e1", "noted", {})], told, lease=None, after=0)
    found = await past_runs(database, workspace="/here", language="python", scripted=False)
    assert found == [PastRun(False, "library", 2, 2, 0.02), PastRun(True, "library", 2, 1, 0.01)]
    scripted = await past_runs(database, workspace="/here", language="python", scripted=True)
    assert [run.iterations for run in scripted] == [6]
