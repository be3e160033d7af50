"""The goals, whole: from a goal to a receipt, each with a real red test run on the way, on both sandbox backends."""

from pathlib import Path

import pytest

from engine import events as e
from engine.scripted.script import list_scripts, load_script
from sandbox.protocol import Backend
from tests.engine_fixtures import engine_config, scripted_engine, task_of
from tests.sandbox_fixtures import BACKENDS

GOALS = [script.name for script in list_scripts()]
ON_DOCKER = ("bookmarks-service", "bugfix-intervals", "roman-numerals", "slugify-node")
"""A service, a repository that was there, a library and Node.js: the others use nothing that these do not."""
CASES = [
    pytest.param(name, *backend.values, marks=backend.marks, id=f"{backend.values[0]}-{name}")
    for backend in BACKENDS
    for name in GOALS
    if backend.values[0] != "docker" or name in ON_DOCKER
]


def test_there_are_at_least_six_goals_of_different_kinds_and_two_for_the_demo() -> None:
    scripts = list_scripts()
    assert len(scripts) >= 6
    assert len({(script.project_type, script.language, bool(script.files)) for script in scripts}) >= 5
    assert sum(script.featured for script in scripts) >= 2


@pytest.mark.parametrize(("name", "backend"), CASES, indirect=["backend"])
async def test_a_goal_becomes_proven_code(
    name: str, backend: Backend, database_url: str, sandbox_workspace: Path
) -> None:
    script = load_script(name)
    home, folder = sandbox_workspace / "home", sandbox_workspace / "project"
    folder.mkdir()
    config = engine_config(database_url, home, **{"settings.sandbox.backend": backend.name})
    async with scripted_engine(config, script) as (engine, _):
        task = task_of(script, folder, review=True, audit=True, parallel_phases=2)
        before = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
        run_id = await engine.start(task)
        state = await engine.settled(run_id)
        log = await engine.log(run_id)
    after = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    assert state.outcome == "success", (state.status, state.paused, state.reason, state.iteration)
    assert state.receipt is not None
    assert state.receipt.backend == backend.name
    assert state.receipt.passed > 0
    assert after == before, "the person's folder is untouched until they accept the result"
    red = [one.event.report for one in log if isinstance(one.event, e.TestsFinished) and not one.event.report.green]
    assert red, "the scripted model is wrong at first"
    assert all(report.reason == "failed" for report in red)
    assert any("assert" in case.message.lower() for report in red for case in report.cases)
    reflections = [one.event for one in log if isinstance(one.event, e.ReflectionSubmitted)]
    assert len(reflections) == len(red)
    assert all(iteration.commit for iteration in state.iterations), "every iteration leaves a commit"
