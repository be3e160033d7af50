"""Checks a run's receipt: its signature, the log that it was made from, and the repository that it speaks of."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.errors import ConfigError
from config.paths import Paths
from config.signing import TRUSTED_FILE, own_keys, short, trusted_keys
from engine.errors import CommandRefused
from engine.events import from_body
from engine.phase_events import ProofFinished
from engine.receipts import (
    approvals_of,
    log_sha256,
    proof_in,
    sha256_of,
    signature_holds,
    state_at,
    text_sha256,
)
from engine.state import State
from engine.task import Approved, Receipt
from engine.workspace.authentic import authentic, branch_stands
from engine.workspace.git import Git, GitError
from engine.workspace.prepared import find_prepared
from memory.records import StoredEvent
from sandbox.identity import sandbox_identity

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.run_context import RunContext

_LOST = (
    "{} was this installation's key and is not any more. If it was lost and nobody else can have read it, its receipts "
    "hold again with this line in {}: {} my earlier key"
)


@dataclass(frozen=True)
class Check:
    """One thing that a receipt says, and whether it is so."""

    name: str
    wrong: str = ""
    """What is not so; empty when it is."""
    said: str = ""
    """What was found, where it is."""

    @property
    def holds(self) -> bool:
        """Whether it is so."""
        return not self.wrong


@dataclass(frozen=True)
class Verification:
    """A receipt and what came of checking it."""

    run_id: str
    receipt: Receipt | None
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether there is a receipt and all of it is so."""
        return self.receipt is not None and all(check.holds for check in self.checks)


async def verify_run(engine: "Engine", run_id: str, *, again: bool = False) -> Verification:
    """Check the receipt of a run; nothing is written.

    Args:
        engine: the open engine.
        run_id: the run.
        again: prove the commit once more, in a fresh sandbox, and compare.

    Raises:
        CommandRefused: the signing key cannot be used.
        WorkspaceError, SandboxError: the proof cannot be made again.
    """
    log = await engine.memory.store.read(run_id)
    found = await verify_log(run_id, log, engine.config.paths)
    if again and found.receipt is not None:
        repeated = await _proved_again(engine, run_id, found.receipt)
        return Verification(run_id, found.receipt, (*found.checks, repeated))
    return found


async def verify_log(run_id: str, log: Sequence[StoredEvent], paths: Paths) -> Verification:
    """Check the receipt that a run's log carries.

    Args:
        run_id: the run.
        log: all its events, as they are stored.
        paths: where this installation's key and repositories are.

    Raises:
        CommandRefused: the signing key cannot be used.
    """
    proof = proof_in(log)
    event = from_body(proof.kind, proof.body) if proof is not None else None
    if proof is None or not isinstance(event, ProofFinished) or event.receipt is None:
        state = state_at(log, len(log))
        outcome = f"the run is {state.status.value}" if log else "its log is empty"
        wrong = f"there is none: {outcome}" if proof is None else "it cannot be read: its event in the log is damaged"
        return Verification(run_id, None, (Check("receipt", wrong),))
    receipt, stored = event.receipt, proof.body["receipt"]
    try:
        trusted = await asyncio.to_thread(trusted_keys, paths)
        own = await asyncio.to_thread(own_keys, paths)
    except ConfigError as exc:
        raise CommandRefused(exc.title, exc.hint) from exc
    then = state_at(log, receipt.events)
    checks = (
        _signature(stored, trusted, own),
        _run(run_id, receipt, then),
        _log(receipt, log),
        _proof(proof.body, receipt, event),
        _approvals(receipt, approvals_of(then)),
        _end(log, proof, stored),
        *await _repository(run_id, receipt, then, paths),
    )
    return Verification(run_id, receipt, checks)


def _signature(stored: Mapping[str, Any], trusted: Mapping[str, str], own: Sequence[str]) -> Check:
    key = str(stored.get("key", ""))
    if not key:
        return Check("signature", "the receipt is not signed: an older Miracle made it")
    if not signature_holds(stored):
        return Check("signature", f"the receipt is not what the key {short(key)} signed")
    if key not in trusted and key in own:
        return Check("signature", _LOST.format(short(key), TRUSTED_FILE, key))
    if key not in trusted:
        return Check("signature", f"the key {short(key)} is neither this installation's nor in trusted_keys")
    return Check("signature", said=f"signed by {short(key)}, {trusted[key]}, {stored.get('at')}")


def _approvals(receipt: Receipt, answered: Sequence[Approved]) -> Check:
    if receipt.approvals != tuple(answered):
        return Check("approvals", "the log has others than the receipt")
    if not answered:
        return Check("approvals", said="nothing was asked")
    by = Counter(one.by for one in answered if one.decision != "deny")
    denied = sum(one.decision == "deny" for one in answered)
    told = [f"{count} allowed by {who}" for who, count in sorted(by.items())] + [f"{denied} denied"] * bool(denied)
    return Check("approvals", said=", ".join(told))


def _run(run_id: str, receipt: Receipt, then: State) -> Check:
    if receipt.run_id != run_id:
        return Check("run", f"the receipt is of the run {receipt.run_id or '?'}")
    if then.task is None or receipt.goal_sha256 != text_sha256(then.task.goal):
        return Check("run", "the goal in the log is not the one that was proved")
    return Check("run", said="the goal is the one that was proved")


def _log(receipt: Receipt, log: Sequence[StoredEvent]) -> Check:
    before = [one for one in log if one.seq <= receipt.events]
    if len(before) != receipt.events or log_sha256(before) != receipt.log_sha256:
        return Check("log", f"the first {receipt.events} events are not what the proof stood on")
    return Check("log", said=f"{receipt.events} events are as they were")


def _proof(body: Mapping[str, Any], receipt: Receipt, event: ProofFinished) -> Check:
    rest = {name: value for name, value in body.items() if name != "receipt"}
    report = event.report
    if sha256_of(rest) != receipt.proof_sha256:
        return Check("proof", "the report in the log is not the one that the receipt was made from")
    cases = tuple((case.id, case.outcome) for case in report.cases)
    if (
        cases != tuple(zip(receipt.tests, receipt.outcomes, strict=False))
        or text_sha256(report.output) != receipt.output_sha256
        or (report.passed, report.skipped, report.green) != (receipt.passed, receipt.skipped, True)
    ):
        return Check("proof", "the report in the log says something else than the receipt")
    return Check("proof", said=f"{receipt.passed} passed, {receipt.skipped} skipped, as the receipt says")


def _end(log: Sequence[StoredEvent], proof: StoredEvent, stored: Mapping[str, Any]) -> Check:
    ends = [one.body for one in log if one.kind == "run_finished" and one.seq > proof.seq]
    if not ends:
        return Check("end", "the run has not ended")
    if ends[0].get("outcome") != "success" or ends[0].get("receipt") != stored:
        return Check("end", "the run's end does not carry this receipt")
    return Check("end", said="the run ended with this receipt")


async def _repository(run_id: str, receipt: Receipt, then: State, paths: Paths) -> tuple[Check, ...]:
    prepared = find_prepared(run_id, paths, sandbox_identity())
    place = Path(then.workspace.repository) if then.workspace else Path()
    store = prepared.store if prepared else Git(place)
    home = prepared.home if prepared else Git(place)
    branch = then.workspace.branch if then.workspace else ""
    try:
        wrong = await authentic(store, receipt.commit, receipt.tree)
        moved = await branch_stands(home, branch, receipt.commit)
    except GitError as exc:
        return (Check("commit", f"{exc.title}. {exc.hint}"),)
    commit = Check("commit", wrong, f"{receipt.commit[:12]} and its tree {receipt.tree[:12]} are whole")
    return (commit, Check("branch", moved, f"nothing moved {branch}"))


async def _proved_again(engine: "Engine", run_id: str, receipt: Receipt) -> Check:
    from engine.steps.prove import prove_commit

    async with _reading(engine, run_id) as run:
        proof = await prove_commit(run, receipt.commit, "again")
    report = proof.report
    if not report.green:
        failed = report.first_failing
        return Check("again", f"it is not green now ({report.reason}): {failed.id if failed else report.detail}")
    before = dict(zip(receipt.tests, receipt.outcomes or ("passed",) * len(receipt.tests), strict=False))
    now = {case.id: case.outcome for case in report.cases}
    if before != now:
        other = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        return Check("again", f"{len(other)} tests ended otherwise now: {', '.join(other[:3])}")
    same = (proof.image, proof.env.fingerprint, report.backend) == (receipt.image, receipt.environment, receipt.backend)
    where = "in the same surroundings" if same else f"in other surroundings: {report.backend}, {proof.image[:40]}"
    return Check("again", said=f"{report.passed} passed again {where}")


@asynccontextmanager
async def _reading(engine: "Engine", run_id: str) -> AsyncIterator["RunContext"]:
    """The run's surroundings without its lease: nothing can be appended."""
    from config.secrets import redact
    from engine.known import known_to
    from engine.run_context import RunContext
    from engine.run_log import RunLog

    async def nothing() -> None:
        pass

    secrets = await known_to(engine.memory.store, run_id, engine.config)
    log = RunLog(engine.memory.store, run_id)
    await log.load()
    yield RunContext(
        log=log,
        config=engine.config,
        model=engine.model,
        memory=engine.memory,
        bus=engine.bus,
        backend=engine.sandbox.backend,
        redact=lambda text: redact(text, secrets),
        release=nothing,
        secrets=secrets,
    )
