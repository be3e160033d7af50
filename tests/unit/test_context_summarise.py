"""Older iterations are summed up by rule: once, in few lines, and the newest stay as they are."""

import re
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.context.progress import history
from engine.context.section import Material
from engine.context.summarise import KEEP, SUMMARY_TOKENS, due_summary, lines_for, summarise
from engine.events import Recorded, ReflectionSubmitted, ReviewSubmitted, from_body, to_body
from engine.evolve import evolve
from engine.llm.tokens import estimated_tokens
from engine.phase_events import IterationsSummarised
from engine.state import Iteration, Phase, State
from engine.task import FileChange, Finding, Subtask
from sandbox.report import CaseResult, ScanFinding, TestReport
from tests.unit.simulated_run import BEGAN, SimulatedRun, task

PHASES = tuple(
    Phase(subtask=Subtask(id=name, title=name, description=""), tier=1, state="active") for name in ("p1", "p2")
)


def red(number: int, message: str = "E   AssertionError: assert 5 == 6", **changes: object) -> Iteration:
    """An iteration whose test failed, with its reflection."""
    case = CaseResult.model_validate({"id": "t.py::test_double", "outcome": "failed", "message": message})
    values: dict[str, object] = {
        "number": number,
        "phase_id": "p1",
        "hypothesis": f"use shift {number}",
        "files": (FileChange(path="double.py", status="modified", added=1, removed=1),),
        "report": TestReport(reason="failed", exit_code=1, backend="sim", cases=(case,)),
        "reflection": ReflectionSubmitted(session_id="s", cause="adds instead of doubling", hypothesis="h"),
    }
    return Iteration(**(values | changes))  # type: ignore[arg-type]


def state(*iterations: Iteration, **changes: object) -> State:
    values: dict[str, object] = {"task": task(), "phases": PHASES, "iterations": iterations}
    return State(**(values | changes))  # type: ignore[arg-type]


def test_a_few_iterations_are_not_summed_up() -> None:
    assert due_summary(state()) is None
    assert due_summary(state(*(red(number) for number in range(1, KEEP + 1)))) is None
    at_work = Iteration(number=KEEP + 1, phase_id="p1")
    assert due_summary(state(*(red(number) for number in range(1, KEEP + 1)), at_work)) is None


def test_with_more_all_but_the_newest_are_and_only_once() -> None:
    seven = tuple(red(number) for number in range(1, 8))
    due = due_summary(state(*seven))
    assert due is not None
    assert due.through == 7 - KEEP
    assert due_summary(state(*seven, summary=due)) is None
    again = due_summary(state(*seven, red(8), summary=due))
    assert again is not None
    assert again.through == 8 - KEEP
    assert due_summary(state(*seven)) == due


def test_iterations_that_failed_alike_share_a_line_which_tells_all_that_was_tried() -> None:
    other = red(3, "E   ValueError: no number", reflection=None, hypothesis="parse it")
    told = summarise([red(1, hypothesis=""), red(2), other, red(4, "E   AssertionError: assert 5 == 6\n\ndetail")])
    assert told.split("\n") == [
        "- p1, iterations 1, 2, 4: failed at t.py::test_double (AssertionError: assert 5 == 6). Tried: use shift 2. "
        "Changed: double.py. Cause found: adds instead of doubling.",
        "- p1, iteration 3: failed at t.py::test_double (ValueError: no number). Tried: parse it. Changed: double.py.",
    ]


def test_what_never_came_to_its_tests_is_told_too() -> None:
    stopped = ScanFinding.model_validate(
        {"rule": "exec", "verdict": "blocked", "severity": "x", "path": "a.py", "line": 1, "message": ""}
    )
    critical = Finding(severity="critical", title="SQL injection", path="db.py")
    passed = TestReport.model_validate(
        {"reason": "ok", "exit_code": 0, "backend": "sim", "collected": 1, "cases": ({"id": "t", "outcome": "passed"},)}
    )
    review = ReviewSubmitted(session_id="s", verdict="revise", findings=(critical,))
    told = summarise(
        [
            red(1, report=None, scan=(stopped,), files=()),
            red(2, report=None, review=review, reflection=None, files=()),
            red(3, report=passed, reflection=None, hypothesis=""),
        ]
    ).split("\n")
    assert told[0].startswith("- p1, iteration 1: failed before the tests at a.py: exec. Tried: use shift 1.")
    assert told[1] == "- p1, iteration 2: failed before the tests at db.py: SQL injection. Tried: use shift 2."
    assert told[2] == "- p1, iteration 3: green. Changed: double.py."


def test_a_phase_that_is_still_at_work_holds_the_summary_up_where_it_began() -> None:
    """Phases beside each other: number 1 is still open when number 7 is closed."""
    others = tuple(red(number, phase_id="p2") for number in range(2, 9))
    assert due_summary(state(Iteration(number=1, phase_id="p1"), *others)) is None
    closed = due_summary(state(red(1), *others))
    assert closed is not None
    assert closed.text.startswith("- p1, iteration 1: ")
    green = (Phase(subtask=PHASES[0].subtask, tier=1, state="green"), PHASES[1])
    assert due_summary(state(Iteration(number=1, phase_id="p1"), *others, phases=green)) is not None


def test_the_section_shows_the_summary_and_the_newest_one_by_one() -> None:
    six = tuple(red(number) for number in range(1, 7))
    summary = due_summary(state(*six))
    assert summary is not None
    told = history(state(*six, Iteration(number=7, phase_id="p1"), summary=summary), Material()).split("\n")
    assert told[0].startswith("- p1, iterations 1, 2: failed at")
    assert [line[:13] for line in told[1:]] == [f"- iteration {number}" for number in (3, 4, 5, 6)]
    assert told[1] == "- iteration 3 (p1): 0 passed, 1 failed. h"


def test_a_phase_apart_does_not_see_what_the_others_tried() -> None:
    text = "- p1, iteration 1: green.\n- p2, iteration 2: green.\n- 3 older lines left out"
    seen = state(red(1))
    assert lines_for(seen, text) == ["- p1, iteration 1: green.", "- 3 older lines left out"]
    assert lines_for(state(red(1), red(2, phase_id="p2")), text) == text.split("\n")


TEXT = st.text(max_size=60).flatmap(lambda text: st.integers(0, 80).map(lambda times: text * times))


@given(st.lists(st.tuples(TEXT, TEXT, TEXT, st.sampled_from(["p1", "p2"])), max_size=24))
def test_any_summary_is_short_says_every_number_or_that_lines_are_missing_and_is_always_the_same(
    drawn: list[tuple[str, str, str, str]],
) -> None:
    iterations = [
        red(
            number,
            message,
            hypothesis=tried,
            phase_id=phase_id,
            reflection=ReflectionSubmitted(session_id="s", cause=cause, hypothesis="h"),
        )
        for number, (message, tried, cause, phase_id) in enumerate(drawn, 1)
    ]
    told = summarise(iterations)
    lines = told.split("\n")
    assert summarise(list(iterations)) == told
    assert len(lines) <= max(1, len(iterations) + 1)
    assert estimated_tokens(told) <= SUMMARY_TOKENS + 10 or len(lines) <= 2
    if "older lines left out" not in lines[0]:
        named = [re.match(r"- p[12], iterations? ([\d, ]+):", line) for line in lines if line]
        numbers = [int(number) for found in named if found for number in found[1].split(", ")]
        assert sorted(numbers) == [iteration.number for iteration in iterations]


def test_an_event_of_a_summary_is_folded_and_comes_back_from_the_log() -> None:
    event = IterationsSummarised(through=2, text="- p1, iterations 1, 2: green.")
    back = from_body(event.kind, to_body(event))
    folded = evolve(State(seq=1), Recorded(run_id="r", seq=2, at=BEGAN + timedelta(1), event=back))
    assert folded.summary == event


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_run_sums_up_as_it_goes_and_never_the_same_iteration_anew(data: st.DataObject) -> None:
    run = SimulatedRun(task(max_iterations=12, approve="all"), lambda n: data.draw(st.integers(0, n - 1)))
    for _ in range(250):
        if run.state.outcome is not None:
            break
        run.step()
    through = [one.event.through for one in run.log if isinstance(one.event, IterationsSummarised)]
    assert through == sorted(set(through))
    assert all(1 <= number <= len(run.state.iterations) - KEEP for number in through)
