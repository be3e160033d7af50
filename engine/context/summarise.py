"""Sums up older iterations, by rule and from the log alone: no model is asked, and the same log gives the same words.

Iterations of one phase that failed alike share a line: what was tried, what it changed, what failed, the causes found.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher

from engine.gates.stuck import Failing, failing_of
from engine.llm.tokens import estimated_tokens
from engine.phase_events import IterationsSummarised
from engine.state import Iteration, State
from memory.normalise import mask

KEEP = 4
"""Newest closed iterations that prompts carry one by one."""
SUMMARY_TOKENS = 2_000
"""What a summary may take; its oldest lines go first."""
_ALIKE = 0.8
"""Share of two texts that is the same from which on they count as one."""
_CHARACTERS = 240
_SHOWN = 3
"""Tries, causes and tests that a line names."""
_FILES_SHOWN = 8


def due_summary(state: State) -> IterationsSummarised | None:
    """The summary that is to be kept next: of all closed iterations but the newest; None while they are few."""
    through = state.summary.through if state.summary else 0
    over = _over(state)
    waiting = [iteration for iteration in over if iteration.number > through]
    if len(waiting) <= KEEP:
        return None
    newest = waiting[-KEEP - 1].number
    text = summarise([iteration for iteration in over if iteration.number <= newest])
    return IterationsSummarised(through=newest, text=text)


def _over(state: State) -> list[Iteration]:
    """The run's first iterations up to the first that is still at work."""
    green = {phase.id for phase in state.phases if phase.state == "green"}
    newest = {iteration.phase_id: iteration.number for iteration in state.iterations}
    over = []
    for iteration in state.iterations:
        followed = newest[iteration.phase_id] != iteration.number
        if not (iteration.closed or followed or iteration.phase_id in green):
            break
        over.append(iteration)
    return over


def summarise(iterations: Sequence[Iteration]) -> str:
    """The iterations in few lines, those that failed alike in one, in the order in which they first failed so."""
    groups: dict[tuple[str, Failing | None], list[Iteration]] = {}
    for iteration in iterations:
        groups.setdefault((iteration.phase_id, failing_of(iteration)), []).append(iteration)
    lines = [_line(phase_id, failing, alike) for (phase_id, failing), alike in groups.items()]
    dropped = 0
    while len(lines) > 1 and estimated_tokens("\n".join(lines)) > SUMMARY_TOKENS:
        lines.pop(0)
        dropped += 1
    return "\n".join([f"- {dropped} older lines left out", *lines] if dropped else lines)


def lines_for(state: State, text: str) -> list[str]:
    """The summary's lines without those of phases that this view of the run does not show."""
    shown = {iteration.phase_id for iteration in state.iterations}
    known = {phase.id for phase in state.phases}
    hidden = tuple(f"- {phase_id}, " for phase_id in known - shown)
    return [line for line in text.split("\n") if not (hidden and line.startswith(hidden))]


def result_of(iteration: Iteration) -> str:
    """How the iteration's tests went, in a few words."""
    report = iteration.report
    if report is None:
        return "not tested"
    returned = f"; its tests were sent back to the {iteration.returned.to}" if iteration.returned else ""
    return f"{report.passed} passed, {report.failed} failed{returned}"


def _line(phase_id: str, failing: Failing | None, alike: list[Iteration]) -> str:
    numbers = [str(iteration.number) for iteration in alike]
    named = f"iteration {numbers[0]}" if len(numbers) == 1 else f"iterations {', '.join(numbers)}"
    told = [f"- {phase_id}, {named}: {_outcome(failing, alike[-1])}."]
    tried = _distinct([iteration.hypothesis for iteration in alike])
    causes = _distinct([iteration.reflection.cause for iteration in alike if iteration.reflection])
    files = list(dict.fromkeys(change.path for iteration in alike for change in iteration.files))
    if tried:
        told.append(f"Tried: {tried}.")
    if files:
        told.append(f"Changed: {_listed(files, _FILES_SHOWN)}.")
    if causes:
        told.append(f"Cause found: {causes}.")
    return " ".join(told)


def _outcome(failing: Failing | None, iteration: Iteration) -> str:
    if failing is None:
        if iteration.conflict:
            return f"green, but not merged: other phases changed {_listed(iteration.conflict, _SHOWN)}"
        if iteration.returned:
            return f"green, but its tests were sent back to the {iteration.returned.to}"
        return "green" if iteration.report is not None and iteration.report.green else result_of(iteration)
    where = _listed(sorted(failing.tests), _SHOWN)
    how = "" if iteration.report is not None else " before the tests"
    error = f" ({_short(failing.error)})" if failing.error else ""
    return f"failed{how}" + (f" at {where}" if where else "") + error


def _distinct(texts: Sequence[str]) -> str:
    """The texts that say something of their own, shortened."""
    told: list[str] = []
    masked: list[str] = []
    for text in texts:
        short = _short(text)
        same = mask(short)
        if short and not any(_alike(same, other) for other in masked):
            told.append(short)
            masked.append(same)
    return _listed(told, _SHOWN, "; ")


def _alike(one: str, other: str) -> bool:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE


def _short(text: str) -> str:
    """The text in one line, without the full stop that the sentence around it sets."""
    line = " ".join(text.split())
    return (line if len(line) <= _CHARACTERS else line[: _CHARACTERS - 1].rstrip() + "…").rstrip(".")


def _listed(items: Sequence[str], most: int, between: str = ", ") -> str:
    """The first items in one line, and how many there are besides."""
    more = len(items) - most
    shown = [_short(item) for item in items[:most]]
    return between.join([*shown, f"{more} more"] if more > 0 else shown)
