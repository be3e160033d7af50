"""Runs tests and commands in a sandbox and says, by more than an exit status, how they ended."""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sandbox.protocol import (
    Backend,
    Env,
    EnvSpec,
    ExecEvent,
    ExecSpec,
    Exited,
    Language,
    Limits,
    Output,
    TestEvent,
)
from sandbox.report import CaseResult, Coverage, FileCoverage, Reason, TestReport
from sandbox.runners.command_runner import command_case, shell_command
from sandbox.runners.node_runner import V8_COVERAGE, jest_command, node_command, vitest_command
from sandbox.runners.pytest_runner import MEASURED, VARIABLES, command_variables, pytest_command

Kind = Literal["pytest", "node", "vitest", "jest", "command"]
OUTPUT_HEAD, OUTPUT_TAIL = 16_000, 48_000
RED = ("failed", "error", "xpassed")
UNKNOWN_OPTIONS = (
    "pytest does not know options that the project's configuration sets: {}. Name the plugin that brings them among "
    "the project's test requirements, or take them out of addopts."
)
_UNKNOWN_OPTIONS = re.compile(r"error: unrecognized arguments: (.{1,300})")


@dataclass(frozen=True)
class TestRequest:
    """A test run to make."""

    __test__ = False

    run_id: str
    """Names the execution for `cancel`."""
    workspace: Path
    language: Language
    kind: Kind
    selection: tuple[str, ...] = ()
    """Paths or node ids; empty for all tests."""
    command: tuple[str, ...] = ()
    """What to run when the kind is `command`; of vitest and jest, the project's own variables and arguments."""
    limits: Limits = field(default_factory=Limits)
    env: Env | None = None
    """The tool environment; prepared by the backend when there is none."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """More environment variables."""
    writable: bool = True
    """False mounts the workspace read-only."""
    measured: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Changed lines by file, whose coverage is measured; of no project with a command of its own."""


@dataclass(frozen=True)
class CommandOutcome:
    """How a command ended."""

    exit_code: int | None
    output: str
    """Cut in the middle where it is long."""
    reason: Reason
    duration_s: float
    detail: str = ""


@dataclass
class _Record:
    """What an execution said, gathered while it runs."""

    head: str = ""
    tail: str = ""
    dropped: int = 0
    cases: dict[str, CaseResult] = field(default_factory=dict)
    collected: int | None = None
    reported: int | None = None
    coverage: dict[str, TestEvent] = field(default_factory=dict)
    exited: Exited = field(default_factory=lambda: Exited("backend_lost", None, 0.0, "The backend never ended."))

    def add(self, event: ExecEvent) -> None:
        if isinstance(event, Output):
            self._add_text(event.text)
        elif isinstance(event, TestEvent):
            if event.kind == "case" and event.case:
                known = self.cases.get(event.case.id)
                # A test that failed once has failed, whatever is said of it later.
                if known is None or known.outcome not in RED:
                    self.cases[event.case.id] = event.case
            elif event.kind == "collected":
                self.collected = event.count
            elif event.kind == "finished":
                self.reported = event.count
            elif event.kind == "coverage":
                self.coverage[event.name] = event
        elif isinstance(event, Exited):
            self.exited = event

    @property
    def output(self) -> str:
        note = f"\n[... {self.dropped:,} characters left out ...]\n" if self.dropped else ""
        return self.head + note + self.tail

    def _add_text(self, text: str) -> None:
        room = OUTPUT_HEAD - len(self.head)
        self.head += text[:room] if room > 0 else ""
        self.tail += text[max(room, 0) :]
        if len(self.tail) > 2 * OUTPUT_TAIL:
            self._trim()

    def _trim(self) -> None:
        self.dropped += max(0, len(self.tail) - OUTPUT_TAIL)
        self.tail = self.tail[-OUTPUT_TAIL:]

    def close(self) -> "_Record":
        self._trim()
        return self


async def run_tests(backend: Backend, request: TestRequest, on_event: Callable[[ExecEvent], None]) -> TestReport:
    """Run a project's tests and judge them.

    Args:
        backend: where they run.
        request: what to run.
        on_event: called with every event as it comes; must not block.

    Returns:
        The report; its reason is `ok` only when every collected test was reported, none failed, at least one passed,
        the runner said that it finished, and the exit status was 0.

    Raises:
        EnvironmentFailed: the test tools could not be prepared.
    """
    env = request.env or await backend.prepare(EnvSpec(request.language))
    argv = _command(request)
    framed = request.kind != "command"
    nonce = secrets.token_hex(16) if framed else ""
    own = _variables(request, env)
    spec = ExecSpec(
        request.run_id, argv, request.workspace, env, {**request.variables, **own}, request.limits,
        request.writable, nonce,
    )  # fmt: skip
    record = await _follow(backend, spec, on_event)
    exited = record.exited
    if not framed:
        case = command_case(argv, exited.reason, exited.duration_s, record.output)
        record.cases[case.id] = case
        record.collected = record.reported = 1
    reason, detail = _judge(record)
    return TestReport(
        reason=reason,
        exit_code=exited.exit_code,
        backend=backend.name,
        command=argv,
        cases=tuple(record.cases.values()),
        collected=record.collected or 0,
        output=record.output,
        detail=detail,
        duration_s=exited.duration_s,
        coverage=_coverage(request.measured, record.coverage),
    )


def _variables(request: TestRequest, env: Env) -> dict[str, str]:
    own = dict(VARIABLES) if request.kind == "pytest" else command_variables(env)
    if request.kind != "command" and request.measured:
        own[MEASURED] = json.dumps(sorted(request.measured))
        own |= V8_COVERAGE if request.kind == "node" else {}
    return own


def _coverage(wanted: Mapping[str, frozenset[int]], told: Mapping[str, TestEvent]) -> Coverage | None:
    """Of the lines that were asked about, those that ran; None where nothing was measured."""
    files = []
    for path, lines in wanted.items():
        if (event := told.get(path)) is not None:
            missing = tuple(sorted(lines.intersection(event.missing)))
            files.append(FileCoverage(path=path, covered=len(lines.intersection(event.ran)), missing=missing))
    return Coverage(files=tuple(files)) if files else None


async def run_command(
    backend: Backend,
    command: str | tuple[str, ...],
    *,
    run_id: str,
    workspace: Path,
    language: Language = "python",
    limits: Limits | None = None,
    variables: Mapping[str, str] | None = None,
    env: Env | None = None,
    on_event: Callable[[ExecEvent], None] = lambda _: None,
) -> CommandOutcome:
    """Run a command in the workspace.

    Args:
        backend: where it runs.
        command: a line of shell, or an argument list.
        run_id: names the execution for `cancel`.
        workspace: mounted read-write.
        language: whose tools and image it gets.
        limits: the sandbox's defaults when None.
        variables: more environment variables.
        env: the tool environment; prepared by the backend when there is none.
        on_event: called with every event as it comes.

    Raises:
        EnvironmentFailed: the tools could not be prepared.
    """
    argv = shell_command(command) if isinstance(command, str) else command
    env = env or await backend.prepare(EnvSpec(language))
    own = {**command_variables(env), **(variables or {})}
    spec = ExecSpec(run_id, argv, workspace, env, own, limits or Limits())
    record = await _follow(backend, spec, on_event)
    ended = record.exited
    return CommandOutcome(ended.exit_code, record.output, ended.reason, ended.duration_s, ended.detail)


def _command(request: TestRequest) -> tuple[str, ...]:
    if request.kind == "pytest":
        return pytest_command(request.selection)
    if request.kind == "vitest":
        return vitest_command(request.command, request.selection)
    if request.kind == "jest":
        return jest_command(request.command, request.selection)
    return node_command(request.selection) if request.kind == "node" else request.command


async def _follow(backend: Backend, spec: ExecSpec, on_event: Callable[[ExecEvent], None]) -> _Record:
    record = _Record()
    async for event in backend.run(spec):
        record.add(event)
        on_event(event)
    return record.close()


def _judge(record: _Record) -> tuple[Reason, str]:
    """Why the run ended: green needs more than the exit status that the tested code can set."""
    exited = record.exited
    if exited.reason not in ("ok", "failed"):
        return exited.reason, exited.detail
    if record.reported is None:
        if exited.exit_code == 4 and (unknown := _UNKNOWN_OPTIONS.search(record.output)):
            return "incomplete", UNKNOWN_OPTIONS.format(unknown[1])
        return "incomplete", f"The tests ended the process (exit status {exited.exit_code}) before they all had run."
    red = [case.id for case in record.cases.values() if case.outcome in RED]
    if red or exited.reason == "failed":
        return "failed", "" if red else _why_none_ran(record)
    if record.collected != record.reported or record.reported != len(record.cases):
        return "incomplete", f"{record.collected} tests were collected, {len(record.cases)} reported."
    if not any(case.outcome == "passed" for case in record.cases.values()):
        return "failed", "No test passed."
    return "ok", ""


def _why_none_ran(record: _Record) -> str:
    if not record.cases and record.exited.exit_code == 5:
        return "No tests were collected."
    return f"The test runner ended with status {record.exited.exit_code}; its output says why."
