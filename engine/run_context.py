"""What the steps of a run work with: its log, and the services that several runs share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from config.config import Config
from config.held_back import HeldBack
from engine.bus import Bus, Notice
from engine.errors import WorkspaceError
from engine.llm.protocol import ModelClient
from engine.run_log import RunLog
from engine.state import State
from engine.workspace.phases import phase_prepared
from engine.workspace.prepared import Prepared, find_prepared
from memory.memory import MemoryService
from sandbox.choose import limits_of
from sandbox.identity import sandbox_identity
from sandbox.protocol import Backend, Limits


@dataclass(frozen=True)
class RunContext:
    """One run's surroundings; steps read the state from the log and append what came of their work."""

    log: RunLog
    config: Config
    model: ModelClient
    memory: MemoryService
    bus: Bus
    backend: Callable[[], Awaitable[Backend]]
    """The sandbox, probed when it is first needed."""
    redact: Callable[[str], str]
    """Takes secrets out of whatever leaves the process or reaches the log."""
    release: Callable[[], Awaitable[None]]
    """Lets go of the run's lease."""
    secrets: tuple[str, ...] = ()
    """What `redact` knows by value."""
    shown: dict[str, HeldBack] = field(default_factory=dict)
    """Output that streams to the screen, by phase."""
    calls: set[str] = field(default_factory=set)
    """Ids of the model calls that this executor has under way."""

    @property
    def run_id(self) -> str:
        return self.log.run_id

    @property
    def state(self) -> State:
        """What is so now."""
        return self.log.state

    def notice(self, text: str) -> None:
        """Show a line that is not stored."""
        self.bus.publish(Notice(self.run_id, self.redact(text)))

    def stream(self, phase_id: str) -> HeldBack:
        """What a phase's output goes through on its way to the screen."""
        return self.shown.setdefault(phase_id, HeldBack(self.secrets))

    def prepared(self, phase_id: str = "") -> Prepared:
        """The worktree that a phase works in: its own while it works apart from others, else the run's.

        Raises:
            WorkspaceError: it has none yet, or the folder is gone.
        """
        phase = self.state.phase_by(phase_id)
        paths, identity = self.config.paths, sandbox_identity()
        if phase is not None and phase.apart:
            prepared = phase_prepared(self.run_id, phase_id, paths, identity)
        else:
            prepared = find_prepared(self.run_id, paths, identity)
        if prepared is None:
            raise WorkspaceError("The run's worktree is gone", "Start the task again; the log and its diffs are kept.")
        if not prepared.worktree.is_dir():
            raise WorkspaceError(
                f"{prepared.worktree} is gone", "Resume the run: the folder is made again from the last checkpoint."
            )
        return prepared

    def sandbox_name(self, phase_id: str, what: str) -> str:
        """What a sandbox of the run is called; phases side by side each have their own."""
        phase = self.state.phase_by(phase_id)
        return f"{self.run_id}-{phase_id}-{what}" if phase is not None and phase.apart else f"{self.run_id}-{what}"

    def limits(self) -> Limits:
        """The sandbox's limits from the settings."""
        return limits_of(self.config.settings.sandbox)
