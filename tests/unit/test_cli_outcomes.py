"""Exit statuses and next steps follow from the state."""

from datetime import UTC, datetime

import pytest

from engine import events as e
from engine.evolve import evolve
from engine.state import State
from engine.task import Task
from miracle_tui.cli.outcomes import exit_status, next_steps

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ASKED = e.ApprovalRequested(approval_id="r.1", topic="plan", subject="p", title="Approve the plan?")
QUESTIONS = e.ApprovalRequested(
    approval_id="r.2", topic="questions", subject="q", title="Two questions", questions=("A?", "B?")
)


def state_after(*events: e.Event) -> State:
    state = State(run_id="r")
    for seq, event in enumerate((e.RunStarted(task_id="t", task=Task(goal="g", workspace="/w")), *events), 1):
        state = evolve(state, e.Recorded(run_id="r", seq=seq, at=NOW, event=event))
    return state


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((e.RunFinished(outcome="success"),), 0),
        ((e.RunFinished(outcome="failed"),), 1),
        ((e.RunCancelled(),), 1),
        ((ASKED,), 3),
        ((e.RunPaused(reason="person"),), 3),
        ((e.RunPaused(reason="budget"),), 4),
        *(((e.RunPaused(reason=reason),), 3) for reason in ("model", "sandbox", "workspace", "store", "error")),
        ((e.RunPaused(reason="iterations"),), 4),
        ((ASKED, e.RunPaused(reason="budget")), 4),
    ],
)
def test_exit_status(events: tuple[e.Event, ...], status: int) -> None:
    assert exit_status(state_after(*events)) == status


def test_a_waiting_run_says_exactly_what_to_type() -> None:
    lines = "\n".join(next_steps(state_after(ASKED, QUESTIONS)))
    assert "miracle approve r.1 " in lines
    assert 'miracle approve r.2 --answer "…" --answer "…"' in lines
    assert "miracle resume r" in lines


def test_a_run_without_money_says_how_to_give_it_more() -> None:
    assert "miracle resume r --budget-usd +1" in next_steps(state_after(e.RunPaused(reason="budget")))[0]


def test_a_run_whose_result_was_taken_asks_for_nothing() -> None:
    assert next_steps(state_after(e.RunFinished(outcome="success"), e.Promoted(how="merge"))) == []


@pytest.mark.parametrize(
    ("paused", "wanted"),
    [
        (e.RunPaused(reason="budget", needs_usd=0.2), "--budget-usd +1"),
        (e.RunPaused(reason="budget", needs_usd=2.2), "--budget-usd +3"),
        (e.RunPaused(reason="budget", needs_tokens=9), "--tokens +500000"),
        (e.RunPaused(reason="budget", needs_tokens=600_000), "--tokens +600000"),
        (e.RunPaused(reason="price"), "miracle resume r"),
    ],
)
def test_what_is_short_says_how_much_more(paused: e.RunPaused, wanted: str) -> None:
    state = State(run_id="r", max_tokens=10, paused=paused)
    assert [line for line in next_steps(state) if line.endswith(wanted)]
    assert exit_status(state) == (3 if paused.reason == "price" else 4)
