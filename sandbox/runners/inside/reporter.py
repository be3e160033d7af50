"""Runs pytest and reports each test as it ends, in frames on a private copy of stdout.

It runs inside the sandbox, with nothing but the standard library and pytest. The module is imported, and stdout is
copied, before any code of the workspace runs.
"""

import json
import os
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING or __package__:
    from sandbox.runners.inside import miracle_plugins
    from sandbox.runners.inside.miracle_measured import Measured
else:
    import miracle_plugins
    from miracle_measured import Measured

LIMIT = 8000
RANK = ("passed", "xfailed", "skipped", "xpassed", "failed", "error")


class Reporter:
    """The plugin: collects what pytest says of a test and sends it when the test is over."""

    def __init__(self, nonce: str, measured: Measured) -> None:

        def framed(body: dict[str, Any]) -> bytes:
            return f"\x1e{nonce}:{json.dumps(body)}\x1f".encode()

        self._framed = framed
        self._fd = os.dup(1)
        self._pid = os.getpid()
        self._open: dict[str, tuple[str, float, str]] = {}
        self._reported = 0
        self._measured = measured
        self.plugins: list[tuple[str, Any]] = []
        """Those of the project's packages, by name."""

    def send(self, kind: str, **fields: Any) -> None:
        """Write one frame, whole."""
        if os.getpid() != self._pid:  # a test that forked must not report twice
            return
        frame = self._framed({"kind": kind, **fields})
        while frame:
            frame = frame[os.write(self._fd, frame) :]

    def case(self, case_id: str, outcome: str, duration: float = 0.0, message: str = "") -> None:
        """Report a test that is over."""
        if len(message) > LIMIT:
            message = message[: LIMIT // 2] + "\n[...]\n" + message[-LIMIT // 2 :]
        case = {"id": case_id, "outcome": outcome, "duration_s": round(duration, 6), "message": message}
        self.send("case", case=case)

    def pytest_addoption(self, pluginmanager: pytest.PytestPluginManager) -> None:
        """The first hook of all: the project's plugins come in, before its own options are read."""
        for name, plugin in self.plugins:
            pluginmanager.register(plugin, name)

    def pytest_addhooks(self) -> None:
        """pytest is there; from here on it runs what is measured."""
        self._measured.start()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """A test that raised has not passed, whatever a hook of the project makes of it."""
        report = yield
        if call.excinfo is not None and report.outcome == "passed":
            report.outcome = "failed"
            report.longrepr = f"A hook of the project turned this failure into a pass:\n{call.excinfo.exconly()}"
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be imported is an error of its own."""
        if report.failed:
            self.case(report.nodeid or "collection", "error", message=str(report.longrepr))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Say how many tests there are."""
        self.send("collected", count=len(session.items))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self._open[nodeid] = ("passed", 0.0, "")
        self.send("started", name=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One of its three steps is over; the worst one counts."""
        worst, duration, message = self._open.get(report.nodeid, ("passed", 0.0, ""))
        outcome = outcome_of(report)
        if report.longrepr is not None and outcome != "xfailed":
            longrepr = report.longrepr
            message += longrepr[2] if outcome == "skipped" and isinstance(longrepr, tuple) else str(longrepr)
        worst = max(worst, outcome, key=RANK.index)
        self._open[report.nodeid] = (worst, duration + report.duration, message)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A test is over."""
        outcome, duration, message = self._open.pop(nodeid, ("error", 0.0, "no report"))
        self._reported += 1
        self.case(nodeid, outcome, duration, message)

    def pytest_internalerror(self, excrepr: object) -> None:
        """pytest itself broke."""
        self.case("pytest", "error", message=str(excrepr))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Everything ran: without this nothing is green."""
        for path, ran, missing in self._measured.stop() if os.getpid() == self._pid else ():
            self.send("coverage", name=path, ran=ran, missing=missing)
        self.send("finished", count=self._reported)


def outcome_of(report: pytest.TestReport) -> str:
    """The outcome of one of a test's three steps."""
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    if report.passed:
        return "passed"
    if report.skipped:
        return "skipped"
    return "failed" if report.when == "call" else "error"


def take_nonce() -> str:
    """The secret of the frames, out of the environment and out of what /proc shows of it for good."""
    nonce = os.environ.pop("MIRACLE_NONCE", "")
    if nonce and os.path.exists("/proc/self/stat"):
        with open("/proc/self/stat", encoding="utf-8", errors="replace") as stat:
            start, end = map(int, stat.read().rpartition(")")[2].split()[47:49])
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(start)
            block = memory.read(end - start)
            memory.seek(start + block.index(nonce.encode()))
            memory.write(b"-" * len(nonce))
    return nonce


def main() -> int:
    """Run pytest as `python -m pytest` would, with the workspace first on the path."""
    reporter = Reporter(take_nonce(), Measured())
    arguments, brought = sys.argv[1:], miracle_plugins.brought_plugins()
    settings = miracle_plugins.settings_of(arguments, brought)
    miracle_plugins.say(settings.notices)
    try:
        reporter.plugins = miracle_plugins.load(brought, settings.blocked)
    except miracle_plugins.PluginBroken as exc:
        sys.stdout.write(f"{exc}\n")
        reporter.case("pytest", "error", message=str(exc))
        reporter.send("finished", count=0)
        return int(pytest.ExitCode.USAGE_ERROR)
    sys.path[0] = os.getcwd()
    source = os.path.join(os.getcwd(), "src")
    if os.path.isdir(source) and not os.path.exists(os.path.join(source, "__init__.py")):
        sys.path.insert(1, source)
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
    return int(pytest.main([*settings.arguments, *arguments], plugins=[reporter]))


if __name__ == "__main__":
    sys.exit(main())
