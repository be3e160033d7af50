"""Everything that can happen to a run, as frozen models joined by their `kind`.

An event is data: it says what happened, never what to do. Kinds that this version does not know are kept as
`Unknown` and written back as they came. What happens within a conversation is in `engine.agent_events`, within a phase
in `engine.phase_events`. Model text that streams in is no event; see `engine.bus.Delta`.
"""

import logging
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from engine.agent_events import (
    AnswerReceived as AnswerReceived,
)
from engine.agent_events import (
    AnswerRejected as AnswerRejected,
)
from engine.agent_events import (
    AuditSubmitted as AuditSubmitted,
)
from engine.agent_events import (
    CallFailed as CallFailed,
)
from engine.agent_events import (
    CallStarted as CallStarted,
)
from engine.agent_events import EventBody
from engine.agent_events import (
    PlanSubmitted as PlanSubmitted,
)
from engine.agent_events import (
    ReflectionSubmitted as ReflectionSubmitted,
)
from engine.agent_events import (
    ReviewSubmitted as ReviewSubmitted,
)
from engine.agent_events import (
    SessionOpened as SessionOpened,
)
from engine.agent_events import (
    SpecSubmitted as SpecSubmitted,
)
from engine.agent_events import (
    TestsSubmitted as TestsSubmitted,
)
from engine.agent_events import (
    ToolFinished as ToolFinished,
)
from engine.agent_events import (
    WorkSubmitted as WorkSubmitted,
)
from engine.dependency_events import DependencyEvent
from engine.hook_events import HookEvent
from engine.integrity_events import IntegrityEvent
from engine.phase_events import (
    Checkpointed as Checkpointed,
)
from engine.phase_events import (
    Escalated as Escalated,
)
from engine.phase_events import (
    IterationsSummarised as IterationsSummarised,
)
from engine.phase_events import (
    IterationStarted as IterationStarted,
)
from engine.phase_events import (
    MergeConflict as MergeConflict,
)
from engine.phase_events import (
    PhaseFinished as PhaseFinished,
)
from engine.phase_events import (
    PhaseOpened as PhaseOpened,
)
from engine.phase_events import (
    PhaseReplanned as PhaseReplanned,
)
from engine.phase_events import (
    ProofFinished as ProofFinished,
)
from engine.phase_events import (
    Recalled as Recalled,
)
from engine.phase_events import (
    ScanFinished as ScanFinished,
)
from engine.phase_events import (
    TestsFinished as TestsFinished,
)
from engine.phase_events import (
    TierMerged as TierMerged,
)
from engine.task import BlastRadius, Plan, ProjectFacts, Receipt, Task
from sandbox.packages.values import Package

_logger = logging.getLogger(__name__)

PauseReason = Literal[
    "person", "budget", "price", "iterations", "model", "sandbox", "workspace", "store", "refused", "error", "hook"
]
Topic = Literal["questions", "plan", "command", "scan", "stuck", "tests", "dependency"]
Decision = Literal["once", "run", "always", "deny"]
Outcome = Literal["success", "failed", "cancelled"]


class RunStarted(EventBody):
    """A person gave a goal."""

    kind: Literal["run_started"] = "run_started"
    task_id: str
    task: Task


class WorkspacePrepared(EventBody):
    """The run has a worktree on its own branch."""

    kind: Literal["workspace_prepared"] = "workspace_prepared"
    worktree: str
    repository: str
    """The repository that holds the branch: the person's, or one in Miracle's data directory."""
    owned: bool = False
    """True when the repository is in Miracle's data directory because the person's folder has none."""
    branch: str
    base_commit: str
    snapshot: bool = False
    """True when uncommitted work of the person was copied into the base commit."""
    facts: ProjectFacts = ProjectFacts()
    backend: str = ""
    enforced: tuple[str, ...] = ()
    """Limits of the sandbox that the kernel enforces."""
    best_effort: tuple[str, ...] = ()
    """Limits that only a watchdog enforces."""
    missing: tuple[str, ...] = ()
    """What it does not limit."""


class RunPaused(EventBody):
    """Nothing new is begun until the run is resumed."""

    kind: Literal["run_paused"] = "run_paused"
    reason: PauseReason
    detail: str = ""
    hint: str = ""
    by: str = "miracle"
    needs_usd: float = 0.0
    """What the next call lacks, at least, where the budget is short."""
    needs_tokens: int = 0
    """The same in tokens."""


class RunResumed(EventBody):
    """A person lets the run go on, perhaps with more to spend."""

    kind: Literal["run_resumed"] = "run_resumed"
    by: str = "person"
    add_budget_usd: float = 0.0
    add_iterations: int = 0
    add_tokens: int = 0


class RunCancelled(EventBody):
    """A person ended the run."""

    kind: Literal["run_cancelled"] = "run_cancelled"
    by: str = "person"


class Steered(EventBody):
    """A person's message to the running agent."""

    kind: Literal["steered"] = "steered"
    text: str
    by: str = "person"


class Warned(EventBody):
    """A limit is near."""

    kind: Literal["warned"] = "warned"
    topic: Literal["iterations", "budget", "tokens"]
    text: str


class PlanEdited(EventBody):
    """A person changed the plan before approving it."""

    kind: Literal["plan_edited"] = "plan_edited"
    plan: Plan
    by: str = "person"


class ApprovalRequested(EventBody):
    """A question to a person."""

    kind: Literal["approval_requested"] = "approval_requested"
    approval_id: str
    topic: Topic
    subject: str
    """What the question is about, exactly: two requests with one topic and subject are the same question."""
    title: str
    detail: str = ""
    phase_id: str = ""
    number: int = 0
    questions: tuple[str, ...] = ()
    blast_radius: BlastRadius = BlastRadius()
    packages: tuple[Package, ...] = ()
    """Of a question about packages: those it is about, and what comes with them."""
    session_id: str = ""
    tool_call_id: str = ""


class ApprovalAnswered(EventBody):
    """A person's answer, or the policy's."""

    kind: Literal["approval_answered"] = "approval_answered"
    approval_id: str
    decision: Decision
    reason: str = ""
    answers: tuple[str, ...] = ()
    by: str = "person"
    """`person`, `policy`, `timeout`, or `rule` with `rule_id`."""
    rule_id: str = ""
    """The standing rule that gave this answer, or that this answer made."""


class RunFinished(EventBody):
    """The end. Only the harness sets success, and only with a receipt."""

    kind: Literal["run_finished"] = "run_finished"
    outcome: Outcome
    reason: str = ""
    receipt: Receipt | None = None


class Promoted(EventBody):
    """A person took the result, or a part of it."""

    kind: Literal["promoted"] = "promoted"
    how: Literal["merge", "patch", "branch"]
    detail: str = ""
    commit: str = ""
    files: tuple[str, ...] = ()
    """Files of the person's folder that were written; empty for a patch and a branch."""
    undo: str = ""
    """The private ref that keeps the person's tree as it was before; empty when there is nothing to undo."""
    left_out: int = 0
    """Hunks that the person did not take."""


class Undone(EventBody):
    """A promotion was taken back."""

    kind: Literal["undone"] = "undone"
    detail: str = ""
    files: tuple[str, ...] = ()
    by: str = "person"


class Forked(EventBody):
    """This run begins with a prefix of another's log and goes its own way from here."""

    kind: Literal["forked"] = "forked"
    source_run_id: str
    source_seq: int
    task_id: str
    hypothesis: str = ""
    """Replaces the hypothesis of the iteration that is gone on with; empty keeps it."""
    plan: Plan | None = None
    """Replaces the plan, approved by the person who forks."""
    models: dict[str, tuple[str, ...]] | None = None
    """Replaces the model sequences."""
    budget_usd: float | None = None
    max_iterations: int | None = None


class Unknown(BaseModel):
    """An event that this version cannot read: of a kind it does not know, or damaged; written back as it came."""

    model_config = ConfigDict(frozen=True)
    kind: str
    body: dict[str, Any]


Known = (
    RunStarted
    | WorkspacePrepared
    | RunPaused
    | RunResumed
    | RunCancelled
    | Steered
    | Warned
    | SessionOpened
    | CallStarted
    | AnswerReceived
    | CallFailed
    | AnswerRejected
    | ToolFinished
    | SpecSubmitted
    | PlanSubmitted
    | PlanEdited
    | IterationStarted
    | WorkSubmitted
    | TestsSubmitted
    | ReviewSubmitted
    | AuditSubmitted
    | ReflectionSubmitted
    | Checkpointed
    | ScanFinished
    | TestsFinished
    | Recalled
    | PhaseFinished
    | ProofFinished
    | ApprovalRequested
    | ApprovalAnswered
    | RunFinished
    | Promoted
    | Undone
    | Forked
    | PhaseOpened
    | TierMerged
    | IterationsSummarised
    | Escalated
    | PhaseReplanned
    | HookEvent
    | IntegrityEvent
    | DependencyEvent
)
Event = Known | Unknown

KINDS: frozenset[str] = frozenset(model.model_fields["kind"].default for model in get_args(Known))
_ADAPTER: TypeAdapter[Known] = TypeAdapter(Annotated[Known, Field(discriminator="kind")])


class Recorded(BaseModel):
    """An event with its place in the log."""

    model_config = ConfigDict(frozen=True)
    run_id: str
    seq: int
    at: datetime
    event: Event


def to_body(event: Event) -> dict[str, Any]:
    """The event as JSON values, without its kind."""
    if isinstance(event, Unknown):
        return event.body
    return event.model_dump(mode="json", exclude={"kind"})


def from_body(kind: str, body: dict[str, Any]) -> Event:
    """The event of a stored kind and body; `Unknown` when this version does not know the kind or cannot read the body.

    One event that cannot be read must not close the whole run: the fold passes over it, and what it said is done again.
    """
    if kind not in KINDS:
        return Unknown(kind=kind, body=body)
    try:
        return _ADAPTER.validate_python({**body, "kind": kind})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False, include_context=False)[:5]
        )
        _logger.warning("an event of kind %s cannot be read and is passed over: %s", kind, problems)
        return Unknown(kind=kind, body=body)
