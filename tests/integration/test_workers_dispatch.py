"""What goes to the queue and what stays in the process; with what a worker works on a project's run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.config import Config
from config.errors import ConfigError
from engine.engine import Engine
from engine.llm.choose import make_model
from engine.task import Task
from engine.workers.surroundings import Surroundings
from memory.queue import QueuedRun, RunQueue
from memory.queue_schema import SCHEMA
from tests.engine_fixtures import engine_config

QUEUE = {"settings.orchestrator.execution": "queue", "settings.memory.embedder": "offline"}
SERVER = "http://127.0.0.1:9/v1"


def jobs(database_url: str, statement: str) -> list[tuple[Any, ...]]:
    """Ask or change the queue's tables."""
    with psycopg.connect(database_url, autocommit=True, options=f"-c search_path={SCHEMA}") as connection:
        done = connection.execute(statement.encode())
        return done.fetchall() if done.description else []


def waiting(database_url: str) -> list[tuple[Any, ...]]:
    return jobs(database_url, "select lock, priority from procrastinate_jobs where status = 'todo'")


@asynccontextmanager
async def engine_on(config: Config, scripted: str | None = None) -> AsyncIterator[Engine]:
    engine = await Engine.open(config, model=make_model(config, base_url=SERVER, scripted=scripted))
    try:
        yield engine
    finally:
        await engine.close()


@pytest.fixture
def config(database_url: str, tmp_path: Path) -> Config:
    return engine_config(database_url, tmp_path / "home", **QUEUE)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    folder = tmp_path / "project"
    folder.mkdir()
    return Task(goal="g", workspace=str(folder), priority=7)


async def test_starting_and_resuming_put_a_run_in_line_and_what_changes_nothing_does_not(
    config: Config, database_url: str, task: Task
) -> None:
    async with engine_on(config) as engine:
        run_id = await engine.start(task)
        assert engine.fleet.task(run_id) is None
    assert waiting(database_url) == [(run_id, 7)]
    async with engine_on(config) as engine:
        await engine.pause(run_id)
        jobs(database_url, "delete from procrastinate_jobs")
        await engine.steer(run_id, "wait")
        engine.drive(run_id)
    assert waiting(database_url) == [], "a paused run stays where it is"
    async with engine_on(config) as engine:
        await engine.resume(run_id)
        assert waiting(database_url) == [(run_id, 7)]
        assert not await engine.is_driven(run_id)


async def test_a_run_of_a_scripted_model_is_worked_on_where_the_model_is(
    config: Config, database_url: str, task: Task
) -> None:
    async with engine_on(config, scripted="here") as engine:
        run_id = await engine.start(task)
        assert engine.fleet.task(run_id) is not None
    assert jobs(database_url, f"select from pg_tables where schemaname = '{SCHEMA}'") == []


async def test_a_question_s_time_is_looked_after_by_the_queue(config: Config, database_url: str) -> None:
    async with engine_on(config) as engine:
        queue = RunQueue(engine.memory.database)
        later = datetime(2999, 1, 1, tzinfo=UTC)
        await queue.add(QueuedRun("r", "0" * 12, "p"), later)
        assert await queue.waiting() == {}
        assert jobs(database_url, "select scheduled_at from procrastinate_jobs") == [(later,)]


async def test_a_worker_uses_the_project_s_settings_and_the_server_that_was_named_for_the_run(
    config: Config, task: Task
) -> None:
    own = Path(task.workspace) / ".miracle"
    own.mkdir()
    (own / "settings.yaml").write_text("sandbox:\n  cpu_limit: 0.5\n")
    surroundings = Surroundings(config)
    try:
        found, client = await surroundings.of(task.model_copy(update={"base_url": SERVER}))
        assert found.settings.sandbox.cpu_limit == 0.5
        assert (found.paths, found.openai.api.base_url) == (config.paths, SERVER)
        assert (await surroundings.of(task.model_copy(update={"base_url": SERVER})))[1] is client
        assert (await surroundings.of(task))[1] is not client
        (own / "settings.yaml").write_text("sandbox:\n  cpu_limit: 64\n")
        with pytest.raises(ConfigError):
            await surroundings.of(task)
    finally:
        await surroundings.close()
