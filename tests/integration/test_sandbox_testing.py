"""Real test runs on both backends: live events, every outcome, messages, a clean workspace."""

import asyncio
import os
from pathlib import Path

from sandbox.environments import prepare_environment
from sandbox.protocol import Backend, EnvSpec, ExecEvent, Limits, Output, Started, TestEvent
from sandbox.testing import TestRequest, run_command, run_tests
from tests.sandbox_fixtures import sandbox_paths

PYTHON = """
import pytest
from hypothesis import given, strategies as st

def test_passes(): pass
def test_fails():
    print("said before")
    assert {"a": 1} == {"a": 2}
@given(st.integers())
def test_property(x): assert x < 100
def test_skips(): pytest.skip("because")
@pytest.mark.xfail
def test_expected(): assert False
@pytest.mark.xfail
def test_unexpected(): pass
@pytest.fixture
def broken(): raise ValueError("no fixture")
def test_error(broken): pass
@pytest.mark.parametrize("n", [1, 2])
def test_many(n): pass
"""
OUTCOMES = {
    "test_passes": "passed",
    "test_fails": "failed",
    "test_property": "failed",
    "test_skips": "skipped",
    "test_expected": "xfailed",
    "test_unexpected": "xpassed",
    "test_error": "error",
    "test_many[1]": "passed",
    "test_many[2]": "passed",
}
NODE = """
import { test, describe, it } from 'node:test';
import assert from 'node:assert';
test('passes', () => {});
test('fails', () => { assert.equal(1, 2); });
describe('suite', () => { it('inner', () => {}); it('skips', { skip: true }, () => {}); });
test('twice', () => {}); test('twice', () => {});
"""


async def test_every_outcome_of_pytest(backend: Backend, sandbox_workspace: Path) -> None:
    (sandbox_workspace / "test_all.py").write_text(PYTHON)
    events: list[ExecEvent] = []
    report = await run_tests(backend, TestRequest("t", sandbox_workspace, "python", "pytest"), events.append)
    assert {case.id.split("::")[1]: case.outcome for case in report.cases} == OUTCOMES, report.output
    assert (report.reason, report.exit_code, report.collected) == ("failed", 1, len(OUTCOMES))
    messages = {case.id.split("::")[1]: case.message for case in report.cases}
    assert "{'a': 1} == {'a': 2}" in messages["test_fails"]
    assert "x=100" in messages["test_property"]
    assert "no fixture" in messages["test_error"]
    assert "said before" in report.output
    assert "\x1e" not in report.output
    assert isinstance(events[0], Started)
    kinds = [event.kind for event in events if isinstance(event, TestEvent)]
    assert kinds[0] == "collected"
    assert kinds[-1] == "finished"
    assert kinds.count("case") == len(OUTCOMES)
    assert os.listdir(sandbox_workspace) == ["test_all.py"]


async def test_reports_come_while_tests_run(backend: Backend, sandbox_workspace: Path) -> None:
    (sandbox_workspace / "test_slow.py").write_text("import time\ndef test_1(): pass\ndef test_2(): time.sleep(60)\n")
    first = asyncio.Event()

    def listen(event: ExecEvent) -> None:
        if isinstance(event, TestEvent) and event.case:
            first.set()

    run = asyncio.create_task(run_tests(backend, TestRequest("slow", sandbox_workspace, "python", "pytest"), listen))
    await asyncio.wait_for(first.wait(), 30)
    assert not run.done()
    await backend.cancel("slow")
    report = await asyncio.wait_for(run, 10)
    assert report.reason == "cancelled"
    assert [case.outcome for case in report.cases] == ["passed"]
    assert not report.green


async def test_selection_and_source_layout(backend: Backend, sandbox_workspace: Path) -> None:
    (sandbox_workspace / "src" / "pack").mkdir(parents=True)
    (sandbox_workspace / "src" / "pack" / "__init__.py").write_text("X = 1\n")
    (sandbox_workspace / "own.py").write_text("Y = 2\n")
    (sandbox_workspace / "tests").mkdir()
    (sandbox_workspace / "tests" / "test_a.py").write_text(
        "from pack import X\nfrom own import Y\nimport subprocess, sys\n"
        "def test_a(): assert X + Y == 3\n"
        "def test_b(): subprocess.run([sys.executable, '-c', 'import pack, own'], check=True)\n"
        "def test_c():\n"
        "    import socket\n"
        "    with socket.create_server(('localhost', 0)) as server:\n"
        "        socket.create_connection(('localhost', server.getsockname()[1])).close()\n"
    )
    (sandbox_workspace / "tests" / "test_broken.py").write_text("def f(:\n")
    request = TestRequest("t", sandbox_workspace, "python", "pytest", selection=("tests/test_a.py",))
    report = await run_tests(backend, request, lambda _: None)
    assert report.green, report.output
    report = await run_tests(backend, TestRequest("t", sandbox_workspace, "python", "pytest"), lambda _: None)
    assert [(case.id, case.outcome) for case in report.cases] == [("tests/test_broken.py", "error")]
    assert "SyntaxError" in report.cases[0].message


async def test_node_outcomes(backend: Backend, sandbox_workspace: Path) -> None:
    (sandbox_workspace / "all.test.mjs").write_text(NODE)
    report = await run_tests(backend, TestRequest("t", sandbox_workspace, "node", "node"), lambda _: None)
    assert {case.id.removeprefix("all.test.mjs > "): case.outcome for case in report.cases} == {
        "passes": "passed",
        "fails": "failed",
        "suite > inner": "passed",
        "suite > skips": "skipped",
        "twice": "passed",
        "twice (2)": "passed",
    }, report.output
    failed = next(case for case in report.cases if case.outcome == "failed")
    assert "1 == 2" in failed.message or "1 !== 2" in failed.message
    (sandbox_workspace / "all.test.mjs").write_text(NODE.replace("assert.equal(1, 2)", ""))
    report = await run_tests(backend, TestRequest("t", sandbox_workspace, "node", "node"), lambda _: None)
    assert report.green, report.output


async def test_commands(backend: Backend, sandbox_workspace: Path) -> None:
    request = TestRequest("t", sandbox_workspace, "python", "command", command=("sh", "-c", "echo out; exit 3"))
    report = await run_tests(backend, request, lambda _: None)
    assert (report.reason, report.exit_code, report.green, report.failed) == ("failed", 3, False, 1)
    lines: list[str] = []
    outcome = await run_command(
        backend, "python --version && echo a > made && cat made", run_id="t", workspace=sandbox_workspace,
        on_event=lambda event: lines.append(event.text) if isinstance(event, Output) else None,
    )  # fmt: skip
    assert (outcome.exit_code, outcome.reason) == (0, "ok")
    assert outcome.output == "".join(lines)
    assert outcome.output.endswith("a\n")
    limits = Limits(timeout_s=60)
    noisy = "import sys\nfor i in range(20000): print(i)"
    outcome = await run_command(
        backend, ("python3", "-c", noisy), run_id="t", workspace=sandbox_workspace, limits=limits
    )
    assert "characters left out" in outcome.output
    assert outcome.output.endswith("19999\n")


async def test_a_command_may_close_its_output_and_go_on(backend: Backend, sandbox_workspace: Path) -> None:
    script = "exec >&- 2>&-; sleep 0.5; touch made"
    outcome = await run_command(backend, script, run_id="t", workspace=sandbox_workspace)
    assert (outcome.reason, outcome.exit_code) == ("ok", 0)
    assert (sandbox_workspace / "made").exists()
    limits = Limits(timeout_s=1)
    outcome = await run_command(
        backend, "exec >&- 2>&-; sleep 60", run_id="t", workspace=sandbox_workspace, limits=limits
    )
    assert outcome.reason == "timeout"


async def test_an_unreachable_workspace_is_said(backend: Backend, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "work").mkdir(parents=True)
    closed.chmod(0o000)
    outcome = await run_command(backend, ("true",), run_id="t", workspace=closed / "work")
    closed.chmod(0o755)
    assert outcome.reason == "backend_lost"
    assert "cannot reach" in outcome.detail


async def test_one_environment_for_all_who_ask_at_once(tmp_path: Path) -> None:
    spec = EnvSpec("python")
    made = await asyncio.gather(
        *(prepare_environment(spec, tmp_path / "envs", sandbox_paths().cache, (3, 12)) for _ in range(3))
    )
    assert len({env.root for env in made}) == 1
    root = made[0].root
    assert root is not None
    assert [path.name for path in (tmp_path / "envs").iterdir() if not path.name.startswith(".")] == [root.name]
    assert list((root / "python").rglob("*cpython-312*.so"))
    assert (root / "runners" / "reporter.py").stat().st_mode & 0o222 == 0
