"""The words of the work itself: task, spec, plan, findings. Frozen values that events carry."""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

ProjectType = Literal["web_app", "data_pipeline", "cli_tool", "library", "script", "existing"]
Language = Literal["python", "node"]
HookMoment = Literal["before_phase", "after_phase"]
Severity = Literal["critical", "major", "minor", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "major", "minor", "info")
"""From the worst on."""
BlockSeverity = Literal["critical", "major", "minor", "none"]

PROJECT_TYPES: tuple[str, ...] = get_args(ProjectType)
LANGUAGES: tuple[str, ...] = get_args(Language)
MAX_GOAL_CHARACTERS = 100_000
"""A longer goal would fill a model's context by itself."""


class Value(BaseModel):
    """A frozen value; fields that a newer Miracle wrote are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Task(Value):
    """A goal and the frame a person set around it."""

    goal: str = Field(min_length=1)
    workspace: str
    """The person's folder, absolute."""
    project_type: ProjectType = "existing"
    language: Language = "python"
    verify: str = ""
    """An acceptance command that no agent can edit."""
    budget_usd: float = 5.0
    max_tokens: int = 2_000_000
    max_iterations: int = 15
    warn_iteration: int = 12
    warn_percentage: int = 80
    max_turns: int = 40
    questions: bool = True
    review: bool = False
    audit: bool = False
    block_severity: BlockSeverity = "critical"
    """The least severity of a reviewer's or an auditor's finding that sends the work back; `none` only tells."""
    approve: Literal["ask", "safe", "all"] = "ask"
    approval_timeout_s: int = 0
    """Seconds after which a question that nobody answered is denied; 0 waits for ever."""
    parallel_phases: int = 1
    hooks: tuple[HookMoment, ...] = ()
    """At which ends of a phase the person has commands of their own."""
    """Phases of one tier that may be at work at the same time, each in a worktree of its own."""
    patterns: tuple[str, ...] = ()
    """Ids of solutions in memory that the planner is shown before others, because a person chose them."""
    priority: int = 0
    """Where workers share a queue, the higher goes first."""
    models: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Agent to the models tried in turn."""
    base_url: str = ""
    """The model server, where it was named for this run; empty for the configured one."""
    model_label: str = ""
    scripted: bool = False
    unsafe_local: bool = False
    mutants: int = 0
    """Small faults that are put into the changed lines of a phase, to see how many its tests catch."""
    min_mutants: int = 0
    """Percentage of them that the tests must catch before the phase may end; 0 only reports."""


class Spec(Value):
    """The structured form of a goal that the reprompter submits."""

    title: str = Field(min_length=1, max_length=200)
    summary: str
    project_type: ProjectType = "existing"
    language: Language = "python"
    requirements: tuple[str, ...] = ()
    acceptance: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    """Choices that the goal left open and that nobody was asked about."""
    out_of_scope: tuple[str, ...] = ()


class Subtask(Value):
    """One testable phase of a plan."""

    id: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")
    title: str = Field(min_length=1, max_length=200)
    description: str
    depends_on: tuple[str, ...] = ()
    challenges: tuple[str, ...] = ()
    test_strategy: str = ""
    files: tuple[str, ...] = ()


class Plan(Value):
    """2-5 testable subtasks whose dependencies form no circle."""

    summary: str = ""
    subtasks: tuple[Subtask, ...] = Field(min_length=1, max_length=8)

    @model_validator(mode="after")
    def _ordered(self) -> "Plan":
        known = [subtask.id for subtask in self.subtasks]
        if len(set(known)) != len(known):
            raise ValueError("two subtasks have the same id")
        for subtask in self.subtasks:
            for other in subtask.depends_on:
                if other not in known:
                    raise ValueError(f"subtask {subtask.id} depends on {other}, which is not in the plan")
        self.tiers()
        return self

    def tiers(self) -> tuple[tuple[Subtask, ...], ...]:
        """Subtasks in the order they may be done; those of one tier do not depend on each other.

        Raises:
            ValueError: the dependencies form a circle.
        """
        done: set[str] = set()
        waiting = list(self.subtasks)
        tiers: list[tuple[Subtask, ...]] = []
        while waiting:
            tier = tuple(subtask for subtask in waiting if set(subtask.depends_on) <= done)
            if not tier:
                raise ValueError("the dependencies form a circle: " + ", ".join(subtask.id for subtask in waiting))
            tiers.append(tier)
            done |= {subtask.id for subtask in tier}
            waiting = [subtask for subtask in waiting if subtask.id not in done]
        return tuple(tiers)


class Finding(Value):
    """What a reviewer or auditor found."""

    severity: Severity
    title: str
    path: str = ""
    line: int = 0
    detail: str = ""
    evidence: str = ""
    """What shows it: the code, the input, or the scan's finding."""
    fix: str = ""
    category: str = ""
    """The OWASP category, from the auditor."""


class FileChange(Value):
    """A file of a checkpoint; the counts are lines."""

    path: str
    status: Literal["added", "modified", "deleted", "renamed"]
    added: int = 0
    removed: int = 0


class BlastRadius(Value):
    """What an approval would let happen."""

    paths: tuple[str, ...] = ()
    network: bool = False
    cost_usd: float | None = None
    reversible: bool = True


class ProjectFacts(Value):
    """What was found in an existing repository and is to be kept."""

    language: Language | None = None
    test_kind: Literal["pytest", "node", "vitest", "jest", "command", "none"] = "none"
    test_command: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()
    conventions: tuple[str, ...] = ()
    """Sentences for the prompts: layout, linters, files such as AGENTS.md."""
    files: int = 0


class Approved(Value):
    """A question of the run and how it was answered."""

    approval_id: str
    topic: str
    subject: str
    decision: str
    by: str
    rule_id: str = ""


class Receipt(Value):
    """The proof that a run is green: made by the harness in a fresh sandbox from a clean checkout, and signed.

    A receipt of an older Miracle has no signature; `engine.receipts` says what the hashes are of.
    """

    commit: str
    tree: str
    backend: str
    tests: tuple[str, ...]
    passed: int
    skipped: int
    output_sha256: str
    verify: str = ""
    duration_s: float = 0.0
    run_id: str = ""
    image: str = ""
    """What isolated the code: the id of the Docker image, or the version of bubblewrap."""
    environment: str = ""
    """The fingerprint of the tool environment."""
    outcomes: tuple[str, ...] = ()
    """How each test ended, in the order of `tests`."""
    durations_s: tuple[float, ...] = ()
    """Seconds of each test, in the order of `tests`."""
    goal_sha256: str = ""
    approvals: tuple[Approved, ...] = ()
    events: int = 0
    """Events of the log that the proof stands on."""
    log_sha256: str = ""
    """Of those events."""
    proof_sha256: str = ""
    """Of the event that carries this receipt, without it."""
    miracle: str = ""
    """The version that made it."""
    at: str = ""
    """When, in UTC."""
    key: str = ""
    """The public key, 64 hexadecimal digits; empty when it is not signed."""
    signature: str = ""
    """Ed25519 over all the rest as canonical JSON."""
