"""What the story of a run says of a person's own commands around a phase."""

from collections.abc import Callable
from typing import Any

from engine.hook_events import HookFinished, HooksPassed, HookStarted
from engine.state import State
from miracle_tui.cli.inert import one_line

MOST = 20
"""Lines of a hook's output that are shown; the log keeps more."""
_WHEN = {"before_phase": "before", "after_phase": "after"}
_END = {
    "ok": "done",
    "timeout": "stopped at its time limit",
    "not_started": "could not be started",
    "interrupted": "was cut off when Miracle ended",
}


def _started(event: HookStarted, state: State) -> list[str]:
    return [f"  · hook {_WHEN[event.moment]} {one_line(event.phase_id)}: {one_line(event.command)}"]


def _finished(event: HookFinished, state: State) -> list[str]:
    how = _END.get(event.end, f"failed with exit status {event.exit_code}")
    mark = "✓" if event.end == "ok" else ("!" if event.settled else "✗")
    written = event.output.rstrip().splitlines()
    left_out = [f"    … {len(written) - MOST} lines more in the log"] if len(written) > MOST else []
    shown = [f"    {one_line(line, 200)}" for line in written[:MOST]]
    return [f"  {mark} hook {how} ({event.duration_s:.1f} s)", *shown, *left_out]


HOOK_LINES: dict[type, Callable[[Any, State], list[str]]] = {
    HookStarted: _started,
    HookFinished: _finished,
    HooksPassed: lambda event, state: [],
}
