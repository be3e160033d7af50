"""Packages in real runs: recognised before the tests and after, asked about, installed, refused. A local index."""

import asyncio
from pathlib import Path

import pytest

from config.config import Config
from engine import events as e
from engine.dependency_events import DependenciesInstalled
from engine.engine import Engine
from engine.integrity_events import MutantsTried, RedFirst
from engine.scripted.script import Script
from engine.state import State, Status
from sandbox.protocol import EnvSpec
from tests.engine_fixtures import engine_config, folder, scripted_engine, task_of
from tests.package_fixtures import package_index
from tests.sandbox_fixtures import make_backend
from tests.tiny_script import CODE, TESTS, WRONG, _call, _session, tiny_script

__all__ = ["folder"]

pytestmark = pytest.mark.bubblewrap


@pytest.fixture
async def config(database_url: str, sandbox_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A project's configuration where packages come from a folder and nowhere else."""
    backend = make_backend("bubblewrap")
    await backend.prepare(EnvSpec("python"))
    await backend.close()
    monkeypatch.setenv("UV_FIND_LINKS", str(package_index(sandbox_workspace / "index")))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    overrides = {
        "settings.sandbox.backend": "bubblewrap",
        "dependencies.python.allowed": ["alphapkg"],
        "dependencies.python.blocked": ["evilpkg", "worsepkg"],
    }
    return engine_config(database_url, sandbox_workspace / "home", **overrides)


def importing(*lines: str, late: str = "") -> Script:
    """A script whose code imports modules, and whose tests ask for one by name where `late` says so."""
    code = "\n".join((*lines, "def double(n: int) -> int:", f"    {late or 'pass'}", "    return 2 * n", ""))
    wrote = _call("create_file", path="double.py", content=code)
    coder = _session("coder", wrote, _call("submit_work", summary="wrote double"), visit=1)
    return tiny_script(extra=[coder])


async def settled(engine: Engine, run_id: str) -> State:
    async with asyncio.timeout(90):
        return await engine.settled(run_id)


def open_question(state: State) -> e.ApprovalRequested:
    (asked,) = state.pending_approvals
    return asked.request


async def until_asked(engine: Engine, run_id: str) -> e.ApprovalRequested:
    """The question about packages, the plan approved on the way."""
    state = await settled(engine, run_id)
    if state.pending_approvals and open_question(state).topic == "plan":
        await engine.answer(run_id, open_question(state).approval_id, "once")
        async with asyncio.timeout(90):
            async for item in engine.watch(run_id):
                if isinstance(item, e.Recorded) and getattr(item.event, "topic", "") == "dependency":
                    break
        state = await settled(engine, run_id)
    assert state.status == Status.WAITING, state.paused or state.reason
    return open_question(state)


async def over(engine: Engine, run_id: str) -> State:
    async with asyncio.timeout(90):
        async for item in engine.watch(run_id):
            if isinstance(item, e.Recorded) and item.event.kind in ("run_finished", "run_paused"):
                return await engine.state(run_id)
    raise AssertionError("the feed ended")


async def test_an_import_is_asked_about_before_the_tests_run_and_installed_by_hash(
    config: Config, folder: Path
) -> None:
    script = importing("import alphapkg", "assert alphapkg.VERSION == '1.2'")
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, approve="ask"))
        request = await until_asked(engine, run_id)
        assert (request.topic, request.subject) == ("dependency", "python alphapkg==1.2")
        assert [one.name for one in request.packages] == ["alphapkg", "betapkg"]
        assert "MIT" in request.detail
        assert "double.py:1" in request.detail
        assert "on the allowlist" in request.detail
        assert request.blast_radius.network
        await engine.answer(run_id, request.approval_id, "once")
        state = await over(engine, run_id)
        log = await engine.log(run_id)
    assert state.outcome == "success", state.reason or state.paused
    kinds = [one.event.kind for one in log]
    assert kinds.index("dependencies_installed") < kinds.index("tests_finished")
    assert kinds.count("tests_finished") == 1
    assert state.installed is not None
    assert state.installed.lock.count("--hash=sha256:") == 2
    assert len(state.iterations) == 1


async def test_what_the_tests_miss_is_installed_and_they_run_again_and_a_no_is_told_to_the_agent(
    config: Config, folder: Path
) -> None:
    late = "try:\n        import betapkg\n    except ImportError as e:\n        raise RuntimeError(str(e)) from e"
    script = importing("try:\n    import requets\nexcept ImportError:\n    requets = None", late=late)
    (folder / "requirements.txt").write_text("requets\n")
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, approve="ask"))
        request = await until_asked(engine, run_id)
        assert request.packages[0].resembles == "requests"
        assert "may be taken for requests" in request.detail
        await engine.answer(run_id, request.approval_id, "deny", reason="it is not requests")
        request = await until_asked(engine, run_id)
        assert request.subject == "python betapkg==1.0"
        await engine.answer(run_id, request.approval_id, "once")
        state = await over(engine, run_id)
        log = await engine.log(run_id)
    assert state.outcome == "success", state.reason or state.paused
    reports = [one.event.report for one in log if isinstance(one.event, e.TestsFinished)]
    assert [report.green for report in reports] == [False, True]
    assert len(state.iterations) == 1
    (refused,) = state.refused
    assert refused.name == "requets"
    assert "it is not requests" in refused.reason


async def test_the_policy_allows_what_is_listed_and_every_test_run_of_the_phase_has_it(
    config: Config, folder: Path
) -> None:
    guarded = "try:\n    import {0}\nexcept ImportError:\n    {0} = None"
    code = "\n".join((guarded.format("worsepkg"), guarded.format("gammapkg"), "import alphapkg", CODE))
    mended = _call("edit_file", path="double.py", old=WRONG, new=code)
    coder = _session("coder", mended, _call("submit_work", summary="doubles"), visit=1)
    script = tiny_script(extra=[coder], files={"double.py": WRONG}, tests=f"import alphapkg\n{TESTS}")
    (folder / "requirements.txt").write_text("worsepkg\ngammapkg>=2  # brings a blocked one\nnothere\n")
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, approve="all", mutants=1))
        state = await settled(engine, run_id)
        log = await engine.log(run_id)
    assert state.outcome == "success", state.reason or state.paused
    assert state.installed is not None
    assert [one.pin for one in state.installed.packages if one.direct] == ["alphapkg==1.2"]
    refused = {one.name: one.reason for one in state.refused}
    assert "blocks it" in refused["worsepkg"]
    assert "evilpkg" in refused["gammapkg"]
    assert "not found" in refused["nothere"]
    assert not any("evilpkg" in one.event.lock for one in log if isinstance(one.event, DependenciesInstalled))
    (on_base,) = (one.event for one in log if isinstance(one.event, RedFirst))
    assert [(one.verdict, "alphapkg" in one.detail) for one in on_base.results] == [("red", False)], on_base
    (tried,) = (one.event for one in log if isinstance(one.event, MutantsTried))
    assert (tried.tried, tried.caught, tried.note) == (1, 1, "")
    assert state.receipt is not None
    assert state.receipt.environment == state.installed.fingerprint


async def test_a_source_archive_takes_two_approvals(config: Config, folder: Path) -> None:
    script = importing("import srconly", "assert srconly.BUILT")
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, approve="ask"))
        first = await until_asked(engine, run_id)
        assert first.subject == "source archive: python srconly"
        log = await engine.log(run_id)
        assert not any(isinstance(one.event, DependenciesInstalled) for one in log)
        await engine.answer(run_id, first.approval_id, "once")
        second = await until_asked(engine, run_id)
        assert second.subject == "python srconly==0.3"
        await engine.answer(run_id, second.approval_id, "once")
        state = await over(engine, run_id)
    assert state.outcome == "success", state.reason or state.paused
