"""What the bridge and the services tell the app. Light enough for the first paint: no engine is imported here."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from textual.message import Message

if TYPE_CHECKING:
    from engine.bus import Live
    from engine.events import Recorded
    from engine.state import State
    from miracle_tui.attention import Call
    from miracle_tui.engine_port import EnginePort

ServiceStatus = Literal["starting", "ok", "failed"]


@dataclass
class StateChanged(Message):
    """The shown run went on.

    Attributes:
        state: What is so now.
        recorded: The events since the last such message, in order.
    """

    state: "State"
    recorded: "tuple[Recorded, ...]"


@dataclass
class LiveItems(Message):
    """Something happened that is shown and not stored.

    Attributes:
        run_id: The run.
        items: In order; adjacent pieces of one text are joined.
    """

    run_id: str
    items: "tuple[Live, ...]"


@dataclass
class ServiceChanged(Message):
    """A service came up, or did not.

    Attributes:
        part: `database`, `sandbox` or `model`.
        status: How far it is.
        text: A few words for the status bar.
    """

    part: str
    status: ServiceStatus
    text: str = ""


@dataclass
class EngineReady(Message):
    """The engine is open.

    Attributes:
        engine: The facade.
    """

    engine: "EnginePort"


@dataclass
class Trouble(Message):
    """Something went wrong that a person should know.

    Attributes:
        title: What happened.
        hint: What to do next.
    """

    title: str
    hint: str = ""


@dataclass
class RunCalls(Message):
    """A run needs a person, or has just ended.

    Attributes:
        call: Which run, and why.
    """

    call: "Call"


@dataclass
class RunsChanged(Message):
    """The list of runs, or the questions that wait, may be different now.

    Attributes:
        run_id: The run that changed; empty for any.
    """

    run_id: str = ""
