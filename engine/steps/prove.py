"""The step that proves a run green. Nothing else makes a receipt, and without one there is no success."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from config.errors import ConfigError
from config.signing import signing_key
from engine import commands as c
from engine import events as e
from engine.decide_integrity import ledger_clean
from engine.errors import EngineError
from engine.receipts import make_receipt
from engine.run_context import RunContext
from engine.state import State
from engine.steps.check import environment, language_of, publish_output, run_suite
from engine.task import Receipt
from engine.workspace.checkpoint import checkout_clean, tree_of
from sandbox.protocol import Env
from sandbox.provenance import provenance
from sandbox.removal import remove_tree
from sandbox.report import CaseResult, TestReport
from sandbox.testing import run_command


@dataclass(frozen=True)
class Proof:
    """What became of a commit in clean checkouts and fresh sandboxes."""

    report: TestReport
    """Green only when every collected test was reported, none failed, and the acceptance command held."""
    verify_ok: bool | None
    """None where there is no acceptance command, or the tests were red already."""
    verify_output: str
    env: Env
    image: str


async def prove(run: RunContext, command: c.Prove) -> None:
    """Put the run's last commit to the proof; sign a receipt when it holds."""
    state = run.state
    proof = await prove_commit(run, state.tip, "proof", command.phase_id)
    # `decide` asks for no proof before a person allowed what the tests lost; here it is made sure of.
    report = proof.report if ledger_clean(state) else _weakened(proof.report)
    event = e.ProofFinished(
        phase_id=command.phase_id,
        number=command.number,
        report=report,
        verify_ok=proof.verify_ok,
        verify_output=proof.verify_output,
    )
    receipt = await _signed(run, state, proof, event) if report.green else None
    await run.log.append(event.model_copy(update={"receipt": receipt}))


async def prove_commit(run: RunContext, commit: str, name: str, phase_id: str = "") -> Proof:
    """Test a clean checkout of a commit in a fresh sandbox, then run the person's acceptance command in another.

    Args:
        run: the run.
        commit: what is tested.
        name: of the sandboxes and their folders; two proofs of one run at a time need two.
        phase_id: where the output is shown.

    Raises:
        WorkspaceError, SandboxError: it could not be tried.
    """
    env = await environment(run)
    image = await provenance(await run.backend(), env)
    async with _checkout(run, commit, name) as folder:
        report = _complete(await run_suite(run, folder, f"{run.run_id}-{name}", phase_id))
    task = run.state.task
    if not report.green or task is None or not task.verify:
        return Proof(report, None, "", env, image)
    # The tests that an agent wrote have been at work in that folder: the person's own command gets one of its own.
    async with _checkout(run, commit, name) as folder:
        holds, output = await _accepted(run, task.verify, folder, f"{run.run_id}-{name}-verify", phase_id)
    if not holds:
        report = _refused(report, task.verify, output)
    return Proof(report, holds, output, env, image)


async def _signed(run: RunContext, state: State, proof: Proof, event: e.ProofFinished) -> Receipt:
    body = e.to_body(event)
    del body["receipt"]
    log = await run.memory.store.read(run.run_id, limit=state.seq)
    tree = await tree_of(run.prepared(), state.tip)

    def make() -> Receipt:
        return make_receipt(
            state,
            proof.report,
            tree=tree,
            image=proof.image,
            environment=proof.env.fingerprint,
            log=log,
            proof=body,
            redact=run.redact,
            key=signing_key(run.config.paths),
        )

    try:
        return await asyncio.to_thread(make)
    except ConfigError as exc:
        raise EngineError(exc.title, exc.hint) from exc


@asynccontextmanager
async def _checkout(run: RunContext, commit: str, name: str) -> AsyncIterator[Path]:
    """The commit's files and nothing else in a folder that is gone afterwards."""
    folder = run.config.paths.worktrees / f"{run.run_id}-{name}"
    await asyncio.to_thread(remove_tree, folder)
    try:
        await checkout_clean(run.prepared(), commit, folder)
        yield folder
    finally:
        await asyncio.to_thread(remove_tree, folder)


def _complete(report: TestReport) -> TestReport:
    """The report, red where it is not whole, whatever it says of itself."""
    if not report.green or (report.exit_code == 0 and report.collected == len(report.cases)):
        return report
    detail = f"{report.collected} tests were collected, {len(report.cases)} reported, exit status {report.exit_code}."
    return report.model_copy(update={"reason": "incomplete", "detail": detail})


async def _accepted(run: RunContext, command: str, folder: Path, name: str, phase_id: str) -> tuple[bool, str]:
    """Whether the person's own command holds, and its output without secrets."""
    outcome = await run_command(
        await run.backend(),
        command,
        run_id=name,
        workspace=folder,
        language=language_of(run),
        limits=run.limits(),
        env=await environment(run),
        on_event=partial(publish_output, run, phase_id),
    )
    return outcome.exit_code == 0 and outcome.reason == "ok", run.redact(outcome.output)


def _weakened(report: TestReport) -> TestReport:
    if not report.green:
        return report
    detail = "The tests hold to less than before, and no person allowed it."
    return report.model_copy(update={"reason": "failed", "detail": detail})


def _refused(report: TestReport, command: str, output: str) -> TestReport:
    detail = f"The acceptance command failed: {command}"
    case = CaseResult(id=f"verify: {command}", outcome="failed", message=output[-8000:].strip() or detail)
    return report.model_copy(update={"reason": "failed", "cases": (*report.cases, case), "detail": detail})
