"""What nobody answers in time is denied; a plan waits for ever."""

from datetime import timedelta

import pytest

from engine import events as e
from engine.gates.expiry import duration, expired, next_expiry
from tests.unit.simulated_run import BEGAN, SimulatedRun, task

MOMENT = timedelta(microseconds=1)


def asked(topic: e.Topic, timeout_s: int = 60) -> SimulatedRun:
    run = SimulatedRun(task(approval_timeout_s=timeout_s), lambda n: 0)
    run.append(e.ApprovalRequested(approval_id="r.1", topic=topic, subject="s", title="t"))
    return run


@pytest.mark.parametrize("topic", ["command", "scan", "stuck"])
def test_a_question_is_denied_when_its_time_is_over_and_not_before(topic: e.Topic) -> None:
    run = asked(topic)
    ends = BEGAN + timedelta(seconds=2 + 60)
    assert next_expiry(run.state) == ends
    assert expired(run.state, ends - MOMENT) is None
    answer = expired(run.state, ends)
    assert answer is not None
    assert (answer.approval_id, answer.decision, answer.by) == ("r.1", "deny", "timeout")
    assert answer.reason == "Nobody answered within 1 minute."
    run.append(answer)
    assert next_expiry(run.state) is None
    assert expired(run.state, ends + timedelta(days=1)) is None


def test_questions_about_the_goal_are_skipped() -> None:
    answer = expired(asked("questions").state, BEGAN + timedelta(hours=1))
    assert answer is not None
    assert (answer.decision, answer.reason) == ("deny", "skipped")


def test_a_plan_is_never_decided_by_time() -> None:
    run = asked("plan")
    assert next_expiry(run.state) is None
    assert expired(run.state, BEGAN + timedelta(days=365)) is None


def test_no_time_limit_means_for_ever() -> None:
    run = asked("command", timeout_s=0)
    assert next_expiry(run.state) is None
    assert expired(run.state, BEGAN + timedelta(days=365)) is None


def test_the_oldest_question_goes_first_and_a_paused_run_keeps_its_questions() -> None:
    run = asked("command")
    run.append(e.ApprovalRequested(approval_id="r.2", topic="scan", subject="s", title="t"))
    late = BEGAN + timedelta(hours=1)
    first = expired(run.state, late)
    assert first is not None
    assert first.approval_id == "r.1"
    run.append(first)
    second = expired(run.state, late)
    assert second is not None
    assert second.approval_id == "r.2"
    run.append(e.RunPaused(reason="person"))
    assert expired(run.state, late) is None
    run.append(e.RunResumed(), e.RunCancelled())
    assert expired(run.state, late) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (90, "90 seconds"), (60, "1 minute"), (7200, "2 hours"), (86_400, "1 day")],
)
def test_durations_read_like_words(seconds: int, words: str) -> None:
    assert duration(seconds) == words
