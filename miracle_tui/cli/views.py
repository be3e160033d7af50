"""How a run is shown headless: as text for a person, or as events for a program."""

from typing import Protocol

from engine.bus import Live, Notice
from engine.events import Recorded, SessionOpened, to_body
from engine.state import State
from miracle_tui.cli.console import say, say_json, tell
from miracle_tui.cli.inert import one_line
from miracle_tui.cli.memory_lines import evidence_records
from miracle_tui.cli.outcomes import next_steps
from miracle_tui.cli.printer import lines_for


class View(Protocol):
    """Shows what comes in."""

    def recorded(self, item: Recorded, state: State) -> None: ...
    def live(self, item: Live) -> None: ...
    def left(self, state: State) -> None: ...


class TextView:
    """A line or a few for each event, on stdout."""

    def __init__(self) -> None:
        self._phases: dict[str, str] = {}
        """The phase of each conversation: events say it only when one begins."""

    def recorded(self, item: Recorded, state: State) -> None:
        """Tell of an event; `state` is the state after it. Phases side by side each name themselves."""
        event = item.event
        if isinstance(event, SessionOpened):
            self._phases[event.session_id] = event.phase_id
        phase_id = getattr(event, "phase_id", "") or self._phases.get(getattr(event, "session_id", ""), "")
        phase = state.phase_by(phase_id)
        mark = f"[{one_line(phase_id)}] " if phase is not None and phase.apart else ""
        say([f"{mark}{line}" for line in lines_for(item, state)])

    def live(self, item: Live) -> None:
        """Tell of retries and waits."""
        if isinstance(item, Notice):
            say([f"  · {one_line(item.text, 400)}"])

    def left(self, state: State) -> None:
        """Say what can be done next."""
        say(next_steps(state))


class JsonView:
    """One event a line on stdout; everything else on stderr."""

    def recorded(self, item: Recorded, state: State) -> None:
        """Print an event."""
        settled = evidence_records(item.event, state)
        say_json({**event_record(item), **({"memories": settled} if settled else {})})

    def live(self, item: Live) -> None:
        """Tell the person of retries and waits."""
        if isinstance(item, Notice):
            tell([f"· {one_line(item.text, 400)}"])

    def left(self, state: State) -> None:
        """Tell the person what can be done next."""
        tell(next_steps(state))


def event_record(item: Recorded) -> dict[str, object]:
    """An event as the `--json` outputs write it."""
    return {
        "run_id": item.run_id,
        "seq": item.seq,
        "at": item.at.isoformat(),
        "kind": item.event.kind,
        "body": to_body(item.event),
    }
