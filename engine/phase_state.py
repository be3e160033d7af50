"""What is so of one phase: its iterations, the agent that works on it, where it works."""

from dataclasses import dataclass
from datetime import datetime

from engine.agent_events import SectionSize
from engine.dependency_events import DependenciesResolved
from engine.events import AuditSubmitted, Escalated, ReflectionSubmitted, ReviewSubmitted
from engine.integrity_events import MutantsTried, RedFirst, TestsCompared, TestsReturned
from engine.llm.protocol import Message, ToolCall
from engine.task import SEVERITIES, BlockSeverity, FileChange, Finding, HookMoment, Subtask
from memory.records import Recollection
from sandbox.packages.values import Wanted
from sandbox.report import ScanFinding, TestReport

NEARLY_FULL = 0.8
"""Share of a model's window that a request takes when a person should know."""


@dataclass(frozen=True)
class Session:
    """An agent's conversation that has not submitted yet."""

    id: str
    role: str
    phase_id: str
    iteration: int
    visit: int
    messages: tuple[Message, ...]
    heard: int = 0
    """How many of the person's messages it carries."""
    pending: tuple[ToolCall, ...] = ()
    """Tool calls of the last answer that have no result yet, in order."""
    turns: int = 0
    strikes: int = 0
    """Answers in a row that could not be used."""
    model_index: int = 0
    """Place in the role's model sequence."""
    calling: str = ""
    """Id of the call that was begun and has no answer."""
    reserved_usd: float = 0.0
    """What that call costs at worst."""
    reserved_tokens: int = 0
    """The tokens that it takes at worst, input and output together."""
    last_finish: str = ""
    last_refusal: str = ""
    last_call_id: str = ""
    error: str = ""
    """Why the last model was given up."""
    hint: str = ""
    fatal: bool = False
    squeezes: int = 0
    """How often a server called the conversation too long; each time halves what the next request may take."""
    sections: tuple[SectionSize, ...] = ()
    """What its opening is made of."""
    prompt_tokens: int = 0
    """What the newest request takes by estimate, its tools included."""
    budget_tokens: int = 0
    """What the messages of the newest request may take."""
    window_tokens: int = 0
    """What the model may read and answer with in one call; 0 while it is not known."""

    @property
    def nearly_full(self) -> bool:
        """Whether the newest request takes most of what the model may read."""
        return self.prompt_tokens >= self.window_tokens * NEARLY_FULL > 0


@dataclass(frozen=True)
class Iteration:
    """One trip round the loop."""

    number: int
    phase_id: str
    hypothesis: str = ""
    base_commit: str = ""
    """What the iteration began from."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    work: str | None = None
    code_commit: str = ""
    tests_commit: str = ""
    tree: str = ""
    """The tree of the newest checkpoint; empty in the log of an older Miracle."""
    files: tuple[FileChange, ...] = ()
    diff: str = ""
    review: ReviewSubmitted | None = None
    audit: AuditSubmitted | None = None
    tests: tuple[str, ...] | None = None
    """Test files that the tester submitted in this iteration."""
    code_scan: tuple[ScanFinding, ...] | None = None
    """What the scan found before reviewer and auditor read the code; None where none of them takes part."""
    scan: tuple[ScanFinding, ...] | None = None
    wanted: tuple[Wanted, ...] = ()
    """Packages that it needs and that its environment did not hold."""
    resolved: DependenciesResolved | None = None
    """What would be installed for them."""
    report: TestReport | None = None
    ledger: TestsCompared | None = None
    """What its tests hold to, against what they held to before."""
    red_first: RedFirst | None = None
    """How the phase's new tests end without its work."""
    mutants: MutantsTried | None = None
    returned: TestsReturned | None = None
    """Why its tests are not good enough: another iteration mends them."""
    recalled: tuple[Recollection, ...] | None = None
    inherited: bool = False
    """Whether it was reflected on in the run that this one is a fork of: its failure is that run's."""
    reflection: ReflectionSubmitted | None = None
    conflict: tuple[str, ...] = ()
    """Files that another phase changed in the same places: the work was not merged and is done again."""
    proved: bool = False
    block_severity: BlockSeverity = "critical"
    """Findings of the reviewer and the auditor that are this bad end it before its tests."""
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
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that are as bad as the run says, or worse."""
        if self.block_severity == "none":
            return ()
        worst = SEVERITIES[: SEVERITIES.index(self.block_severity) + 1]
        return tuple(finding for finding in self.findings if finding.severity in worst)

    @property
    def sent_back(self) -> bool:
        """Whether a finding ends this iteration before its tests."""
        return bool(self.blocking)

    @property
    def closed(self) -> bool:
        """Whether the next iteration may begin."""
        return self.reflection is not None or self.sent_back or bool(self.conflict) or self.returned is not None

    @property
    def unsaved(self) -> bool:
        """Whether the worktree holds submitted work that no checkpoint has yet."""
        return (self.work is not None and not self.code_commit) or (self.tests is not None and not self.tests_commit)


@dataclass(frozen=True)
class HookTurn:
    """How far a person's hooks are at one end of a phase."""

    moment: HookMoment
    number: int
    """The iteration that ended the phase; 0 before its first."""
    done: int = 0
    """Hooks that are done with."""
    begun: int | None = None
    """The hook that was begun and has no end."""
    passed: bool = False


@dataclass(frozen=True)
class Phase:
    """A subtask of the approved plan and how far it is."""

    subtask: Subtask
    tier: int
    state: str = "pending"
    """`pending`, `active` or `green`."""
    test_files: tuple[str, ...] = ()
    base_commit: str = ""
    """The run's commit that it began from, while it works apart from the others of its tier."""
    commit: str = ""
    """Its newest checkpoint, while it works apart."""
    worktree: str = ""
    """Its own folder; a fork's phase that works apart has none until it is opened again."""
    branch: str = ""
    escalations: tuple[Escalated, ...] = ()
    model_shift: int = 0
    """Places further in the model sequence that its agents begin, because it was stuck with the models before."""
    replanned: bool = False
    hooks: HookTurn | None = None
    """Where its hooks are, the newest turn only."""

    @property
    def id(self) -> str:
        return self.subtask.id

    @property
    def apart(self) -> bool:
        """Whether its work is in a worktree of its own and not merged yet."""
        return bool(self.base_commit)

    @property
    def done(self) -> bool:
        """Whether its work is green and in the run's worktree."""
        return self.state == "green" and not self.apart
