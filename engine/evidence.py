"""What memory was worth to an iteration: what it was shown, what it said it used, and whether that helped."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from engine.state import Iteration, State
from memory.records import Recollection

Outcome = Literal["open", "solved", "improved", "unchanged"]
"""Of a failure: what became of it with the next iteration that was judged."""
UNJUDGED = ("backend_lost", "cancelled")
"""Reasons of a report that says nothing about the code."""


@dataclass(frozen=True)
class Evidence:
    """What one memory did for one iteration."""

    used: bool = False
    """Whether the agent said that it used it."""
    helped: bool | None = None
    """Whether what followed was better; None where it was not used, or while it is not known."""


def evidence_of(state: State, number: int) -> dict[str, Evidence]:
    """The evidence on each memory that was shown to an iteration's reflector.

    Args:
        state: the run.
        number: the iteration; 0 for the patterns that the planner was shown.

    Returns:
        By memory id, in the order in which they were shown; empty where nothing was.
    """
    if number == 0:
        finished = {"success": True, "failed": False}.get(state.outcome or "")
        return _evidence(state.patterns_shown, state.patterns_used, finished)
    iteration = state.iteration_numbered(number)
    if iteration is None or not iteration.recalled:
        return {}
    used = iteration.reflection.used_memories if iteration.reflection else ()
    return _evidence(iteration.recalled, used, is_better(outcome_of(state, iteration)))


def _evidence(shown: Iterable[Recollection], used: tuple[str, ...], helped: bool | None) -> dict[str, Evidence]:
    known = frozenset(used)
    return {
        item.memory_id: Evidence(used=True, helped=helped) if item.memory_id in known else Evidence() for item in shown
    }


def outcome_of(state: State, iteration: Iteration) -> Outcome:
    """What became of an iteration's failure: the next iteration of its phase that was judged says it."""
    following = remedy_of(state, iteration)
    if not following or not _judged(following[-1]):
        return "open"
    after = following[-1].report
    if after is None:
        return "unchanged"
    if after.green:
        return "solved"
    return "improved" if iteration.report is None or _share(following[-1]) > _share(iteration) else "unchanged"


def is_better(outcome: Outcome) -> bool | None:
    """Whether what followed a failure was better; None while that is not known."""
    return None if outcome == "open" else outcome != "unchanged"


def mended_by(state: State, number: int) -> list[Iteration]:
    """The iterations whose hypotheses are judged by the end of this one."""
    judging = state.iteration_numbered(number)
    before = [one for one in state.iterations_of(judging.phase_id) if one.number < number] if judging else []
    return [one for one in before if (remedy := remedy_of(state, one)) and remedy[-1].number == number]


def remedy_of(state: State, iteration: Iteration) -> tuple[Iteration, ...]:
    """The iterations that carry out an iteration's hypothesis: those after it, to the first that was judged."""
    if iteration.reflection is None:
        return ()
    carried: list[Iteration] = []
    for one in state.iterations_of(iteration.phase_id):
        if one.number > iteration.number:
            carried.append(one)
            if _judged(one):
                break
    return tuple(carried)


def _judged(iteration: Iteration) -> bool:
    """Whether its tests ended, or it failed without any."""
    if iteration.report is not None:
        return iteration.report.reason not in UNJUDGED
    return iteration.recalled is not None


def _share(iteration: Iteration) -> float:
    """The tests that passed of those that ran; where nothing ran, nothing passed."""
    report = iteration.report
    ran = report.passed + report.failed if report else 0
    return report.passed / ran if report and ran else 0.0
