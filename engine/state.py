"""What is so now: the frozen state of a run, folded from its log by `engine.evolve`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.dependency_events import DependenciesInstalled
from engine.events import (
    ApprovalAnswered,
    ApprovalRequested,
    Forked,
    IterationsSummarised,
    Outcome,
    Promoted,
    RunPaused,
    Topic,
    Undone,
    WorkspacePrepared,
)
from engine.frozen import replace
from engine.phase_state import Iteration as Iteration
from engine.phase_state import Phase as Phase
from engine.phase_state import Session as Session
from engine.task import Plan, Receipt, Spec, Task
from memory.records import Recollection
from sandbox.packages.values import Refusal


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
    "replanner": Stage.PLANNING,
}


@dataclass(frozen=True)
class Approval:
    """A question to a person and its answer."""

    request: ApprovalRequested
    asked_at: datetime
    answer: ApprovalAnswered | None = None


@dataclass(frozen=True)
class Spend:
    """What the run used."""

    usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0
    unpriced_calls: int = 0
    """Calls whose price is unknown; they count as free, and the screen says so."""
    uncertain_usd: float = 0.0
    """What calls may have cost whose answer never reached us, because the executor died; kept from the budget."""

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def plus(self, usd: float) -> "Spend":
        """The same and what embeddings cost, which are no call of an agent."""
        return replace(self, usd=self.usd + usd)


@dataclass(frozen=True)
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
    patterns_shown: tuple[Recollection, ...] = ()
    """Solutions of earlier runs that the planner of this run was shown; a fork begins with none."""
    patterns_used: tuple[str, ...] = ()
    """Ids of those that it says it used."""
    phases: tuple[Phase, ...] = ()
    iterations: tuple[Iteration, ...] = ()
    summary: IterationsSummarised | None = None
    """The older iterations in few words."""
    installed: DependenciesInstalled | None = None
    """The packages that the run's environment holds besides the test tools."""
    refused: tuple[Refusal, ...] = ()
    """Packages that are not installed, and why."""
    tip: str = ""
    """The newest commit of the run's own worktree."""
    sessions: tuple[Session, ...] = ()
    """Conversations under way, the newest last: at most one a phase, and one of the run itself."""
    visits: tuple[tuple[str, str, int], ...] = ()
    """(role, phase, sessions opened)."""
    approvals: tuple[Approval, ...] = ()
    said: tuple[str, ...] = ()
    """A person's messages to the agents: every prompt carries them, a conversation under way with its next call."""
    told: int = 0
    """How many of them a prompt has carried."""
    spend: Spend = Spend()
    budget_usd: float = 0.0
    max_tokens: int = 0
    price_waived: bool = False
    """Whether a person lets calls be made whose price is unknown, though they wanted to be asked."""
    max_iterations: int = 0
    warned: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    paused: RunPaused | None = None
    outcome: Outcome | None = None
    reason: str = ""
    receipt: Receipt | None = None
    promoted: Promoted | None = None
    undone: Undone | None = None
    forked: Forked | None = None

    @property
    def status(self) -> Status:
        """Whether the run is at work."""
        if self.outcome:
            return Status(self.outcome)
        if self.paused:
            return Status.PAUSED
        return Status.WAITING if self._waits_for_a_person else Status.RUNNING

    @property
    def _waits_for_a_person(self) -> bool:
        """Whether questions hold up everything: those of one phase leave the others at work."""
        asking = {approval.request.phase_id for approval in self.pending_approvals}
        at_work = {phase.id for phase in self.tier_at_work if phase.state != "green"}
        return bool(asking) and ("" in asking or at_work <= asking)

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
    def session(self) -> Session | None:
        """The newest conversation under way."""
        return self.sessions[-1] if self.sessions else None

    def session_by(self, session_id: str) -> Session | None:
        """The conversation under way with this id."""
        return next((session for session in self.sessions if session.id == session_id), None)

    def session_in(self, phase_id: str) -> Session | None:
        """The conversation under way in this phase; "" for the run's own."""
        return next((session for session in self.sessions if session.phase_id == phase_id), None)

    @property
    def steers(self) -> tuple[str, ...]:
        """A person's messages that no prompt has carried yet."""
        return self.said[self.told :]

    @property
    def reserved_usd(self) -> float:
        """What the calls in flight cost at worst."""
        return sum(session.reserved_usd for session in self.sessions if session.calling)

    @property
    def iteration(self) -> Iteration | None:
        """The newest iteration."""
        return self.iterations[-1] if self.iterations else None

    def iteration_of(self, phase_id: str) -> Iteration | None:
        """The newest iteration of a phase."""
        return next((one for one in reversed(self.iterations) if one.phase_id == phase_id), None)

    def iteration_numbered(self, number: int) -> Iteration | None:
        """The iteration with this number."""
        return next((one for one in self.iterations if one.number == number), None)

    def phase_by(self, phase_id: str) -> Phase | None:
        """The phase with this id."""
        return next((phase for phase in self.phases if phase.id == phase_id), None)

    @property
    def phase(self) -> Phase | None:
        """The first phase that is not green, in tier order; None when all are."""
        return next((phase for phase in self.phases if phase.state != "green"), None)

    @property
    def tier_at_work(self) -> tuple[Phase, ...]:
        """The phases of the first tier that is not green and merged; empty when all are."""
        tier = next((phase.tier for phase in self.phases if not phase.done), 0)
        return tuple(phase for phase in self.phases if phase.tier == tier)

    def tip_of(self, phase_id: str) -> str:
        """The newest commit of the worktree that a phase works in."""
        phase = self.phase_by(phase_id)
        return (phase.commit or phase.base_commit) if phase and phase.apart else self.tip

    def focused(self, phase_id: str) -> "State":
        """The run as one phase sees it: its own iterations last, and nothing of phases whose work is not merged.

        So a phase's prompts do not depend on how far the phases beside it happen to be.
        """
        hidden = {phase.id for phase in self.phases if phase.apart and phase.id != phase_id}
        if not phase_id or not hidden:
            return self
        mine = self.iterations_of(phase_id)
        others = tuple(one for one in self.iterations if one.phase_id not in hidden and one.phase_id != phase_id)
        phases = tuple(replace(phase, test_files=()) if phase.id in hidden else phase for phase in self.phases)
        sessions = tuple(session for session in self.sessions if session.phase_id not in hidden)
        return replace(self, iterations=(*others, *mine), phases=phases, sessions=sessions)

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
            and approval.answer.decision in ("run", "always")
            and subject in approval.request.subject.split("\n")
            for approval in self.approvals
            if approval.request.topic == topic
        )
