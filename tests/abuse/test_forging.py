"""Attacks on the result: code that is tested tries to be called green."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.protocol import Backend, Limits
from sandbox.testing import TestRequest, run_command, run_tests
from tests.abuse.cases import abuse, on_both
from tests.abuse.test_results import report_of

NONCE_HUNT = r"""
import glob, os, re, sys
def test_hunt():
    seen = repr(os.environ).encode() + repr(vars(sys.modules["__main__"])).encode()
    for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
        try:
            seen += open(path, "rb").read()
        except OSError:
            pass
    found = re.findall(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", seen)
    for nonce in found:
        os.write(1, b'\x1e%s:{"kind": "collected", "count": 1}\x1f' % nonce)
        os.write(1, b'\x1e%s:{"kind": "case", "case": {"id": "x", "outcome": "passed"}}\x1f' % nonce)
        os.write(1, b'\x1e%s:{"kind": "finished", "count": 1}\x1f' % nonce)
    print("FOUND", len(found))
    assert False
"""
NODE_HUNT = r"""
const fs = require('node:fs');
require('node:test').test('hunt', () => {
  let seen = JSON.stringify(process.env) + process.argv;
  for (const pid of fs.readdirSync('/proc')) for (const part of ['environ', 'cmdline']) {
    try { seen += fs.readFileSync(`/proc/${pid}/${part}`, 'latin1') } catch {}
  }
  console.log('FOUND', (seen.match(/(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/g) ?? []).length);
  throw new Error('no');
});
"""


@pytest.mark.parametrize(
    ("kind", "file", "text"), [("pytest", "test_x.py", NONCE_HUNT), ("node", "x.test.js", NODE_HUNT)]
)
@abuse("A17", "The secret of the reports looked for in every environment, command line and in the runner", "not found")
async def test_the_secret_of_the_reports_is_nowhere(
    backend: Backend, sandbox_workspace: Path, kind: str, file: str, text: str, seen: Callable[[str], None]
) -> None:
    report = await report_of(backend, sandbox_workspace, kind, {file: text})
    assert not report.green
    assert "FOUND 0" in report.output, report.output
    seen("not found")


CONFTEST = """
import pytest
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    report.outcome, report.longrepr = "passed", None
def pytest_sessionfinish(session):
    session.exitstatus = 0
"""
AGAIN = """
import atexit, gc
def test_1(): assert False
@atexit.register
def again():
    for one in gc.get_objects():
        if type(one).__name__ == "Reporter":
            one.case("test_x.py::test_1", "passed")
            one.send("finished", count=1)
"""
PLUGIN = "import os\nos._exit(0)\n"
FORGERIES: dict[str, dict[str, str]] = {
    "conftest": {"conftest.py": CONFTEST, "test_x.py": "def test_1(): assert False\n"},
    "again": {"test_x.py": AGAIN},
    "kill all": {"test_x.py": "import os\ndef test_1(): os.kill(-1, 9)\n"},
    "close all": {"test_x.py": "import os\ndef test_1(): os.closerange(0, 1024)\ndef test_2(): assert False\n"},
    "signal the parent": {
        "test_x.py": "import os, signal\ndef test_1():\n"
        "  for s in (9, 15, 19): os.kill(os.getppid(), s)\n  os.kill(1, 9)\n  assert False\n"
    },
    "exit code": {
        "conftest.py": "import os, atexit\natexit.register(os._exit, 0)\n",
        "test_x.py": "def test_1(): 1/0\n",
    },
    "collect only": {"pytest.ini": "[pytest]\naddopts = --collect-only\n", "test_x.py": "def test_1(): pass\n"},
    "a fork that goes on": {"test_x.py": "import os\ndef test_1():\n  if os.fork(): os._exit(0)\n"},
}


@on_both(FORGERIES, ("conftest", "again", "kill all", "signal the parent"))
@abuse("A18", "Results forged: a conftest that turns failures into passes, a second report after the first, every "
       "process killed, the reporter’s descriptor closed, the exit status set, only collected, a fork that goes on",
       "not green")  # fmt: skip
async def test_a_forged_result_is_not_green(
    backend: Backend, sandbox_workspace: Path, trick: str, seen: Callable[[str], None]
) -> None:
    report = await report_of(backend, sandbox_workspace, "pytest", FORGERIES[trick])
    assert not report.green, report
    seen(report.reason)


MARKS = "open('/tmp/RAN', 'a').write('x')\n"
INJECTED = {
    "sitecustomize.py": MARKS,
    "usercustomize.py": MARKS,
    "evil.pth": "import sitecustomize\n",
    "evil_plugin.py": MARKS,
    "evil-1.0.dist-info/entry_points.txt": "[pytest11]\nevil = evil_plugin\n",
    "evil-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n",
    "test_x.py": "import os\ndef test_1(): assert not os.path.exists('/tmp/RAN')\n",
}
INJECTED_NODE = {
    ".npmrc": "node-options=--require=/workspace/evil.cjs\n",
    ".noderc": "--require ./evil.cjs\n",
    ".env": "NODE_OPTIONS=--require=./evil.cjs\n",
    "evil.cjs": "require('fs').writeFileSync('/tmp/RAN', 'x')\n",
    "package.json": '{"scripts": {"pretest": "node evil.cjs", "test": "node evil.cjs", "preinstall": "node evil.cjs"}}',
    "x.test.js": "const fs = require('fs');\n"
    "require('node:test').test('a', () => require('node:assert')(!fs.existsSync('/tmp/RAN')))\n",
}


@pytest.mark.parametrize(("kind", "files"), [("pytest", INJECTED), ("node", INJECTED_NODE)])
@abuse("A19", "Code slipped in before the tests: sitecustomize, usercustomize, .pth, entry points, .env, .npmrc, "
       "package scripts", "not executed")  # fmt: skip
async def test_nothing_is_slipped_in_before_the_tests(
    backend: Backend, sandbox_workspace: Path, kind: str, files: dict[str, str], seen: Callable[[str], None]
) -> None:
    (sandbox_workspace / "evil-1.0.dist-info").mkdir()
    report = await report_of(backend, sandbox_workspace, kind, files)
    assert report.green, report
    seen("not executed")


@abuse("A20", "The guard and every other process stopped by SIGSTOP", "`timeout`, nothing left")
async def test_a_stopped_sandbox_still_ends(
    backend: Backend, sandbox_workspace: Path, seen: Callable[[str], None]
) -> None:
    script = "kill -STOP -1; kill -STOP 1; sleep 60"
    ended = await run_command(backend, script, run_id="stop", workspace=sandbox_workspace, limits=Limits(timeout_s=1))
    assert ended.reason == "timeout"
    assert ended.duration_s < 5
    seen("`timeout`")


async def test_an_honest_project_is_green_beside_all_this(backend: Backend, sandbox_workspace: Path) -> None:
    """The counter-check: hooks, forks and exit handlers of an honest project change nothing."""
    files = {
        "conftest.py": "import pytest\n@pytest.hookimpl(hookwrapper=True)\n"
        "def pytest_runtest_makereport(item, call):\n  outcome = yield\n  outcome.get_result()\n",
        "test_x.py": "import pytest, subprocess, sys, os\n"
        "def test_child(): assert subprocess.run([sys.executable, '-c', 'import sys; sys.exit(3)']).returncode == 3\n"
        "@pytest.mark.xfail\ndef test_known(): assert False\n"
        "def test_skipped(): pytest.skip('not today')\n"
        "def test_forks():\n  pid = os.fork()\n  if not pid: os._exit(0)\n  assert os.waitpid(pid, 0)[1] == 0\n"
        "def test_big_output(): print('x' * 100_000)\n",
    }
    for name, text in files.items():
        (sandbox_workspace / name).write_text(text)
    request = TestRequest("t", sandbox_workspace, "python", "pytest")
    report = await run_tests(backend, request, lambda _: None)
    assert report.green, report
    assert (report.passed, report.skipped, report.collected) == (4, 1, 5)
