"""Receipts: how the proof of green is written down and signed, and how it is checked against log and repository.

Everything that is hashed or signed is canonical JSON: keys sorted, no spaces, ASCII only. The signature is over the
receipt without `signature`; `log_sha256` over the first `events` events of the run as they are stored; `proof_sha256`
over the event that carries the receipt, without it; `output_sha256` over the tests' output in that event.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from config.secrets import redact_texts
from config.signing import SigningKey, holds
from engine.evolve import fold
from engine.run_log import recorded
from engine.state import State
from engine.task import Approved, Receipt
from memory.records import StoredEvent
from sandbox.report import TestReport


def canonical(value: Any) -> bytes:
    """The one way to write a JSON value down."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def sha256_of(value: Any) -> str:
    """SHA-256 of a JSON value, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def text_sha256(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def log_sha256(log: Sequence[StoredEvent]) -> str:
    """SHA-256 over events as they are stored: number, time, kind and body of each, one a line."""
    digest = hashlib.sha256()
    for one in log:
        digest.update(canonical([one.seq, one.at.astimezone(UTC).isoformat(), one.kind, one.body]) + b"\n")
    return digest.hexdigest()


def approvals_of(state: State) -> tuple[Approved, ...]:
    """Every question of a run that was answered, the oldest first."""
    return tuple(
        Approved(
            approval_id=one.request.approval_id,
            topic=one.request.topic,
            subject=one.request.subject,
            decision=one.answer.decision,
            by=one.answer.by,
            rule_id=one.answer.rule_id,
        )
        for one in state.approvals
        if one.answer is not None
    )


def make_receipt(
    state: State,
    report: TestReport,
    *,
    tree: str,
    image: str,
    environment: str,
    log: Sequence[StoredEvent],
    proof: Mapping[str, Any],
    redact: Callable[[str], str],
    key: SigningKey,
) -> Receipt:
    """The signed receipt of a green proof.

    Args:
        state: the run as the proof found it.
        report: of the tests in the clean checkout.
        tree: the tree of `state.tip`.
        image: what isolated the code.
        environment: the fingerprint of the tool environment.
        log: the events that led to `state`, as they are stored.
        proof: the body of the event that will carry the receipt, without it.
        redact: takes secrets out of what others wrote.
        key: signs it.
    """
    task = state.task
    receipt = Receipt(
        commit=state.tip,
        tree=tree,
        backend=report.backend,
        tests=tuple(case.id for case in report.cases),
        passed=report.passed,
        skipped=report.skipped,
        output_sha256=text_sha256(report.output),
        verify=task.verify if task else "",
        duration_s=round(report.duration_s, 3),
        run_id=state.run_id,
        image=image,
        environment=environment,
        outcomes=tuple(case.outcome for case in report.cases),
        durations_s=tuple(round(case.duration_s, 4) for case in report.cases),
        goal_sha256=text_sha256(task.goal) if task else "",
        approvals=approvals_of(state),
        events=state.seq,
        log_sha256=log_sha256(log),
        proof_sha256=sha256_of(proof),
        miracle=version("miracle-agent"),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        key=key.public,
    )
    # What is signed has to be what the log keeps: nothing may be left in it that is taken out there.
    clean = redact_texts(receipt.model_dump(mode="json", exclude={"signature"}), redact)
    return Receipt.model_validate({**clean, "signature": key.sign(canonical(clean))})


def signature_holds(stored: Mapping[str, Any]) -> bool:
    """Whether a stored receipt is what its own key signed."""
    rest = {name: value for name, value in stored.items() if name != "signature"}
    return holds(str(stored.get("key", "")), str(stored.get("signature", "")), canonical(rest))


def proof_in(log: Sequence[StoredEvent]) -> StoredEvent | None:
    """The event that carries the receipt of this run; what a fork copied from its source does not count."""
    begun = max((one.seq for one in log if one.kind == "forked"), default=0)
    proofs = [one for one in log if one.kind == "proof_finished" and one.seq > begun and one.body.get("receipt")]
    return proofs[-1] if proofs else None


def state_at(log: Sequence[StoredEvent], seq: int) -> State:
    """The run as it was after event `seq`."""
    return fold(recorded(one) for one in log if one.seq <= seq)
