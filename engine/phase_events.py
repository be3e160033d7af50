"""What happens to the phases of a plan: iterations, what each was judged by, how their work comes together."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from engine.agent_events import EventBody
from engine.task import FileChange, Receipt, Subtask
from memory.records import Recollection
from sandbox.report import ScanFinding, TestReport

EscalationStep = Literal["replan", "model", "person"]


class PhaseOpened(EventBody):
    """A phase that works beside others of its tier has a worktree of its own."""

    kind: Literal["phase_opened"] = "phase_opened"
    phase_id: str
    worktree: str
    branch: str
    base_commit: str
    """The run's commit that the phase begins from, and that its work is merged against."""


class IterationStarted(EventBody):
    """A trip round the loop begins; numbers count across the run."""

    kind: Literal["iteration_started"] = "iteration_started"
    phase_id: str
    number: int
    hypothesis: str = ""


class Checkpointed(EventBody):
    """The worktree is committed."""

    kind: Literal["checkpointed"] = "checkpointed"
    phase_id: str
    number: int
    step: Literal["code", "tests"]
    commit: str
    tree: str = ""
    """The tree of the commit: equal for equal files."""
    files: tuple[FileChange, ...] = ()
    """What the iteration changed so far, against the iteration before."""
    diff: str = ""
    """Unified diff of those changes, cut where it is very long."""


class ScanFinished(EventBody):
    """The changed files were scanned before anything runs."""

    kind: Literal["scan_finished"] = "scan_finished"
    phase_id: str
    number: int
    step: Literal["code", "tests"] = "tests"
    """`code` before reviewer and auditor read it, `tests` before anything runs."""
    findings: tuple[ScanFinding, ...] = ()


class TestsFinished(EventBody):
    """The sandbox ran the tests."""

    __test__ = False

    kind: Literal["tests_finished"] = "tests_finished"
    phase_id: str
    number: int
    report: TestReport


class Recalled(EventBody):
    """What memory offered for a failure."""

    kind: Literal["recalled"] = "recalled"
    phase_id: str
    number: int
    items: tuple[Recollection, ...] = ()
    asked_usd: float = 0.0
    """What the embeddings endpoint was paid for the question."""


class PhaseFinished(EventBody):
    """The phase's tests are green."""

    kind: Literal["phase_finished"] = "phase_finished"
    phase_id: str
    number: int


class ProofFinished(EventBody):
    """The whole was tested in a fresh sandbox from a clean checkout."""

    kind: Literal["proof_finished"] = "proof_finished"
    phase_id: str
    number: int
    report: TestReport
    verify_ok: bool | None = None
    verify_output: str = ""
    receipt: Receipt | None = None
    """Present only when everything held."""


class MergeConflict(BaseModel):
    """Files of a phase that another phase of its tier changed in the same places."""

    model_config = ConfigDict(frozen=True)
    phase_id: str
    paths: tuple[str, ...]


class TierMerged(EventBody):
    """The green phases of a tier were merged into the run's worktree, one after the other."""

    kind: Literal["tier_merged"] = "tier_merged"
    tier: int
    commit: str
    merged: tuple[str, ...] = ()
    conflicts: tuple[MergeConflict, ...] = ()
    """Phases whose work was not taken: they do it again, on top of the others'."""
    files: tuple[FileChange, ...] = ()
    diff: str = ""


class IterationsSummarised(EventBody):
    """Older iterations in few words; prompts carry these instead of the iterations."""

    kind: Literal["iterations_summarised"] = "iterations_summarised"
    through: int
    """The newest iteration that the summary covers."""
    text: str


class Escalated(EventBody):
    """The stuck detector found that a phase goes in circles."""

    kind: Literal["escalated"] = "escalated"
    phase_id: str
    number: int
    step: EscalationStep
    reason: str


class PhaseReplanned(EventBody):
    """A stuck phase has another subtask in the place of its old one; its id and what depends on it stay."""

    kind: Literal["phase_replanned"] = "phase_replanned"
    session_id: str
    phase_id: str
    subtask: Subtask
