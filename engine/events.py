"""Everything that can happen to a run, as frozen models joined by their `kind`.

An event is data: it says what happened, never what to do. Kinds that this version does not know are kept as
`Unknown` and written back as they came. Model text that streams in is no event; see `engine.bus.Delta`.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from engine.llm.protocol import Answer, Message
from engine.task import BlastRadius, FileChange, Finding, Plan, ProjectFacts, Receipt, Spec, Task
from memory.records import Recollection
from sandbox.report import ScanFinding, TestReport

Role = str
PauseReason = Literal["person", "budget", "iterations", "model", "sandbox", "workspace", "store", "refused", "error"]
Topic = Literal["questions", "plan", "command", "scan", "dependency"]
Decision = Literal["once", "run", "deny"]
Outcome = Literal["success", "failed", "cancelled"]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")
    v: int = 1


class RunStarted(_Event):
    """A person gave a goal."""

    kind: Literal["run_started"] = "run_started"
    task_id: str
    task: Task


class WorkspacePrepared(_Event):
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


class RunPaused(_Event):
    """Nothing new is begun until the run is resumed."""

    kind: Literal["run_paused"] = "run_paused"
    reason: PauseReason
    detail: str = ""
    hint: str = ""
    by: str = "miracle"


class RunResumed(_Event):
    """A person lets the run go on, perhaps with more to spend."""

    kind: Literal["run_resumed"] = "run_resumed"
    by: str = "person"
    add_budget_usd: float = 0.0
    add_iterations: int = 0


class RunCancelled(_Event):
    """A person ended the run."""

    kind: Literal["run_cancelled"] = "run_cancelled"
    by: str = "person"


class Steered(_Event):
    """A person's message to the running agent."""

    kind: Literal["steered"] = "steered"
    text: str
    by: str = "person"


class Warned(_Event):
    """A limit is near."""

    kind: Literal["warned"] = "warned"
    topic: Literal["iterations", "budget", "tokens"]
    text: str


class SessionOpened(_Event):
    """An agent begins; `messages` is the whole prompt it begins with."""

    kind: Literal["session_opened"] = "session_opened"
    session_id: str
    role: Role
    phase_id: str = ""
    iteration: int = 0
    visit: int = 1
    messages: tuple[Message, ...]


class CallStarted(_Event):
    """A model call is about to be made; its worst case is reserved."""

    kind: Literal["call_started"] = "call_started"
    session_id: str
    call_id: str
    model: str
    reserved_usd: float | None = None


class AnswerReceived(_Event):
    """A paid answer, appended before anything parses it."""

    kind: Literal["answer_received"] = "answer_received"
    session_id: str
    call_id: str
    answer: Answer


class CallFailed(_Event):
    """A model call failed for good; the next model in the sequence is tried, if there is one."""

    kind: Literal["call_failed"] = "call_failed"
    session_id: str
    call_id: str
    model: str
    error: str
    detail: str
    hint: str = ""
    fatal: bool = False
    """True when another model would not help: the key is wrong, the account is empty."""


class AnswerRejected(_Event):
    """An answer that calls nothing; the reason goes back to the model."""

    kind: Literal["answer_rejected"] = "answer_rejected"
    session_id: str
    call_id: str
    reason: str


class ToolFinished(_Event):
    """A tool call's result; `strike` when the call itself was malformed."""

    kind: Literal["tool_finished"] = "tool_finished"
    session_id: str
    tool_call_id: str
    name: str
    target: str = ""
    """What it was about, for the screen: a path, a command."""
    ok: bool
    output: str
    strike: bool = False
    duration_s: float = 0.0


class SpecSubmitted(_Event):
    """The reprompter's result."""

    kind: Literal["spec_submitted"] = "spec_submitted"
    session_id: str
    spec: Spec


class PlanSubmitted(_Event):
    """The planner's result."""

    kind: Literal["plan_submitted"] = "plan_submitted"
    session_id: str
    plan: Plan


class PlanEdited(_Event):
    """A person changed the plan before approving it."""

    kind: Literal["plan_edited"] = "plan_edited"
    plan: Plan
    by: str = "person"


class IterationStarted(_Event):
    """A trip round the loop begins; numbers count across the run."""

    kind: Literal["iteration_started"] = "iteration_started"
    phase_id: str
    number: int
    hypothesis: str = ""


class WorkSubmitted(_Event):
    """The coder's result."""

    kind: Literal["work_submitted"] = "work_submitted"
    session_id: str
    summary: str


class TestsSubmitted(_Event):
    """The tester's result; the files are read-only for the coder from here on."""

    __test__ = False

    kind: Literal["tests_submitted"] = "tests_submitted"
    session_id: str
    files: tuple[str, ...]
    summary: str = ""


class ReviewSubmitted(_Event):
    """The reviewer's result."""

    kind: Literal["review_submitted"] = "review_submitted"
    session_id: str
    verdict: Literal["approve", "revise"]
    findings: tuple[Finding, ...] = ()


class AuditSubmitted(_Event):
    """The auditor's result."""

    kind: Literal["audit_submitted"] = "audit_submitted"
    session_id: str
    verdict: Literal["approve", "revise"]
    findings: tuple[Finding, ...] = ()


class ReflectionSubmitted(_Event):
    """The reflector's result: the hypothesis leads the next iteration."""

    kind: Literal["reflection_submitted"] = "reflection_submitted"
    session_id: str
    cause: str
    hypothesis: str
    fault: Literal["code", "tests"] = "code"
    used_memories: tuple[str, ...] = ()


class Checkpointed(_Event):
    """The worktree is committed."""

    kind: Literal["checkpointed"] = "checkpointed"
    phase_id: str
    number: int
    step: Literal["code", "tests"]
    commit: str
    files: tuple[FileChange, ...] = ()
    """What the iteration changed so far, against the iteration before."""
    diff: str = ""
    """Unified diff of those changes, cut where it is very long."""


class ScanFinished(_Event):
    """The changed files were scanned before anything runs."""

    kind: Literal["scan_finished"] = "scan_finished"
    phase_id: str
    number: int
    findings: tuple[ScanFinding, ...] = ()


class TestsFinished(_Event):
    """The sandbox ran the tests."""

    __test__ = False

    kind: Literal["tests_finished"] = "tests_finished"
    phase_id: str
    number: int
    report: TestReport


class Recalled(_Event):
    """What memory offered for a failure."""

    kind: Literal["recalled"] = "recalled"
    phase_id: str
    number: int
    items: tuple[Recollection, ...] = ()


class PhaseFinished(_Event):
    """The phase's tests are green."""

    kind: Literal["phase_finished"] = "phase_finished"
    phase_id: str
    number: int


class ProofFinished(_Event):
    """The whole was tested in a fresh sandbox from a clean checkout."""

    kind: Literal["proof_finished"] = "proof_finished"
    phase_id: str
    number: int
    report: TestReport
    verify_ok: bool | None = None
    verify_output: str = ""
    receipt: Receipt | None = None
    """Present only when everything held."""


class ApprovalRequested(_Event):
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
    session_id: str = ""
    tool_call_id: str = ""


class ApprovalAnswered(_Event):
    """A person's answer, or the policy's."""

    kind: Literal["approval_answered"] = "approval_answered"
    approval_id: str
    decision: Decision
    reason: str = ""
    answers: tuple[str, ...] = ()
    by: str = "person"


class RunFinished(_Event):
    """The end. Only the harness sets success, and only with a receipt."""

    kind: Literal["run_finished"] = "run_finished"
    outcome: Outcome
    reason: str = ""
    receipt: Receipt | None = None


class Promoted(_Event):
    """A person took the result."""

    kind: Literal["promoted"] = "promoted"
    how: Literal["merge", "patch", "branch"]
    detail: str = ""
    commit: str = ""


class Unknown(BaseModel):
    """An event of a kind that this version does not know; written back as it came."""

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
    """The event of a stored kind and body; `Unknown` when this version does not know the kind.

    Raises:
        pydantic.ValidationError: a known kind whose body is not what it must be.
    """
    if kind not in KINDS:
        return Unknown(kind=kind, body=body)
    return _ADAPTER.validate_python({"kind": kind, **body})
