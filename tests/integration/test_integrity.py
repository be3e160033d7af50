"""What the tests of a run hold to, prove and catch, in real runs: the ledger, the phase's base, and mutants."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.config import Config
from engine import events as e
from engine.engine import Engine
from engine.integrity_events import MutantsTried, RedFirst, TestsCompared, TestsReturned
from engine.scripted.script import Script
from engine.state import State, Status
from engine.steps.integrity import Seen, lost_between
from tests.engine_fixtures import config, folder, scripted_engine, task_of
from tests.tiny_script import CODE, WRONG, tiny_script

__all__ = ["config", "folder"]

pytestmark = pytest.mark.bubblewrap

VACUOUS = "from double import double\n\n\ndef test_double():\n    assert double(2) == 4\n"
PROVING = VACUOUS.replace("double(2) == 4", "double(3) == 6")
TWO = "\n\ndef test_zero():\n    assert double(0) == 1\n"
NODE = "const double = (n) => (n > 100 ? 0 : 2 * n);\nmodule.exports = { double };\n"
NODE_TESTS = """const test = require('node:test');
const assert = require('node:assert');
const { double } = require('../double.js');
test('doubles', () => {
  assert.strictEqual(double(3), 6);
});
"""


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"text": f"I call {name}.", "calls": [{"name": name, "arguments": arguments}]}


def session(role: str, visit: int, *turns: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "visit": visit, "turns": list(turns)}


def by_tester(visit: int, name: str = "tests/test_double.py", **how: str) -> dict[str, Any]:
    """The tester writes a file (`content`), or changes one (`old`, `new`), and hands it in."""
    write = call("create_file" if "content" in how else "edit_file", path=name, **how)
    return session("tester", visit, write, call("submit_tests", files=[name]))


async def finished(engine: Engine, run_id: str) -> State:
    async with asyncio.timeout(90):
        return await engine.settled(run_id)


def of_kind(log: list[e.Recorded], kind: type) -> list[Any]:
    return [one.event for one in log if isinstance(one.event, kind)]


async def test_a_test_that_passes_on_the_base_goes_back_and_mutants_are_counted(config: Config, folder: Path) -> None:
    mended = call("edit_file", path="double.py", old="n + 2", new="2 * n")
    sessions = [
        session("coder", 1, mended, call("submit_work", summary="doubles")),
        by_tester(1, content=VACUOUS),
        by_tester(2, old="double(2) == 4", new="double(3) == 6"),
    ]
    script = tiny_script(extra=sessions, files={"double.py": WRONG})
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, mutants=3))
        state = await finished(engine, run_id)
        log = await engine.log(run_id)
    assert state.outcome == "success", (state.paused, state.reason)
    first, second = of_kind(log, RedFirst)
    assert [(one.test, one.verdict) for one in first.results] == [("tests/test_double.py::test_double", "passes")]
    assert [one.verdict for one in second.results] == ["red"]
    (returned,) = of_kind(log, TestsReturned)
    assert (returned.to, returned.why, returned.number) == ("tester", "proves_nothing", 1)
    prompts = [one.messages[-1].content for one in of_kind(log, e.SessionOpened) if one.role == "tester"]
    assert returned.reason not in prompts[0]
    assert returned.reason in prompts[1]
    roles = [one.role for one in of_kind(log, e.SessionOpened)]
    assert roles.count("coder") == 1, "the code was right"
    (tried,) = of_kind(log, MutantsTried)
    assert (tried.tried, tried.caught, tried.survivors) == (3, 3, ()), tried
    assert [one.losses for one in of_kind(log, TestsCompared)] == [(), ()]


async def test_a_removed_test_waits_for_a_person_and_is_restored_when_they_say_no(config: Config, folder: Path) -> None:
    """What a new project's own settings say from its first tests on is no loss."""
    blamed = call("submit_reflection", cause="the test is wrong", hypothesis="mend it", fault="tests")
    settings = '[tool.pytest.ini_options]\npythonpath = ["."]\ntestpaths = ["tests"]\n'
    wrote = [
        call("create_file", path="pyproject.toml", content=settings),
        call("create_file", path="double.py", content=CODE),
    ]
    sessions = [
        session("coder", 1, *wrote, call("submit_work", summary="doubles")),
        by_tester(1, content=PROVING + TWO),
        session("reflector", 1, blamed),
        by_tester(2, old=TWO, new="\n"),
        by_tester(3, old="== 6\n", new="== 6" + TWO.replace("== 1", "== 0")),
    ]
    script = tiny_script(extra=sessions)
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, approve="safe"))
        state = await finished(engine, run_id)
        assert state.status == Status.WAITING, (state.paused, state.reason)
        (asked,) = state.pending_approvals
        assert asked.request.topic == "tests"
        assert asked.request.subject == "tests/test_double.py::test_zero was removed"
        assert asked.request.blast_radius.paths == ("tests/test_double.py",)
        await engine.answer(run_id, asked.request.approval_id, "deny", reason="zero matters")
        state = await finished(engine, run_id)
        log = await engine.log(run_id)
    assert state.outcome == "success", (state.status, state.paused, state.reason)
    (returned,) = of_kind(log, TestsReturned)
    assert (returned.why, returned.number) == ("losses", 2)
    assert "zero matters" in returned.reason
    assert [len(one.losses) for one in of_kind(log, TestsCompared)] == [1, 0]
    assert state.receipt is not None
    assert "tests/test_double.py::test_zero" in state.receipt.tests
    assert not of_kind(log, RedFirst)[-1].duration_s, "a new module cannot be read on its base: nothing was run"


def test_settings_are_measured_by_the_first_commit_that_has_tests_or_settings() -> None:
    own = {"pytest.ini": {"testpaths": "tests"}}
    tested = {"tests/test_a.py": ("100644", "0")}
    later = Seen({}, {"pytest.ini": {"pythonpath": "fakes"}}, tested)
    for before, lost in (
        ([Seen({}, {}, {}), Seen({}, later.settings, tested)], 0),
        ([Seen({}, {}, {}), Seen({}, later.settings, {}), Seen({}, {}, tested)], 0),
        ([Seen({}, {}, {}), Seen({}, {}, tested)], 1),
        ([Seen({}, own, {}), Seen({}, later.settings, tested)], 1),
    ):
        assert len(lost_between(before, later)) == lost, before


async def test_an_acceptance_script_that_an_agent_changed_waits_for_a_person(config: Config, folder: Path) -> None:
    eased = call("create_file", path="accept.sh", content="true\n", overwrite=True)
    wrote = call("edit_file", path="double.py", old="n + 2", new="2 * n")
    sessions = [
        session("coder", 1, wrote, eased, call("submit_work", summary="eased")),
        by_tester(1, content=PROVING),
    ]
    files = {"double.py": WRONG, "accept.sh": "python3 -c 'from double import double as d; assert d(9) == 18'\n"}
    script = tiny_script(extra=sessions, files=files, verify="sh accept.sh")
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, approve="safe"))
        state = await finished(engine, run_id)
    assert state.status == Status.WAITING, (state.paused, state.reason)
    (asked,) = state.pending_approvals
    assert asked.request.topic == "tests"
    assert asked.request.subject == "accept.sh was changed, and the acceptance command runs it"


async def test_node_tests_are_run_on_the_base_and_on_mutants(config: Config, folder: Path) -> None:
    fixed = call("edit_file", path="double.js", old="n + 2", new="n > 100 ? 0 : 2 * n")
    sessions = [
        session("coder", 1, fixed, call("submit_work", summary="doubles")),
        by_tester(1, "test/double.test.js", content=NODE_TESTS),
    ]
    before = NODE.replace("n > 100 ? 0 : 2 * n", "n + 2")
    script = tiny_script(extra=sessions, files={"double.js": before, "package.json": "{}"}, language="node")
    async with scripted_engine(config, _in_node(script)) as (engine, _):
        run_id = await engine.start(task_of(script, folder, mutants=8))
        state = await finished(engine, run_id)
        log = await engine.log(run_id)
    assert state.outcome == "success", (state.paused, state.reason)
    (red,) = of_kind(log, RedFirst)
    assert [(one.test, one.verdict) for one in red.results] == [("test/double.test.js > doubles", "red")]
    (tried,) = of_kind(log, MutantsTried)
    assert 0 < tried.caught < tried.tried <= 8, "nothing tests what is above 100"
    assert any("100" in mutant.before for mutant in tried.survivors)
    assert state.iterations[-1].mutants == tried, "survivors never hold a run up by themselves"


def _in_node(script: Script) -> Script:
    """The script with a spec that says Node.js."""
    text = script.model_dump_json().replace('"language":"python"', '"language":"node"')
    return Script.model_validate_json(text)
