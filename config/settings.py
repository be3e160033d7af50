"""The settings of `settings.yaml`: how runs loop, what they may cost, how they are confined."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

NUMBERS = (int, float, float | None)


class Section(BaseModel):
    """A frozen part of the configuration; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """YAML reads `yes` and `on` as true, which pydantic would take for the number 1."""
        if isinstance(value, bool) and info.field_name and cls.model_fields[info.field_name].annotation in NUMBERS:
            raise ValueError("should be a number, not true or false")
        return value


class Orchestrator(Section):
    """The loop's limits."""

    max_iterations: int = Field(default=15, ge=1, le=1000)
    """Iterations after which a run fails (the circuit breaker)."""
    checkpoint_frequency: int = Field(default=5, ge=1)
    """Iterations from one tagged checkpoint to the next; every iteration leaves a commit, whatever this says."""
    warning_threshold: int = Field(default=12, ge=1)
    """The iteration at which a person is warned."""
    max_concurrent_tasks: int = Field(default=1, ge=1)
    """Runs that may work at the same time in one process."""
    max_parallel_phases: int = Field(default=2, ge=1, le=16)
    """Phases of one tier that may work at the same time, each in a worktree of its own."""
    execution: Literal["inline", "queue"] = "inline"
    """Who works on runs: the process that starts them, or the workers (`miracle worker`) that share the database."""


class Workers(Section):
    """How workers share runs, where `orchestrator.execution` is `queue`."""

    concurrency: int = Field(default=2, ge=1, le=1000)
    """Runs that one worker works on at the same time."""
    max_runs_per_project: int = Field(default=0, ge=0)
    """Runs of one project that are at work at the same time, over all workers; 0 sets no limit."""
    heartbeat_s: float = Field(default=2.0, ge=0.5, le=60)
    """Seconds from one sign of life of a worker to the next."""
    dead_after_s: float = Field(default=6.0, ge=5, le=600)
    """Seconds without a sign of life after which other workers go on with a worker's runs."""

    @model_validator(mode="after")
    def _beats_in_time(self) -> Self:
        if self.dead_after_s < 2 * self.heartbeat_s:
            raise ValueError("dead_after_s should be at least twice heartbeat_s, or living workers count as dead")
        return self


class Agents(Section):
    """Which optional agents take part, and how much they may ask."""

    questions: bool = True
    """Whether the reprompter may put questions to a person."""
    review: bool = False
    """Whether a code reviewer reads each iteration before it is tested."""
    audit: bool = False
    """Whether a security auditor reads each iteration before it is tested."""
    block_severity: Literal["critical", "major", "minor", "none"] = "critical"
    """The least severity of a finding of theirs that sends the work back to the coder; none only shows findings."""
    approve: Literal["ask", "safe", "all"] = "ask"
    """Who answers approvals: a person; nobody for what is safe (the plan); nobody at all."""
    approval_timeout_s: int = Field(default=0, ge=0)
    """Seconds after which a question that nobody answered is denied; 0 waits for ever. A plan always waits."""
    max_turns: int = Field(default=40, ge=1)
    """Model calls that one agent may make before it must submit."""
    mutants: int = Field(default=0, ge=0, le=1000)
    """Small faults that are put into the changed lines of each phase, to see how many of them its tests catch."""
    min_mutants: int = Field(default=0, ge=0, le=100)
    """Percentage of these faults that the tests must catch before a phase may end; 0 only reports."""


class Memory(Section):
    """What is recalled from earlier failures."""

    similarity_threshold: float | None = Field(default=None, ge=-1, le=1)
    """Least cosine similarity of a recalled failure; empty means the embedding model's own."""
    max_similar_failures: int = Field(default=5, ge=0)
    """Failures shown to the reflector."""
    max_similar_patterns: int = Field(default=3, ge=0)
    """Patterns shown to the planner."""
    embedding_cache_ttl: int = Field(default=86400, ge=0)
    """Seconds for which a paid embedding is kept."""
    embedder: Literal["auto", "offline", "api"] = "auto"
    """Where embeddings come from: the endpoint, or built-in hashed n-grams; auto asks whether there is a key."""
    reembed_max_usd: float = Field(default=1.0, ge=0)
    """US dollars that the embeddings endpoint may cost for memories that have no vectors of its model yet."""


class Sandbox(Section):
    """How generated code is confined."""

    backend: Literal["auto", "docker", "bubblewrap"] = "auto"
    """The isolation backend; auto takes Docker if an engine answers, else bubblewrap, else refuses."""
    cpu_limit: float = Field(default=1.0, gt=0)
    """CPU cores."""
    memory_limit: str = Field(default="1g", pattern=r"^\d+[kmg]?$")
    """Memory, as `512m` or `1g`."""
    timeout_seconds: float = Field(default=300, gt=0)
    """Seconds that one execution may take."""
    output_limit_mb: int = Field(default=64, ge=1)
    """Megabytes of output after which an execution is stopped."""
    network_enabled: bool = False
    """Whether tests may use the network; a project's own settings cannot turn it on."""
    allow_network_after_approval: bool = True
    """Whether the separate install step may use the network once a person approved it."""
    image_python: str = "miracle-sandbox:latest"
    """The Docker image for Python."""
    image_node: str = "miracle-sandbox:latest"
    """The Docker image for Node.js."""
    environments_max_gb: float = Field(default=10.0, ge=0)
    """Gigabytes that environments may take; above it those go that were used longest ago, never one in use."""
    environments_max_age_days: int = Field(default=30, ge=0)
    """Days without a use after which an environment is removed."""


class Safety(Section):
    """Operations that generated code may not use, in addition to `safety_rules.yaml`."""

    block_operations: tuple[str, ...] = ("eval", "exec", "compile")
    """Built-in functions that are blocked."""


class Logging(Section):
    """The log file."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least level that is written."""
    format: Literal["json", "text"] = "json"
    """One JSON object a line, or text."""
    log_dir: str = ""
    """Folder of the log files; empty means the platform's."""
    max_size_mb: int = Field(default=100, ge=1)
    """Megabytes after which the file is rotated."""
    backup_count: int = Field(default=5, ge=0)
    """Rotated files kept."""


class CostControl(Section):
    """What a run may cost."""

    max_budget_per_task: float = Field(default=5.0, gt=0)
    """US dollars a run may spend."""
    max_tokens_per_task: int = Field(default=2_000_000, ge=1)
    """Tokens a run may use, input and output together."""
    warn_at_percentage: int = Field(default=80, ge=1, le=100)
    """Percentage of the budget at which a person is warned."""
    unknown_price: Literal["allow", "ask"] = "allow"
    """What happens where a model's price is unknown, so that no budget can count it: go on, or pause and ask once."""


class Interface(Section):
    """How the app looks and which keys it listens to."""

    theme: str = "miracle-dark"
    """Name of the Textual theme."""
    keymap: dict[str, str] = Field(default_factory=dict)
    """Binding id to key."""
    notifications: tuple[Literal["bell", "title", "desktop"], ...] = ("bell", "title", "desktop")
    """How the app calls when a run needs a person: the terminal's bell, the window's title, the desktop."""


class Hook(Section):
    """A command of the person's own."""

    command: str = Field(min_length=1)
    """The line of shell, run on your machine in your folder."""
    timeout_s: float = Field(default=60, gt=0, le=3600)
    """Seconds after which it is stopped, with all that it started."""
    on_failure: Literal["pause", "ignore"] = "pause"
    """Whether the run pauses when it fails, or goes on."""
    again: bool = False
    """Whether it may run a second time when Miracle was ended in the middle of it; else the run pauses and says so."""


class Hooks(Section):
    """Commands of the person's own around each phase; a project cannot set them."""

    before_phase: tuple[Hook, ...] = ()
    """Commands that run before a phase's first iteration, in order."""
    after_phase: tuple[Hook, ...] = ()
    """Commands that run when a phase is green, or ends the run as failed."""

    @property
    def moments(self) -> tuple[str, ...]:
        """The ends of a phase at which there is something to run."""
        return tuple(name for name in ("before_phase", "after_phase") if getattr(self, name))


class Settings(Section):
    """All of `settings.yaml`."""

    orchestrator: Orchestrator = Orchestrator()
    workers: Workers = Workers()
    agents: Agents = Agents()
    memory: Memory = Memory()
    sandbox: Sandbox = Sandbox()
    safety: Safety = Safety()
    logging: Logging = Logging()
    cost_control: CostControl = CostControl()
    interface: Interface = Interface()
    hooks: Hooks = Hooks()
