"""The stuck gate: whether the iterations of a phase go in circles, and what is done about it.

Three things are looked for: a failure that comes back after another one, three iterations that fail alike, and files
that are as an earlier iteration had left them. Counting begins anew after each escalation, so that what was done about
it gets its chance.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from engine.phase_events import EscalationStep
from engine.state import Iteration, Phase, State
from memory.normalise import error_of, mask, signature
from sandbox.report import TestReport

STREAK = 3
"""Iterations in a row that fail alike before a phase counts as stuck."""
WORKING_ROLES = ("coder", "tester", "reflector")
"""The agents whose model makes a difference to a phase."""
_RED = ("failed", "error", "xpassed")
_ERROR_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Failing:
    """How an iteration failed, without what differs between two occurrences of the same failure."""

    tests: frozenset[str]
    """Ids of the failing tests; for code that was never tested, the findings that stopped it."""
    error: str = ""
    """The first error's type and message, masked."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """A phase goes in circles; `reason` is a sentence that names the evidence."""

    kind: Literal["tree", "cycle", "streak"]
    reason: str


def stuck(state: State, phase_id: str) -> Stuck | None:
    """What shows that the phase goes in circles since its last escalation; None while it gets on."""
    phase = phase_of(state, phase_id)
    since = phase.escalations[-1].number if phase and phase.escalations else 0
    return judge(tuple(i for i in state.iterations_of(phase_id) if i.closed and i.number > since))


def judge(iterations: tuple[Iteration, ...]) -> Stuck | None:
    """What closed iterations of one phase, oldest first, show about it."""
    seen = _failures(iterations)
    if not seen:
        return None
    return _same_tree(iterations) or _cycle(seen) or _streak(seen)


def next_step(state: State, phase_id: str) -> EscalationStep:
    """What is done about a stuck phase: replan it, then the next model, then a person; each of the first two once."""
    phase = phase_of(state, phase_id)
    taken = {escalated.step for escalated in phase.escalations} if phase else set()
    if "replan" not in taken:
        return "replan"
    if "model" not in taken and phase is not None and _has_another_model(state, phase):
        return "model"
    return "person"


def phase_of(state: State, phase_id: str) -> Phase | None:
    """The phase with this id."""
    return next((phase for phase in state.phases if phase.id == phase_id), None)


def failing_of(iteration: Iteration) -> Failing | None:
    """How the iteration failed; None when it did not."""
    report = iteration.report
    if report is not None:
        return None if report.green else _failing_tests(report)
    if iteration.sent_back:
        return Failing(frozenset(f"{f.path}: {f.title}" for f in iteration.blocking))
    stopped = frozenset(f"{f.path}: {f.rule}" for f in iteration.scan or () if f.verdict != "warning")
    return Failing(stopped) if stopped else None


def _failing_tests(report: TestReport) -> Failing:
    red = [case for case in report.cases if case.outcome in _RED]
    told = red[0].message if red else report.output or report.detail
    error = signature(*error_of(told)) or next((line for line in mask(told).split("\n") if line.strip()), "")
    if not red:
        error = f"{report.reason}: {error}"
    return Failing(frozenset(case.id for case in red), error)


def _failures(iterations: tuple[Iteration, ...]) -> list[tuple[int, Failing]]:
    """(number, failure) of the newest iterations, back to the last one that did not fail."""
    seen: list[tuple[int, Failing]] = []
    for iteration in reversed(iterations):
        failing = failing_of(iteration)
        if failing is None:
            break
        seen.append((iteration.number, failing))
    return seen[::-1]


def _same_tree(iterations: tuple[Iteration, ...]) -> Stuck | None:
    *earlier, newest = iterations
    same = next((i for i in reversed(earlier) if newest.tree and i.tree == newest.tree), None)
    if same is None:
        return None
    return Stuck("tree", f"Iteration {newest.number} left every file exactly as iteration {same.number} had left it.")


def _cycle(seen: list[tuple[int, Failing]]) -> Stuck | None:
    number, newest = seen[-1]
    before = next((at for at in range(len(seen) - 2, -1, -1) if seen[at][1] == newest), None)
    if before is None or before == len(seen) - 2:
        return None
    came_back = f"Iteration {number} is back at the failure of iteration {seen[before][0]}, after another one between"
    return Stuck("cycle", f"{came_back}: {_named(newest)}.")


def _streak(seen: list[tuple[int, Failing]]) -> Stuck | None:
    newest = seen[-STREAK:]
    alike = all(
        after.error == before.error and before.tests <= after.tests for (_, before), (_, after) in pairwise(newest)
    )
    if len(newest) < STREAK or not alike:
        return None
    numbers = ", ".join(str(number) for number, _ in newest[:-1])
    return Stuck(
        "streak", f"Iterations {numbers} and {newest[-1][0]} failed alike and no fewer: {_named(newest[-1][1])}."
    )


def _named(failing: Failing) -> str:
    tests = sorted(failing.tests)
    first = tests[0] if tests else "the test run"
    more = f" and {len(tests) - 1} more" if len(tests) > 1 else ""
    error = failing.error.rstrip(".")
    shown = error if len(error) <= _ERROR_CHARACTERS else error[:_ERROR_CHARACTERS].rstrip() + "…"
    return f"{first}{more}" + (f" ({shown})" if shown else "")


def _has_another_model(state: State, phase: Phase) -> bool:
    models = state.task.models if state.task else {}
    return any(len(models.get(role, ())) > phase.model_shift + 1 for role in WORKING_ROLES)
