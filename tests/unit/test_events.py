"""Events as they are stored: one that cannot be read closes no run."""

import logging

import pytest

from engine import events as e
from engine.evolve import fold
from tests.unit.simulated_run import BEGAN, SimulatedRun, task


def test_a_damaged_event_is_kept_as_it_is_passed_over_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    body = {"session_id": "s", "call_id": 7, "answer": {"text": ["no", "text"]}}
    with caplog.at_level(logging.WARNING):
        event = e.from_body("answer_received", body)
    assert isinstance(event, e.Unknown)
    assert (event.kind, e.to_body(event)) == ("answer_received", body)
    assert "answer_received" in caplog.text
    assert "answer.model" in caplog.text


def test_a_run_with_a_damaged_event_still_folds_to_its_end() -> None:
    run = SimulatedRun(task(), lambda n: 0)
    for _ in range(20):
        run.step()
    damaged = e.from_body("tests_finished", {"phase_id": []})
    log = [*run.log[:5], run.log[5].model_copy(update={"event": damaged}), *run.log[6:]]
    assert fold(log).seq == run.state.seq
    assert fold(log).run_id == "r"


def test_a_body_cannot_pass_for_another_kind() -> None:
    event = e.from_body("warned", {"kind": "run_cancelled", "topic": "budget", "text": "near"})
    assert event.kind == "warned"


def test_a_recorded_event_may_hold_what_no_text_can() -> None:
    event = e.Steered(text="\ud800 lone, \x00 zero")
    one = e.Recorded(run_id="r", seq=1, at=BEGAN, event=event)
    assert e.from_body("steered", e.to_body(one.event)) == event
