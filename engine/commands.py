"""What may be done next: the values that `decide` returns and the runner carries out."""

from dataclasses import dataclass
from typing import Literal

from engine.events import Event
from engine.llm.protocol import ToolCall
from engine.task import HookMoment


@dataclass(frozen=True)
class Record:
    """Append an event that follows from the state alone."""

    event: Event


@dataclass(frozen=True)
class PrepareWorkspace:
    """Make the worktree and its branch; find out what is there."""


@dataclass(frozen=True)
class OpenPhase:
    """Give a phase that works beside others a worktree of its own."""

    phase_id: str


@dataclass(frozen=True)
class MergeTier:
    """Bring the work of a tier's phases together in the run's worktree."""

    tier: int


@dataclass(frozen=True)
class OpenSession:
    """Write an agent's first prompt."""

    role: str
    phase_id: str = ""
    iteration: int = 0


@dataclass(frozen=True)
class CallModel:
    """Ask the model for the session's next answer."""

    session_id: str


@dataclass(frozen=True)
class RunTool:
    """Carry a tool call out."""

    session_id: str
    call: ToolCall


@dataclass(frozen=True)
class AcceptSubmission:
    """Validate the call that ends a session."""

    session_id: str
    call: ToolCall


@dataclass(frozen=True)
class TakeCheckpoint:
    """Commit the worktree."""

    phase_id: str
    number: int
    step: Literal["code", "tests"]


@dataclass(frozen=True)
class Scan:
    """Scan what changed before it runs; the code alone before it is reviewed."""

    phase_id: str
    number: int
    step: Literal["code", "tests"] = "tests"


@dataclass(frozen=True)
class ResolveDependencies:
    """Find out what would be installed for what an iteration needs."""

    phase_id: str
    number: int


@dataclass(frozen=True)
class InstallDependencies:
    """Make an environment with the packages that were allowed."""

    phase_id: str
    number: int


@dataclass(frozen=True)
class RunTests:
    """Run the whole test suite in the sandbox."""

    phase_id: str
    number: int


@dataclass(frozen=True)
class Recall:
    """Store the failure and ask memory for similar ones."""

    phase_id: str
    number: int


@dataclass(frozen=True)
class CompareTests:
    """Compare what the tests hold to with what they held to before."""

    phase_id: str
    number: int


@dataclass(frozen=True)
class TryOnBase:
    """Run the phase's new tests on the commit that it began from."""

    phase_id: str
    number: int


@dataclass(frozen=True)
class TryMutants:
    """Put small faults into the changed lines and see which of them the tests catch."""

    phase_id: str
    number: int


@dataclass(frozen=True)
class RunHooks:
    """Run a person's own commands at the beginning or the end of a phase."""

    phase_id: str
    moment: HookMoment
    number: int
    outcome: Literal["", "green", "failed"] = ""


@dataclass(frozen=True)
class Prove:
    """Test a clean checkout in a fresh sandbox."""

    phase_id: str
    number: int


Command = (
    Record
    | PrepareWorkspace
    | OpenPhase
    | MergeTier
    | OpenSession
    | CallModel
    | RunTool
    | AcceptSubmission
    | TakeCheckpoint
    | Scan
    | ResolveDependencies
    | InstallDependencies
    | RunTests
    | Recall
    | CompareTests
    | TryOnBase
    | TryMutants
    | Prove
    | RunHooks
)
