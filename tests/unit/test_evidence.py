"""What memory was worth to an iteration, from the state alone."""

import pytest

from engine import events as e
from engine.agent_events import ReflectionSubmitted
from engine.evidence import Evidence, evidence_of, outcome_of
from engine.phase_state import Iteration
from engine.state import State
from memory.records import Recollection
from sandbox.report import CaseResult, Reason, TestReport

SHOWN = tuple(Recollection(memory_id=name, similarity=0.9, title="KeyError") for name in ("a", "b"))


def report(passed: int, failed: int, reason: Reason = "failed") -> TestReport:
    cases = [CaseResult(id=f"p{n}", outcome="passed") for n in range(passed)]
    cases += [CaseResult(id=f"f{n}", outcome="failed", message="KeyError: 1") for n in range(failed)]
    return TestReport(reason=reason, exit_code=0 if reason == "ok" else 1, backend="", cases=tuple(cases))


def reflected(number: int, tests: TestReport | None, *used: str) -> Iteration:
    said = ReflectionSubmitted(session_id="s", cause="c", hypothesis="h", used_memories=used)
    return Iteration(number=number, phase_id="p", report=tests, recalled=SHOWN, reflection=said)


@pytest.mark.parametrize(
    ("following", "outcome"),
    [
        (None, "open"),
        (Iteration(2, "p"), "open"),
        (Iteration(2, "p", report=report(0, 0, "backend_lost")), "open"),
        (Iteration(2, "p", report=report(3, 0, "ok")), "solved"),
        (Iteration(2, "p", report=report(2, 1)), "improved"),
        (Iteration(2, "p", report=report(1, 2)), "unchanged"),
        (Iteration(2, "p", report=report(0, 0, "timeout")), "unchanged"),
        (Iteration(2, "p", recalled=()), "unchanged"),
        (Iteration(2, "other", report=report(3, 0, "ok")), "open"),
    ],
)
def test_what_follows_says_whether_it_helped(following: Iteration | None, outcome: str) -> None:
    first = reflected(1, report(1, 2), "b")
    state = State(iterations=(first, *((following,) if following else ())))
    assert outcome_of(state, first) == outcome
    helped = None if outcome == "open" else outcome != "unchanged"
    assert evidence_of(state, 1) == {"a": Evidence(), "b": Evidence(used=True, helped=helped)}


def test_an_iteration_that_was_sent_back_is_passed_over() -> None:
    first = reflected(1, report(0, 1), "a")
    state = State(iterations=(first, Iteration(2, "p"), Iteration(3, "p", report=report(1, 0, "ok"))))
    assert outcome_of(state, first) == "solved"


def test_a_scan_that_stopped_the_code_is_mended_by_code_that_runs() -> None:
    first = reflected(1, None, "a")
    assert outcome_of(State(iterations=(first, Iteration(2, "p", report=report(0, 5)))), first) == "improved"


def test_what_the_agent_says_it_used_but_was_not_shown_counts_for_nothing() -> None:
    first = reflected(1, report(0, 1), "zzz")
    assert evidence_of(State(iterations=(first,)), 1) == {"a": Evidence(), "b": Evidence()}
    assert evidence_of(State(iterations=(first,)), 7) == {}


@pytest.mark.parametrize(("outcome", "helped"), [(None, None), ("success", True), ("failed", False)])
def test_a_pattern_helped_when_the_run_that_used_it_succeeds(outcome: e.Outcome | None, helped: bool | None) -> None:
    state = State(patterns_shown=SHOWN, patterns_used=("a",), outcome=outcome)
    assert evidence_of(state, 0) == {"a": Evidence(used=True, helped=helped), "b": Evidence()}
