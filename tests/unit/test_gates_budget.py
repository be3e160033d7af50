"""The budget gate: no order of calls crosses the cap, and a pause says what it would take."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import AnswerReceived, CallFailed, CallStarted, Event, Recorded, RunResumed
from engine.evolve import evolve
from engine.gates.budget import left_usd, may_fit_later, short_of, unpriced
from engine.llm.protocol import Answer
from engine.state import Session, Spend, State

CAP = 1.0
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def state_of(spent: float = 0.0, *reserved: float, uncertain: float = 0.0, tokens: int = 0) -> State:
    """A run with calls under way that have these worst cases."""
    sessions = tuple(
        Session(
            id=f"s{n}",
            role="coder",
            phase_id=f"p{n}",
            iteration=1,
            visit=1,
            messages=(),
            calling=f"c{n}",
            reserved_usd=r,
        )
        for n, r in enumerate(reserved)
    )
    spend = Spend(usd=spent, uncertain_usd=uncertain, input_tokens=tokens)
    return State(run_id="r", budget_usd=CAP, max_tokens=1000, spend=spend, sessions=sessions)


def test_a_call_that_fits_is_made() -> None:
    assert short_of(state_of(0.5), 0.5) is None
    assert short_of(state_of(5.0), None) is None, "what has no price cannot be counted"


def test_a_pause_says_what_it_would_take() -> None:
    short = short_of(state_of(0.4, 0.3, uncertain=0.1), 0.5)
    assert short is not None
    assert short.reason == "budget"
    assert short.detail == (
        "The next call could cost $0.50; $0.20 of $1.00 remain, $0.30 are kept for calls under way, "
        "$0.10 for calls whose answer never arrived."
    )
    assert short.hint == "Go on with more: miracle resume r --budget-usd +0.30"


@given(st.floats(0, 3), st.floats(0.0001, 3))
def test_what_the_pause_asks_for_is_enough(spent: float, wanted: float) -> None:
    state = state_of(spent)
    short = short_of(state, wanted)
    if short is not None:
        more = float(short.hint.rpartition("+")[2])
        assert short_of(replace(state, budget_usd=state.budget_usd + more + 1e-9), wanted) is None
        assert short_of(replace(state, budget_usd=state.budget_usd + more - 0.011), wanted) is not None


def test_tokens_have_a_cap_of_their_own() -> None:
    assert short_of(state_of(tokens=400), 0.1, 600) is None
    short = short_of(state_of(tokens=400), None, 700)
    assert short is not None
    assert short.detail == "The next call could take 700 tokens; 600 of 1,000 remain."
    assert short.hint == "Go on with more: miracle resume r --tokens +100"


def test_tokens_of_calls_under_way_are_kept_too() -> None:
    state = state_of(tokens=400)
    begun = Session("s", "coder", "p", 1, 1, (), calling="c", reserved_tokens=300)
    state = replace(state, sessions=(begun,))
    assert short_of(state, None, 300) is None
    assert short_of(state, None, 301) is not None
    assert may_fit_later(state, {"c"}, None, 301)
    assert not may_fit_later(state, {"c"}, None, 601)


def test_an_unknown_price_is_asked_about_until_a_person_goes_on() -> None:
    asked = unpriced(state_of(), "my-model")
    assert asked is not None
    assert asked.reason == "price"
    assert "my-model" in asked.detail
    paused = evolve(state_of(), Recorded(run_id="r", seq=1, at=NOW, event=asked))
    resumed = evolve(paused, Recorded(run_id="r", seq=2, at=NOW, event=RunResumed()))
    assert unpriced(resumed, "my-model") is None


def test_an_answer_that_broke_off_may_have_cost_what_was_reserved() -> None:
    state = state_of(0.0, 0.2)
    failed = CallFailed(session_id="s0", call_id="c0", model="m", error="StreamCut", detail="cut", cut=2)
    after = evolve(state, Recorded(run_id="r", seq=1, at=NOW, event=failed))
    assert after.spend.uncertain_usd == pytest.approx(0.4)
    received = AnswerReceived(session_id="s0", call_id="c0", answer=Answer(model="m", cost_usd=0.1), cut=1)
    after = evolve(state, Recorded(run_id="r", seq=1, at=NOW, event=received))
    assert after.spend.usd == pytest.approx(0.1)
    assert after.spend.uncertain_usd == pytest.approx(0.2)
    assert after.reserved_usd == 0


def test_a_call_waits_for_those_under_way_only_if_that_can_help() -> None:
    assert may_fit_later(state_of(0.2, 0.5), {"c0"}, 0.6)
    assert not may_fit_later(state_of(0.2, 0.5), {"c0"}, 0.9)
    assert not may_fit_later(state_of(0.2), (), 0.9), "nothing is under way"
    assert not may_fit_later(state_of(0.2, 0.5), (), 0.6), "what a dead executor began will not cost less"
    assert not may_fit_later(state_of(0.2, 0.5, 0.1), {"c1"}, 0.6)


@pytest.mark.parametrize("die", [False, True], ids=["answers arrive", "executors die too"])
@settings(deadline=None)
@given(data=st.data())
def test_no_order_of_calls_side_by_side_crosses_the_cap(data: st.DataObject, die: bool) -> None:
    """Calls of up to four phases begin and end in any order, each costing up to what was reserved for it."""
    idle = tuple(Session(f"s{n}", "coder", f"p{n}", 1, 1, ()) for n in range(4))
    state = State(run_id="r", budget_usd=CAP, max_tokens=1000, sessions=idle)
    charged = 0.0
    for seq in range(1, data.draw(st.integers(1, 40)) + 1):
        session = state.session_by(f"s{data.draw(st.integers(0, 3))}")
        assert session is not None
        event: Event | None = None
        dies = die and data.draw(st.booleans())
        cost = data.draw(st.floats(0, 1)) * session.reserved_usd
        if session.calling and not dies:
            charged += cost
            answer = Answer(model="m", cost_usd=cost)
            event = AnswerReceived(session_id=session.id, call_id=session.calling, answer=answer)
        elif short_of(state, worst := data.draw(st.floats(0, 0.6))) is None:
            # On a conversation that waits for an answer this is a new executor: the old one's call may be charged.
            charged += cost if session.calling else 0
            event = CallStarted(session_id=session.id, call_id=f"c{seq}", model="m", reserved_usd=worst)
        if event is not None:
            state = evolve(state, Recorded(run_id="r", seq=seq, at=NOW, event=event))
    assert charged + state.reserved_usd <= CAP + 1e-9
    assert left_usd(state) >= -1e-9
