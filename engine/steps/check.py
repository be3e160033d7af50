"""The steps that judge code: the scan and the test run."""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from engine import commands as c
from engine import events as e
from engine.bus import OutputText, TestsBegan, TestSeen
from engine.gates.covered import measured_lines
from engine.gates.needs import reasons_of, with_needs
from engine.gates.statements import SCRIPTS, statement_lines
from engine.run_context import RunContext
from engine.steps.dependencies import Place, environment_spec, found_missing
from engine.task import FileChange
from engine.workspace.checkpoint import changes_between, head
from engine.workspace.node_suite import node_suite
from sandbox.errors import SandboxError
from sandbox.packages.requirements import manifest_of
from sandbox.protocol import Env, ExecEvent, Exited, Language, Output, Started, TestEvent
from sandbox.report import CaseResult, TestReport
from sandbox.safe_files import read_bytes
from sandbox.scan import scan
from sandbox.testing import Kind, TestRequest, run_tests

_CUT = re.compile(r"(?<!\S)\S{1,2000}(\n\[\.\.\. [\d,]+ characters left out \.\.\.\]\n)\S{0,2000}")
ENVIRONMENT_NOTICE = "preparing the tool environment"


async def scan_changes(run: RunContext, command: c.Scan) -> None:
    """Scan every file that the run has changed so far, before any of it runs."""
    prepared = run.prepared(command.phase_id)
    changes, _ = await _changes(run, command.phase_id)
    files = [change.path for change in changes if change.status != "deleted"]
    rules = run.config.rules
    found = await scan(prepared.worktree, files, rules, language_of(run))
    findings = with_needs(found, reasons_of(run.state, command.phase_id, rules.needs), rules)
    scanned = e.ScanFinished(phase_id=command.phase_id, number=command.number, step=command.step, findings=findings)
    if command.step == "code":
        await run.log.append(scanned)
        return
    missing = await found_missing(run, Place(command.phase_id, command.number), files, await environment(run))
    await run.log.append(scanned, *missing)


async def _changes(run: RunContext, phase_id: str) -> tuple[tuple[FileChange, ...], str]:
    """What the run, or a phase that works apart, has changed so far, and the diff."""
    prepared = run.prepared(phase_id)
    newest = run.state.tip_of(phase_id) or await head(prepared)
    phase = run.state.phase_by(phase_id)
    # A phase that works apart began with what was judged already, the run with the person's own files.
    base = phase.base_commit if phase and phase.apart else prepared.base_commit
    return await changes_between(prepared, base, newest)


async def test_worktree(run: RunContext, command: c.RunTests) -> None:
    """Run the whole suite of the worktree in the sandbox, live."""
    worktree = run.prepared(command.phase_id).worktree
    _, diff = await _changes(run, command.phase_id)
    name = run.sandbox_name(command.phase_id, "tests")
    measured = await asyncio.to_thread(_measured, worktree, diff, language_of(run))
    report = await run_suite(run, worktree, name, command.phase_id, measured)
    missing = await found_missing(run, Place(command.phase_id, command.number), (), await environment(run), report)
    await run.log.append(e.TestsFinished(phase_id=command.phase_id, number=command.number, report=report), *missing)


def language_of(run: RunContext) -> Language:
    """The run's language: the spec's, or the task's before there is one."""
    state = run.state
    if state.spec is not None:
        return state.spec.language
    return state.task.language if state.task else "python"


def _measured(worktree: Path, diff: str, language: Language) -> Mapping[str, frozenset[int]]:
    """The changed lines whose coverage is wanted; of a script those on which something begins that can run."""
    if language == "python":
        return measured_lines(diff)
    found = {}
    for path, lines in measured_lines(diff, SCRIPTS).items():
        with contextlib.suppress(SandboxError):
            found[path] = lines & statement_lines(path, read_bytes(worktree, path))
    return {path: lines for path, lines in found.items() if lines}


class Suite(NamedTuple):
    """How a run's tests are run."""

    kind: Kind
    command: tuple[str, ...] = ()
    """The project's own, where it has one."""


def suite_of(run: RunContext, phase_id: str = "") -> Suite:
    """What runs the tests, and the project's own command where it has one.

    Args:
        run: the run.
        phase_id: whose worktree says it where the person's folder had no tests: a project that begins with this run
            may choose vitest or jest, but no arguments for them.
    """
    facts = run.state.workspace.facts if run.state.workspace else None
    if facts is not None and facts.test_kind != "none" and facts.test_kind not in ("pytest", "node"):
        return Suite(facts.test_kind, facts.test_command)
    if language_of(run) != "node":
        return Suite("pytest")
    chosen = None
    if facts is None or facts.test_kind == "none":
        chosen = node_suite(manifest_of(run.prepared(phase_id).worktree))
    return Suite(chosen[0], (chosen[0],)) if chosen else Suite("node")


def publish_output(run: RunContext, phase_id: str, event: ExecEvent) -> None:
    """Show a piece of output as it comes, without secrets."""
    if isinstance(event, Started):
        run.stream(phase_id).clear()
    elif isinstance(event, Output | Exited):
        stream = run.stream(phase_id)
        text = stream.feed(event.text) if isinstance(event, Output) else stream.flush()
        if text:
            run.bus.publish(OutputText(run.run_id, text, phase_id))


async def environment(run: RunContext) -> Env:
    """The tool environment that the run's tests have; made where it is not there yet."""
    backend = await run.backend()
    # An environment that is there already takes a millisecond; a new one is worth a word.
    slow = asyncio.get_running_loop().call_later(0.5, run.notice, ENVIRONMENT_NOTICE)
    try:
        return await backend.prepare(environment_spec(run.state))
    finally:
        slow.cancel()


async def run_suite(
    run: RunContext, workspace: Path, name: str, phase_id: str, measured: Mapping[str, frozenset[int]] | None = None
) -> TestReport:
    """Run a folder's whole suite in the sandbox, shown live, and report without secrets.

    Args:
        run: the run.
        workspace: the folder.
        name: names the execution.
        phase_id: the phase that it is shown with.
        measured: lines by file whose coverage is measured.
    """
    backend = await run.backend()
    env = await environment(run)
    kind, command = suite_of(run, phase_id)

    def on_event(event: ExecEvent) -> None:
        match event:
            case Started():
                run.bus.publish(TestsBegan(run.run_id, event.backend, " ".join(command) or kind, phase_id))
                publish_output(run, phase_id, event)
            case TestEvent(kind="coverage"):
                pass
            case TestEvent():
                run.bus.publish(TestSeen(run.run_id, _seen(run, event), phase_id))
            case _:
                publish_output(run, phase_id, event)

    request = TestRequest(
        run_id=name,
        workspace=workspace,
        language=language_of(run),
        kind=kind,
        command=command,
        limits=run.limits(),
        env=env,
        measured=measured or {},
    )
    report = await run_tests(backend, request, on_event)
    return _redacted(run, report)


def _seen(run: RunContext, event: TestEvent) -> TestEvent:
    return replace(event, name=run.redact(event.name), case=_case(run, event.case) if event.case else None)


def _case(run: RunContext, case: CaseResult) -> CaseResult:
    return case.model_copy(update={"id": run.redact(case.id), "message": run.redact(case.message)})


def _redacted(run: RunContext, report: TestReport) -> TestReport:
    # Where the output was cut, the words beside the cut may be halves of a secret that nothing recognises.
    output = _CUT.sub(r"\1", report.output)
    return report.model_copy(
        update={
            "output": run.redact(output),
            "detail": run.redact(report.detail),
            "cases": tuple(_case(run, case) for case in report.cases),
        }
    )
