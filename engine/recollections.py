"""The memories that a run's agents were shown, each with what it was worth, as people are told of them."""

from dataclasses import dataclass
from typing import Literal

from config.amounts import times
from engine.evidence import Evidence, evidence_of, mended_by
from engine.state import State
from memory.records import Recollection

Worth = Literal["shown", "unused", "used", "helped", "failed"]
"""`shown` while the agent has not answered; `used` while it is not known what came of it."""


@dataclass(frozen=True)
class ShownMemory:
    """A memory in front of an agent."""

    item: Recollection
    number: int
    """The iteration whose failure it was recalled for; 0 for what the planner was shown."""
    answered: bool
    """Whether the agent has said what it used."""
    evidence: Evidence

    @property
    def role(self) -> str:
        """Who was shown it."""
        return "reflector" if self.number else "planner"

    @property
    def worth(self) -> Worth:
        """What it was worth, in a word."""
        if not self.evidence.used:
            return "unused" if self.answered else "shown"
        if self.evidence.helped is None:
            return "used"
        return "helped" if self.evidence.helped else "failed"


def shown_memories(state: State, number: int) -> tuple[ShownMemory, ...]:
    """What was shown for an iteration's failure, in the order of recall.

    Args:
        state: the run.
        number: the iteration; 0 for the planner's.
    """
    iteration = state.iteration_numbered(number) if number else None
    items = (iteration.recalled if iteration else None) or () if number else state.patterns_shown
    answered = bool(iteration and iteration.reflection) if number else state.plan is not None
    evidence = evidence_of(state, number)
    return tuple(ShownMemory(item, number, answered, evidence.get(item.memory_id, Evidence())) for item in items)


def all_memories(state: State) -> tuple[ShownMemory, ...]:
    """Everything that the run's agents were shown, the planner's first."""
    numbers = (0, *(one.number for one in state.iterations))
    return tuple(shown for number in numbers for shown in shown_memories(state, number))


def judged_memories(state: State, number: int) -> tuple[ShownMemory, ...]:
    """What was used for the hypotheses that an iteration carried out, once it is known what came of it.

    Args:
        state: the run, with the end of the iteration's tests.
        number: the iteration that was to mend what failed before.
    """
    shown = (shown for one in mended_by(state, number) for shown in shown_memories(state, one.number))
    return tuple(one for one in shown if one.evidence.helped is not None)


def source_of(item: Recollection) -> tuple[str, int]:
    """(run, iteration) that a memory comes from; "" where it does not say, 0 for the run as a whole."""
    if item.kind == "pattern":
        return item.run_id or item.memory_id, 0
    run_id, _, number = item.memory_id.rpartition(".")
    return item.run_id or run_id, int(number) if run_id and number.isascii() and number.isdigit() else 0


def record_words(item: Recollection) -> str:
    """What became of a memory before it was shown this time; empty where that is nothing."""
    judged = item.helped + item.harmed
    if judged:
        return f"helped {item.helped} of {judged} {'time' if judged == 1 else 'times'} before"
    if item.used:
        return f"used {times(item.used)} before, not known what for"
    return f"shown {times(item.shown)} before, never used" if item.shown else ""
