"""An engine over a real database and a real sandbox, with a scripted model behind real HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from config.config import Config
from config.load import load_config
from config.paths import find_paths
from engine.engine import Engine
from engine.llm.choose import make_model
from engine.scripted.script import Script
from engine.scripted.server import ScriptedServer
from engine.task import Task
from tests.database_fixtures import url_of
from tests.sandbox_fixtures import sandbox_paths


@pytest.fixture
def folder(sandbox_workspace: Path) -> Path:
    """The person's empty folder."""
    made = sandbox_workspace / "project"
    made.mkdir()
    return made


@pytest.fixture
def config(database_url: str, sandbox_workspace: Path) -> Config:
    """A configuration over a fresh database, with bubblewrap as its sandbox."""
    return engine_config(database_url, sandbox_workspace / "home", **{"settings.sandbox.backend": "bubblewrap"})


def engine_config(database_url: str | None, home: Path, **overrides: Any) -> Config:
    """A configuration of its own in `home`, with short waits between retries; the embedded server without a URL."""
    settings = {
        **({"database.postgresql.url": url_of(database_url)} if database_url else {}),
        "openai.retry.min_wait_seconds": 0.01,
        "openai.retry.max_wait_seconds": 0.05,
        **overrides,
    }
    paths = find_paths({"MIRACLE_HOME": str(home)})
    if not paths.environments.exists():
        # Tool environments are what is slow to make, and equal for every test.
        paths.data.mkdir(parents=True, exist_ok=True)
        sandbox_paths().environments.mkdir(parents=True, exist_ok=True)
        paths.environments.symlink_to(sandbox_paths().environments)
    return load_config(environ={}, overrides=settings, paths=paths)


@asynccontextmanager
async def scripted_engine(
    config: Config, script: Script | str, **server_options: Any
) -> AsyncIterator[tuple[Engine, ScriptedServer]]:
    """An engine whose model follows a script."""
    async with ScriptedServer(script, **server_options) as server:
        model = make_model(config, base_url=server.base_url, model="scripted", scripted=server.script.name)
        engine = await Engine.open(config, model=model)
        try:
            yield engine, server
        finally:
            await engine.close()


def task_of(script: Script, workspace: Path, **changes: Any) -> Task:
    """The script's goal as a task in a folder that holds the script's files."""
    for name, content in script.files.items():
        path = workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    values = {
        "goal": script.goal,
        "workspace": str(workspace),
        "project_type": script.project_type,
        "language": script.language,
        "verify": script.verify or "",
        "approve": "all",
    }
    return Task.model_validate(values | changes)


def processes_in(run_id: str) -> list[int]:
    """Processes that hold the run's worktree open, in whatever namespace they are."""
    found = []
    for process in psutil.process_iter():
        try:
            mounts = Path(f"/proc/{process.pid}/mountinfo").read_text()
        except OSError:
            continue
        if f"/worktrees/{run_id}" in mounts:
            found.append(process.pid)
    return found
