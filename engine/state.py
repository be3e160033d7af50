"""What is so now: the frozen state of a run, folded from its log by `engine.evolve`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.events import (
    ApprovalAnswered,
    ApprovalRequested,
    AuditSubmitted,
    Outcome,
    Promoted,
    ReflectionSubmitted,
    ReviewSubmitted,
    RunPaused,
    Topic,
    WorkspacePrepared,
)
from engine.llm.protocol import Message, ToolCall
from engine.task import FileChange, Finding, Plan, Receipt, Spec, Subtask, Task
from memory.records import Recollection
from sandbox.report import ScanFinding, TestReport


class Stage(StrEnum):
    """Where in the loop a run stands."""

    INIT = "INIT"
    PLANNING = "PLANNING"
    CODING = "CODING"
    REVIEW = "REVIEW"
    AUDIT = "AUDIT"
    TESTING = "TESTING"
    REFLECTING = "REFLECTING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Status(StrEnum):
    """Whether a run is at work, and if not, why."""

    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"


ROLE_STAGE = {
    "reprompter": Stage.INIT,
    "planner": Stage.PLANNING,
    "coder": Stage.CODING,
    "reviewer": Stage.REVIEW,
    "auditor": Stage.AUDIT,
    "tester": Stage.TESTING,
    "reflector": Stage.REFLECTING,
}


@dataclass(frozen=True, slots=True)
class Session:
    """An agent's conversation that has not submitted yet."""

    id: str
    role: str
    phase_id: str
    iteration: int
    visit: int
    messages: tuple[Message, ...]
    pending: tuple[ToolCall, ...] = ()
    """Tool calls of the last answer that have no result yet, in order."""
    turns: int = 0
    strikes: int = 0
    """Answers in a row that could not be used."""
    model_index: int = 0
    """Place in the role's model sequence."""
    calling: str = ""
    """Id of the call that was begun and has no answer."""
    last_finish: str = ""
    last_refusal: str = ""
    last_call_id: str = ""
    error: str = ""
    """Why the last model was given up."""
    hint: str = ""
    fatal: bool = False
    squeezes: int = 0
    """How often a server called the conversation too long; each time halves what the next request may take."""


@dataclass(frozen=True, slots=True)
class Iteration:
    """One trip round the loop."""

    number: int
    phase_id: str
    hypothesis: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    work: str | None = None
    code_commit: str = ""
    tests_commit: str = ""
    files: tuple[FileChange, ...] = ()
    diff: str = ""
    review: ReviewSubmitted | None = None
    audit: AuditSubmitted | None = None
    tests: tuple[str, ...] | None = None
    """Test files that the tester submitted in this iteration."""
    scan: tuple[ScanFinding, ...] | None = None
    report: TestReport | None = None
    recalled: tuple[Recollection, ...] | None = None
    reflection: ReflectionSubmitted | None = None
    proved: bool = False
    cost_usd: float = 0.0
    tokens: int = 0

    @property
    def commit(self) -> str:
        """The newest checkpoint."""
        return self.tests_commit or self.code_commit

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What reviewer and auditor found."""
        return (self.review.findings if self.review else ()) + (self.audit.findings if self.audit else ())

    @property
    def sent_back(self) -> bool:
        """Whether a critical finding ends this iteration before its tests."""
        return any(finding.severity == "critical" for finding in self.findings)

    @property
    def closed(self) -> bool:
        """Whether the next iteration may begin."""
        return self.reflection is not None or self.sent_back


@dataclass(frozen=True, slots=True)
class Phase:
    """A subtask of the approved plan and how far it is."""

    subtask: Subtask
    tier: int
    state: str = "pending"
    """`pending`, `active` or `green`."""
    test_files: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.subtask.id


@dataclass(frozen=True, slots=True)
class Approval:
    """A question to a person and its answer."""

    request: ApprovalRequested
    asked_at: datetime
    answer: ApprovalAnswered | None = None


@dataclass(frozen=True, slots=True)
class Spend:
    """What the run used."""

    usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0
    unpriced_calls: int = 0
    """Calls whose price is unknown; they count as free, and the screen says so."""

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class State:
    """Everything that is so of one run."""

    run_id: str = ""
    seq: int = 0
    started_at: datetime | None = None
    updated_at: datetime | None = None
    task_id: str = ""
    task: Task | None = None
    workspace: WorkspacePrepared | None = None
    spec: Spec | None = None
    plan: Plan | None = None
    plan_approved: bool = False
    plan_feedback: str = ""
    """Why a person sent the last plan back."""
    phases: tuple[Phase, ...] = ()
    iterations: tuple[Iteration, ...] = ()
    session: Session | None = None
    visits: tuple[tuple[str, str, int], ...] = ()
    """(role, phase, sessions opened)."""
    approvals: tuple[Approval, ...] = ()
    steers: tuple[str, ...] = ()
    """A person's messages that no prompt has carried yet."""
    spend: Spend = Spend()
    budget_usd: float = 0.0
    max_iterations: int = 0
    warned: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    paused: RunPaused | None = None
    outcome: Outcome | None = None
    reason: str = ""
    receipt: Receipt | None = None
    promoted: Promoted | None = None

    @property
    def status(self) -> Status:
        """Whether the run is at work."""
        if self.outcome:
            return Status(self.outcome)
        if self.paused:
            return Status.PAUSED
        return Status.WAITING if self.pending_approvals else Status.RUNNING

    @property
    def stage(self) -> Stage:
        """Where in the loop the run stands."""
        if self.outcome:
            return {"success": Stage.SUCCESS, "failed": Stage.FAILED, "cancelled": Stage.CANCELLED}[self.outcome]
        if self.session:
            return ROLE_STAGE.get(self.session.role, Stage.CODING)
        if self.spec is None:
            return Stage.INIT
        if not self.plan_approved:
            return Stage.PLANNING
        return self._stage_of_iteration()

    def _stage_of_iteration(self) -> Stage:
        last = self.iteration
        if last is None or last.closed or (last.work is None and last.tests is None):
            return Stage.CODING
        if last.report is not None and not last.report.green:
            return Stage.REFLECTING
        return Stage.TESTING

    @property
    def title(self) -> str:
        """A line that names the run."""
        if self.spec:
            return self.spec.title
        goal = self.task.goal if self.task else ""
        return goal.strip().split("\n", 1)[0][:80]

    @property
    def iteration(self) -> Iteration | None:
        """The newest iteration."""
        return self.iterations[-1] if self.iterations else None

    @property
    def phase(self) -> Phase | None:
        """The phase at work: the first that is not green, in tier order; None when all are."""
        return next((phase for phase in self.phases if phase.state != "green"), None)

    @property
    def pending_approvals(self) -> tuple[Approval, ...]:
        """Questions without an answer."""
        return tuple(approval for approval in self.approvals if approval.answer is None)

    @property
    def protected_tests(self) -> tuple[str, ...]:
        """Test files that the coder may not touch."""
        return tuple(dict.fromkeys(path for phase in self.phases for path in phase.test_files))

    @property
    def next_approval_id(self) -> str:
        """Names the run's next question; the number counts its questions."""
        return f"{self.run_id}.{len(self.approvals) + 1}"

    def visit(self, role: str, phase_id: str) -> int:
        """How many sessions of this role were opened in this phase."""
        return next((count for r, p, count in self.visits if (r, p) == (role, phase_id)), 0)

    def iterations_of(self, phase_id: str) -> tuple[Iteration, ...]:
        """The iterations of one phase, oldest first."""
        return tuple(iteration for iteration in self.iterations if iteration.phase_id == phase_id)

    def answer_to(
        self, topic: Topic, *, session_id: str = "", tool_call_id: str = "", number: int = 0
    ) -> Approval | None:
        """The newest question of this topic about this tool call of this session, or about this iteration."""
        return next(
            (
                approval
                for approval in reversed(self.approvals)
                if approval.request.topic == topic
                and (approval.request.session_id, approval.request.tool_call_id) == (session_id, tool_call_id)
                and approval.request.number == number
            ),
            None,
        )

    def allows(self, topic: Topic, subject: str) -> bool:
        """Whether a person allowed this subject for the whole run."""
        return any(
            approval.answer is not None
            and approval.answer.decision == "run"
            and subject in approval.request.subject.split("\n")
            for approval in self.approvals
            if approval.request.topic == topic
        )
