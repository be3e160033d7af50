"""The stuck gate: what counts as going in circles, what does not, and what is done about it."""

from collections.abc import Iterable

import pytest

from engine.events import Escalated, ReflectionSubmitted, ReviewSubmitted
from engine.gates.stuck import Stuck, failing_of, judge, next_step, stuck
from engine.phase_events import EscalationStep
from engine.state import Iteration, Phase, State
from engine.task import Finding, Subtask, Task
from sandbox.report import CaseResult, ScanFinding, TestReport

REFLECTED = ReflectionSubmitted(session_id="s", cause="c", hypothesis="h")
Models = dict[str, tuple[str, ...]]
NO_MODELS: Models = {}
PHASE = Phase(Subtask(id="p1", title="one", description=""), tier=1)


def red(number: int, *tests: str, error: str = "ValueError: bad", tree: str = "") -> Iteration:
    """A closed iteration whose tests failed with this error, in words that differ each time."""
    message = f"/tmp/run-{number}/tests/test_a.py:{number}0: in test\nE   {error} at 0x7f00{number:04x}"
    cases = tuple(CaseResult(id=test, outcome="failed", message=message) for test in tests)
    cases += (CaseResult(id="t::fine", outcome="passed"),)
    report = TestReport(reason="failed", exit_code=1, backend="sim", cases=cases)
    return Iteration(number=number, phase_id="p1", report=report, reflection=REFLECTED, tree=tree)


def green(number: int) -> Iteration:
    report = TestReport(reason="ok", exit_code=0, backend="sim", cases=(CaseResult(id="t::a", outcome="passed"),))
    return Iteration(number=number, phase_id="p1", report=report, conflict=("a.py",))


def kind(iterations: Iterable[Iteration]) -> str:
    found = judge(tuple(iterations))
    return found.kind if found else ""


def test_nothing_is_stuck_before_anything_failed() -> None:
    assert judge(()) is None
    assert judge((red(1, "t::a"),)) is None
    assert judge((green(1),)) is None


def test_a_failure_that_comes_back_after_another_one_is_a_cycle() -> None:
    a, b = {"error": "KeyError: 'x'"}, {"error": "TypeError: no"}
    found = judge((red(2, "t::a", **a), red(3, "t::b", **b), red(4, "t::a", **a)))
    assert found is not None
    assert found.kind == "cycle"
    assert found.reason == (
        "Iteration 4 is back at the failure of iteration 2, after another one between: "
        "t::a (KeyError: 'x' at <address>)."
    )
    assert kind((red(1, "t::a", **a), red(2, "t::b", **b), red(3, "t::c", **b), red(4, "t::a", **a))) == "cycle"


def test_three_iterations_that_fail_alike_are_a_streak_two_are_not() -> None:
    assert kind((red(1, "t::a"), red(2, "t::a"))) == ""
    found = judge((red(1, "t::a"), red(2, "t::a"), red(3, "t::a", "t::b")))
    assert found == Stuck(
        "streak",
        "Iterations 1, 2 and 3 failed alike and no fewer: t::a and 1 more (ValueError: bad at <address>).",
    )


@pytest.mark.parametrize(
    "iterations",
    [
        (red(1, "t::a", "t::b", "t::c"), red(2, "t::a", "t::b"), red(3, "t::a")),
        (red(1, "t::a"), red(2, "t::a", error="KeyError: 'x'"), red(3, "t::a", error="TypeError: y")),
        (red(1, "t::a", error="assert 1 == 3"), red(2, "t::a", error="assert 2 == 3"), red(3, "t::a")),
        (red(1, "t::a"), red(2, "t::b"), red(3, "t::c")),
        (red(1, "t::a"), green(2), red(3, "t::a")),
        (red(1, "t::a"), red(2, "t::a"), green(3)),
    ],
    ids=["fewer fail", "other errors", "other values", "other tests", "green between", "green now"],
)
def test_a_phase_that_gets_on_is_not_stuck(iterations: tuple[Iteration, ...]) -> None:
    assert judge(iterations) is None


def test_files_as_an_earlier_iteration_left_them_are_seen_whatever_failed() -> None:
    found = judge((red(5, "t::a", tree="x"), red(6, "t::b", tree="y"), red(7, "t::c", tree="x")))
    assert found == Stuck("tree", "Iteration 7 left every file exactly as iteration 5 had left it.")
    assert kind((red(1, "t::a", tree="x"), red(2, "t::b", tree="x"))) == "tree"
    assert kind((red(1, "t::a"), red(2, "t::b"))) == "", "a log that knows no trees shows nothing"


def test_runs_that_broke_off_and_code_that_never_ran_are_failures_too() -> None:
    timeout = TestReport(reason="timeout", exit_code=None, backend="sim", detail="300 s are over")
    late = [Iteration(number=n, phase_id="p1", report=timeout, reflection=REFLECTED) for n in (1, 2, 3)]
    assert kind(late) == "streak"
    finding = Finding(severity="critical", title="wrong order", path="a.py")
    review = ReviewSubmitted(session_id="s", verdict="revise", findings=(finding,))
    assert kind(Iteration(number=n, phase_id="p1", review=review) for n in (1, 2, 3)) == "streak"
    blocked = ScanFinding(rule="eval", verdict="blocked", severity="critical", path="a.py", line=1, message="")
    scanned = [Iteration(number=n, phase_id="p1", scan=(blocked,), reflection=REFLECTED) for n in (1, 2, 3)]
    assert kind(scanned) == "streak"
    assert failing_of(Iteration(number=1, phase_id="p1")) is None


def state_of(
    *iterations: Iteration, escalations: tuple[Escalated, ...] = (), shift: int = 0, models: Models = NO_MODELS
) -> State:
    task = Task.model_validate({"goal": "g", "workspace": "w", "models": models})
    phase = Phase(PHASE.subtask, tier=1, escalations=escalations, model_shift=shift)
    return State(task=task, phases=(phase,), iterations=iterations)


def escalated(number: int, step: EscalationStep) -> Escalated:
    return Escalated(phase_id="p1", number=number, step=step, reason="r")


def test_counting_begins_anew_after_an_escalation_and_never_mixes_phases() -> None:
    trips = tuple(red(n, "t::a") for n in (1, 2, 3, 4, 5))
    assert stuck(state_of(*trips[:3]), "p1") is not None
    assert stuck(state_of(*trips[:5], escalations=(escalated(3, "replan"),)), "p1") is None
    again = stuck(state_of(*trips, red(6, "t::a"), escalations=(escalated(3, "replan"),)), "p1")
    assert again is not None
    assert again.reason.startswith("Iterations 4, 5 and 6")
    assert stuck(state_of(*trips), "p2") is None
    opened = Iteration(number=4, phase_id="p1", tree="x")
    assert stuck(state_of(red(1, "t::a", tree="x"), red(2, "t::b"), opened), "p1") is None


def test_the_steps_come_in_a_fixed_order() -> None:
    several = {"coder": ("a", "b"), "tester": ("a",)}
    assert next_step(state_of(models=several), "p1") == "replan"
    replanned = (escalated(3, "replan"),)
    assert next_step(state_of(escalations=replanned, models=several), "p1") == "model"
    assert next_step(state_of(escalations=replanned, models={"coder": ("a",)}), "p1") == "person", (
        "there is no other model"
    )
    assert next_step(state_of(escalations=replanned, shift=1, models=several), "p1") == "person"
    tried = (*replanned, escalated(6, "model"))
    assert next_step(state_of(escalations=tried, models={"coder": ("a", "b", "c")}, shift=1), "p1") == "person"
    asked = (*tried, escalated(9, "person"))
    assert next_step(state_of(escalations=asked, models=several), "p1") == "person", (
        "a person is asked as often as it takes"
    )
