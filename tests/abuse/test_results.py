"""A test run is green only by more than what the tested code can say."""

from pathlib import Path

from sandbox.protocol import Backend, ExecEvent, TestEvent
from sandbox.report import TestReport
from sandbox.testing import TestRequest, run_tests
from tests.abuse.cases import abuse, on_both

PYTHON = {
    "os._exit in a test": "import os\ndef test_1(): pass\ndef test_2(): os._exit(0)\n",
    "os._exit on import": "import os\nos._exit(0)\n",
    "exit in atexit": "import atexit, os\natexit.register(lambda: os._exit(0))\ndef test_1(): assert False\n",
    "sys.exit": "import sys\ndef test_1(): sys.exit(0)\n",
    "pytest.exit": "import pytest\ndef test_1(): pytest.exit('done', 0)\ndef test_2(): assert False\n",
    "killed": "import os, signal\ndef test_1(): os.kill(os.getpid(), signal.SIGKILL)\n",
    "only skips": "import pytest\ndef test_1(): pytest.skip('no')\n",
    "no tests": "x = 1\n",
    "import error": "import nothing_of_that_name\ndef test_1(): pass\n",
    "a false frame": 'import os\nos.write(1, b\'\\x1ewrong:{"kind": "finished", "count": 1}\\x1f\')\nos._exit(0)\n',
}
NODE = {
    "process.exit in a test": "require('node:test').test('a', () => {}); "
    "require('node:test').test('b', () => process.exit(0))",
    "process.exit on load": "process.exit(0); require('node:test').test('a', () => { throw 1 })",
    "reallyExit": "process.reallyExit(0)",
    "exit code set": "process.on('exit', () => { process.exitCode = 0; process.reallyExit(0) });"
    "require('node:test').test('a', () => { throw new Error('x') })",
    "never resolves": "require('node:test').test('a', () => new Promise(() => {}))",
    "syntax error": "function (",
}


async def report_of(backend: Backend, workspace: Path, kind: str, files: dict[str, str]) -> TestReport:
    for name, text in files.items():
        (workspace / name).write_text(text)
    language, runner = ("python", "pytest") if kind == "pytest" else ("node", "node")
    return await run_tests(backend, TestRequest("t", workspace, language, runner), lambda _: None)  # type: ignore[arg-type]


@abuse("21", "os._exit(0), exit in atexit, pytest.exit, no tests, only skips, a false frame", "`incomplete` or failed")
@on_both(PYTHON, ("os._exit in a test", "exit in atexit", "killed", "a false frame"))
async def test_21_python_tricks_are_not_green(backend: Backend, sandbox_workspace: Path, trick: str) -> None:
    report = await report_of(backend, sandbox_workspace, "pytest", {"test_trick.py": PYTHON[trick]})
    assert report.reason in ("incomplete", "failed"), report
    assert not report.green
    assert report.detail or report.failed, report


@abuse("21", "process.exit(0), reallyExit, a promise that never resolves", "`incomplete` or failed")
@on_both(NODE, ("process.exit in a test", "reallyExit", "exit code set"))
async def test_21_node_tricks_are_not_green(backend: Backend, sandbox_workspace: Path, trick: str) -> None:
    report = await report_of(backend, sandbox_workspace, "node", {"trick.test.js": NODE[trick]})
    assert report.reason in ("incomplete", "failed"), report
    assert not report.green


@abuse("A1", "Configuration and modules of the project that shadow pytest and the reporter", "every test reported")
async def test_a_project_cannot_turn_the_reports_off(backend: Backend, sandbox_workspace: Path) -> None:
    seen: list[ExecEvent] = []
    (sandbox_workspace / "pytest.ini").write_text("[pytest]\naddopts = -q -p no:reporter -p no:terminal\n")
    (sandbox_workspace / "reporter.py").write_text("raise SystemExit(0)\n")
    (sandbox_workspace / "pytest.py").write_text("raise SystemExit(0)\n")
    (sandbox_workspace / "test_x.py").write_text("def test_x(): pass\n")
    report = await run_tests(backend, TestRequest("t", sandbox_workspace, "python", "pytest"), seen.append)
    assert report.green, report
    assert [event.kind for event in seen if isinstance(event, TestEvent)] == [
        "collected",
        "started",
        "case",
        "finished",
    ]
