"""A recorded run whose agents were shown memories of every kind."""

from dataclasses import dataclass
from typing import Any

from engine import events as e
from memory.records import Recollection
from tests.ui import recorded_run
from tests.ui.recorded_run import DIFF, FIXED, report

PAIRS = Recollection(
    memory_id="coins-9f2c.3",
    similarity=0.93,
    via="fingerprint",
    title="AssertionError: assert 'IIII' == 'IV'",
    cause="The table had no subtractive pairs.",
    solution="Put 900, 400, 90, 40, 9 and 4 into the table.",
    fix=FIXED,
    outcome="solved",
    run_id="coins-9f2c",
    shown=5,
    used=4,
    helped=3,
    harmed=1,
)
RANGE = Recollection(
    memory_id="dates-1b7e.1",
    similarity=0.61,
    via="signature",
    title="AssertionError: assert 'MMMM' == None",
    cause="Numbers above the range were not refused.",
    solution="Raise ValueError outside of 1 to 3999.",
    outcome="unchanged",
    run_id="dates-1b7e",
    project="9f86d081884c7d65",
    own_project=False,
)
LOOP = Recollection(memory_id="f-12", similarity=0.44, title="IndexError: list index out of range", pinned=True)
SOLUTION = Recollection(
    memory_id="base-60aa",
    kind="pattern",
    similarity=0.52,
    via="text",
    title="library",
    cause="Numbers in base 60 and back",
    plan="- One direction\n- The other",
    solution=DIFF,
    run_id="base-60aa",
)


@dataclass(frozen=True)
class Story:
    """What is told of a run, up to where."""

    events: list[e.Event]

    def until(self, kind: type[Any], number: int = 0) -> list[e.Event]:
        """The events up to the first of a kind, of an iteration where one is given."""
        for place, event in enumerate(self.events, 1):
            if isinstance(event, kind) and number in (0, getattr(event, "number", 0)):
                return self.events[:place]
        raise AssertionError(f"the story has no {kind.__name__}")


def story(*used: str, failing_after: int = 0) -> Story:
    """A run with memories.

    Args:
        used: ids that the reflector says it used.
        failing_after: tests that fail after what it proposed; of 3 that failed before.
    """
    events: list[e.Event] = []
    for event in recorded_run.until_success():
        if isinstance(event, e.SessionOpened) and event.role == "planner":
            events.append(event.model_copy(update={"shown": (SOLUTION,)}))
        elif isinstance(event, e.PlanSubmitted):
            events.append(event.model_copy(update={"used_memories": (SOLUTION.memory_id,)}))
        elif isinstance(event, e.Recalled):
            events.append(event.model_copy(update={"items": (PAIRS, RANGE, LOOP)}))
        elif isinstance(event, e.ReflectionSubmitted):
            events.append(event.model_copy(update={"used_memories": used}))
        elif isinstance(event, e.TestsFinished) and event.number == 2 and failing_after:
            tests = report(failing=failing_after, passing=8 - failing_after)
            events.append(event.model_copy(update={"report": tests}))
            return Story(events)
        else:
            events.append(event)
    return Story(events)
