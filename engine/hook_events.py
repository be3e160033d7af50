"""What happens to a person's own commands before and after a phase."""

from typing import Literal

from engine.agent_events import EventBody
from engine.task import HookMoment as HookMoment

HookEnd = Literal["ok", "failed", "timeout", "not_started", "interrupted"]


class HookStarted(EventBody):
    """A person's own command begins; one that has no end was cut off with the process that ran it."""

    kind: Literal["hook_started"] = "hook_started"
    phase_id: str
    moment: HookMoment
    number: int
    """The iteration that ended the phase; 0 before its first."""
    index: int
    """Its place among the hooks of the moment."""
    command: str


class HookFinished(EventBody):
    """A person's own command ended."""

    kind: Literal["hook_finished"] = "hook_finished"
    phase_id: str
    moment: HookMoment
    number: int
    index: int
    command: str
    end: HookEnd
    settled: bool
    """Whether the run goes on to what follows; else this hook runs again once the run is resumed."""
    exit_code: int | None = None
    output: str = ""
    """Its output and errors, cut in the middle."""
    duration_s: float = 0.0


class HooksPassed(EventBody):
    """All hooks of a moment are done; there may have been none where the run is worked on."""

    kind: Literal["hooks_passed"] = "hooks_passed"
    phase_id: str
    moment: HookMoment
    number: int


HookEvent = HookStarted | HookFinished | HooksPassed
