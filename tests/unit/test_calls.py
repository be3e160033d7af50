"""The model calls of a log."""

from engine import events as e
from engine.calls import CallBook
from engine.moments import Folds
from tests.ui.recorded_run import recorded
from tests.ui.travel_fixtures import PROMPT, SYSTEM, story


def book_of(events: list[e.Event]) -> CallBook:
    book = CallBook()
    for one in recorded(events):
        book.add(one)
    return book


def test_every_call_is_there_with_who_asked_and_what_came_back() -> None:
    calls = book_of(story()).calls
    assert [call.role for call in calls[:6]] == ["reprompter", "planner", "coder", "tester", "reflector", "coder"]
    first = calls[5]
    assert (first.iteration, first.phase_id, first.model) == (2, "encode", "scripted")
    assert first.answer is not None
    assert first.answer.usage.output_tokens == 140
    assert first.ended_seq == first.seq + 1
    assert (first.prompt_tokens, first.budget_tokens, len(first.sections)) == (1100, 90_000, 3)


def test_a_call_is_found_by_its_place_and_the_folds_have_its_prompt() -> None:
    log = recorded(story())
    book = book_of(story())
    call = book.calls[6]
    assert book.newest(call.seq) == 6
    assert book.newest(call.seq - 1) == 5
    assert book.newest(0) == -1
    prompt = Folds(log).prompt(call.seq)
    assert prompt is not None
    assert prompt.call_id == call.call_id
    assert [message.content for message in prompt.messages[:2]] == [SYSTEM, PROMPT]
    assert prompt.messages[3].content == "1 place changed"


def test_a_call_that_failed_says_why_and_one_without_an_end_stays_open() -> None:
    opened = e.SessionOpened(session_id="s", role="coder", messages=())
    begun = [e.CallStarted(session_id="s", call_id=name, model="m") for name in ("one", "two", "three")]
    failed = e.CallFailed(session_id="s", call_id="one", model="m", error="Overloaded", detail="the server is busy")
    unexplained = e.CallFailed(session_id="s", call_id="two", model="m", error="Overloaded", detail="")
    calls = book_of([opened, begun[0], failed, begun[1], unexplained, begun[2]]).calls
    assert [(call.error, call.ended_seq) for call in calls] == [("the server is busy", 3), ("Overloaded", 5), ("", 0)]


def test_what_does_not_fit_together_is_no_trouble() -> None:
    book = book_of(
        [
            e.CallStarted(session_id="nobody", call_id="c", model="m"),
            e.CallFailed(session_id="nobody", call_id="unknown", model="m", error="x", detail="y"),
        ]
    )
    assert [(call.role, call.error) for call in book.calls] == [("", "")]
