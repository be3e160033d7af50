"""Runs the tests of a program's mutants and gives what the test runner says of those that fail."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from tests.bench.retrieval.programs import Program

SECONDS = 0.4
"""Of processor time that a test of Python gets: a mutant may run for ever."""
NODE_SECONDS = 3
"""Of processor time, for each process of a mutant of JavaScript."""
WALL_SECONDS = 120
MEMORY = 2**30
WORKSPACE = "/workspace"
"""Where reports say that a project lies."""
LIBRARY = "/usr/lib/python3"
"""Where reports say that Python's own modules lie."""
_REPORTER = Path(__file__).parents[3] / "sandbox" / "runners" / "inside" / "node_reporter.mjs"
_FRAME = re.compile(r"\x1e:(.*?)\x1f", re.DOTALL)
_NODE_TYPE = re.compile(r"^(?:Uncaught )?([A-Z]\w*)")

Failure = tuple[str, str, str]
"""Test, type of the error, report."""


def failures_of(program: Program, sources: Sequence[str], folder: Path) -> list[list[Failure]]:
    """The failures of the program's tests when the program is each of these sources."""
    shutil.rmtree(folder, ignore_errors=True)
    places = []
    for number, source in enumerate(sources):
        place = folder / f"m{number}" / "workspace"
        place.mkdir(parents=True)
        (place / program.file).write_text(source, encoding="utf-8")
        (place / program.test_file).write_text(program.tests, encoding="utf-8")
        places.append(place)
    if program.language == "node":
        return [_by_node(place) for place in places]
    found = _by_pytest(program, folder, len(sources))
    here = sysconfig.get_path("stdlib")
    return [[(test, kind, report.replace(here, LIBRARY)) for test, kind, report in one] for one in found]


class _TooLong(BaseException):
    pass


class _Session:
    """A plugin: many copies of one project in one session of pytest, each with its own module of one name."""

    def __init__(self, program: Program, folder: Path, count: int) -> None:
        self._program = program
        self._folder = folder
        self.failures: list[list[Failure]] = [[] for _ in range(count)]

    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        if isinstance(collector, pytest.Module):
            sys.path[0] = str(collector.path.parent)
            sys.modules.pop(self._program.name, None)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, None, None]:
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS, 0.1)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed and call.excinfo and call.excinfo.type not in (_TooLong, MemoryError):
            self._keep(report.nodeid, call.excinfo.typename, str(report.longrepr))
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            text = str(report.longrepr)
            kinds = re.findall(r"^E +(\w+)", text, re.MULTILINE)
            self._keep(report.nodeid, kinds[-1] if kinds else "", text)

    def _keep(self, test: str, kind: str, report: str) -> None:
        number, _, name = test.partition("/workspace/")
        place = f"{number}/workspace/"
        said = report.replace(str(self._folder / number / "workspace"), WORKSPACE).replace(place, "")
        self.failures[int(number[1:])].append((name, kind, said))


def _by_pytest(program: Program, folder: Path, count: int) -> list[list[Failure]]:
    """In a child of its own, which may be killed by what it runs."""
    out = folder / "failures.json"
    child = os.fork()
    if child == 0:
        status = 1
        try:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
            signal.signal(signal.SIGVTALRM, _interrupt)
            os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
            os.chdir(folder)
            sys.path.insert(0, "")
            sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115  it lives as long as the child
            session = _Session(program, folder, count)
            options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "--rootdir", str(folder)]
            pytest.main([*options, "--continue-on-collection-errors", str(folder)], plugins=[session])
            out.write_text(json.dumps(session.failures), encoding="utf-8")
            status = 0
        finally:
            os._exit(status)
    os.waitpid(child, 0)
    if not out.exists():
        return [[] for _ in range(count)]
    return [[(test, kind, said) for test, kind, said in one] for one in json.loads(out.read_text(encoding="utf-8"))]


def _limit_node() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (NODE_SECONDS, NODE_SECONDS))


def _interrupt(number: int, frame: object) -> None:
    raise _TooLong


def _by_node(folder: Path) -> list[Failure]:
    argv = ["node", "--test", "--test-reporter", str(_REPORTER), "--test-reporter-destination", "stdout"]
    try:
        ran = subprocess.run(
            argv, cwd=folder, capture_output=True, timeout=WALL_SECONDS, check=False, preexec_fn=_limit_node
        )
    except subprocess.TimeoutExpired:
        return []
    found = []
    for frame in _FRAME.findall(ran.stdout.decode(errors="replace")):
        body = json.loads(frame)
        if body["kind"] == "case" and body["case"]["outcome"] in ("failed", "error"):
            message = body["case"]["message"]
            kind = _NODE_TYPE.match(message)
            if kind:
                found.append((body["case"]["id"], kind[1], message.replace(str(folder), WORKSPACE)))
    return found
