"""The steps that judge code: the scan, the test run, and the proof of green."""

import asyncio
import hashlib
import shutil
from functools import partial
from pathlib import Path

from engine import commands as c
from engine import events as e
from engine.bus import OutputText, TestsBegan, TestSeen
from engine.run_context import RunContext
from engine.task import Receipt
from engine.workspace.checkpoint import changes_between, checkout_clean, head, tree_of
from sandbox.protocol import Env, EnvSpec, ExecEvent, Language, Output, Started, TestEvent
from sandbox.report import CaseResult, TestReport
from sandbox.scan import scan
from sandbox.testing import Kind, TestRequest, run_command, run_tests

ENVIRONMENT_NOTICE = "preparing the tool environment"


async def scan_changes(run: RunContext, command: c.Scan) -> None:
    """Scan every file that the run has changed so far, before any of it runs."""
    prepared = run.prepared(command.phase_id)
    newest = run.state.tip_of(command.phase_id) or await head(prepared)
    phase = run.state.phase_by(command.phase_id)
    # A phase that works apart began with what was scanned already, the run with the person's own files.
    base = phase.base_commit if phase and phase.apart else prepared.base_commit
    changes, _ = await changes_between(prepared, base, newest)
    files = [change.path for change in changes if change.status != "deleted"]
    findings = await scan(prepared.worktree, files, run.config.rules, language_of(run))
    await run.log.append(e.ScanFinished(phase_id=command.phase_id, number=command.number, findings=findings))


async def test_worktree(run: RunContext, command: c.RunTests) -> None:
    """Run the whole suite of the worktree in the sandbox, live."""
    worktree = run.prepared(command.phase_id).worktree
    report = await _run_suite(run, worktree, run.sandbox_name(command.phase_id, "tests"), command.phase_id)
    await run.log.append(e.TestsFinished(phase_id=command.phase_id, number=command.number, report=report))


async def prove(run: RunContext, command: c.Prove) -> None:
    """Test a clean checkout of the run's last commit in a fresh sandbox; only this makes a receipt."""
    prepared = run.prepared()
    newest = run.state.tip
    clean = run.config.paths.worktrees / f"{run.run_id}-proof"
    shutil.rmtree(clean, ignore_errors=True)
    await checkout_clean(prepared, newest, clean)
    try:
        report = await _run_suite(run, clean, f"{run.run_id}-proof", command.phase_id)
        verify_ok, verify_output = await _verify(run, clean, command.phase_id) if report.green else (None, "")
    finally:
        shutil.rmtree(clean, ignore_errors=True)
    if report.green and verify_ok is False:
        report = _failed_verify(run, report, verify_output)
    receipt = None
    if report.green:
        receipt = Receipt(
            commit=newest,
            tree=await tree_of(prepared, newest),
            backend=report.backend,
            tests=tuple(case.id for case in report.cases),
            passed=report.passed,
            skipped=report.skipped,
            output_sha256=hashlib.sha256(report.output.encode("utf-8", "surrogatepass")).hexdigest(),
            verify=run.state.task.verify if run.state.task else "",
            duration_s=report.duration_s,
        )
    await run.log.append(
        e.ProofFinished(
            phase_id=command.phase_id,
            number=command.number,
            report=report,
            verify_ok=verify_ok,
            verify_output=run.redact(verify_output),
            receipt=receipt,
        )
    )


def language_of(run: RunContext) -> Language:
    """The run's language: the spec's, or the task's before there is one."""
    state = run.state
    if state.spec is not None:
        return state.spec.language
    return state.task.language if state.task else "python"


def publish_output(run: RunContext, phase_id: str, event: ExecEvent) -> None:
    """Show a piece of output as it comes."""
    if isinstance(event, Output):
        run.bus.publish(OutputText(run.run_id, event.text, phase_id))


async def _environment(run: RunContext) -> Env:
    backend = await run.backend()
    # An environment that is there already takes a millisecond; a new one is worth a word.
    slow = asyncio.get_running_loop().call_later(0.5, run.notice, ENVIRONMENT_NOTICE)
    try:
        return await backend.prepare(EnvSpec(language=language_of(run)))
    finally:
        slow.cancel()


async def _run_suite(run: RunContext, workspace: Path, name: str, phase_id: str) -> TestReport:
    backend = await run.backend()
    env = await _environment(run)
    facts = run.state.workspace.facts if run.state.workspace else None
    custom = facts is not None and facts.test_kind == "command"
    kind: Kind = "command" if custom else ("node" if language_of(run) == "node" else "pytest")
    command = facts.test_command if facts and custom else ()

    def on_event(event: ExecEvent) -> None:
        match event:
            case Started():
                run.bus.publish(TestsBegan(run.run_id, event.backend, " ".join(command) or kind, phase_id))
            case TestEvent():
                run.bus.publish(TestSeen(run.run_id, event, phase_id))
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
    )
    report = await run_tests(backend, request, on_event)
    return _redacted(run, report)


def _redacted(run: RunContext, report: TestReport) -> TestReport:
    cases = tuple(
        case.model_copy(update={"message": run.redact(case.message)}) if case.message else case for case in report.cases
    )
    return report.model_copy(
        update={"output": run.redact(report.output), "detail": run.redact(report.detail), "cases": cases}
    )


async def _verify(run: RunContext, workspace: Path, phase_id: str) -> tuple[bool | None, str]:
    task = run.state.task
    if task is None or not task.verify:
        return None, ""
    outcome = await run_command(
        await run.backend(),
        task.verify,
        run_id=f"{run.run_id}-verify",
        workspace=workspace,
        language=language_of(run),
        limits=run.limits(),
        on_event=partial(publish_output, run, phase_id),
    )
    return outcome.exit_code == 0 and outcome.reason == "ok", outcome.output


def _failed_verify(run: RunContext, report: TestReport, output: str) -> TestReport:
    command = run.state.task.verify if run.state.task else ""
    detail = f"The acceptance command failed: {command}"
    said = run.redact(output)[-8000:].strip()
    case = CaseResult(id=f"verify: {command}", outcome="failed", message=said or detail)
    return report.model_copy(update={"reason": "failed", "cases": (*report.cases, case), "detail": detail})
