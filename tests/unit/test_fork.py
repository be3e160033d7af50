"""A fork's state: the source's at that moment, but for what is begun anew; and from there it goes on to an end."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import events as e
from engine.errors import CommandRefused
from engine.evolve import evolve, fold
from engine.fork import _all_models, _check, _valid_plan
from engine.projection import project
from engine.state import Iteration, Spend, State
from engine.task import Plan, Subtask
from tests.unit.simulated_run import BEGAN, SimulatedRun, task

STEPS = 150
KEPT = ("spec", "plan", "plan_approved", "plan_feedback", "said", "told", "summary", "tip")
"""Fields that a fork has exactly as the source had them at that moment, unless it is told otherwise."""


def _run(data: st.DataObject, **changes: object) -> SimulatedRun:
    run = SimulatedRun(task(**changes), lambda n: data.draw(st.integers(0, n - 1)))
    for _ in range(STEPS):
        if run.state.outcome is not None:
            break
        run.step()
    return run


class Fork(SimulatedRun):
    """A fork of a run, folded from a copy of its prefix; from there everything goes well."""

    def __init__(self, run: SimulatedRun, at: int, **changes: object) -> None:
        super().__init__(task(), _well)
        self.log = [one.model_copy(update={"run_id": "f"}) for one in run.log[:at]]
        self.state = fold(self.log)
        self.append(e.Forked.model_validate({"source_run_id": "r", "source_seq": at, "task_id": "t2"} | changes))

    def append(self, *events: e.Event) -> None:
        """Record events under the fork's own name."""
        super().append(*events)
        self.log[-len(events) :] = [one.model_copy(update={"run_id": "f"}) for one in self.log[-len(events) :]]
        self.state = replace(self.state, run_id="f")

    def finish(self) -> State:
        """Go on until it is over."""
        for _ in range(4 * STEPS):
            if self.state.outcome is not None:
                break
            self.step()
        return self.state


def _well(n: int) -> int:
    """The choice by which agents submit at once, tests are green, and a person says yes."""
    return {3: 0, 4: 1}.get(n, n - 1)


@settings(max_examples=40, deadline=None)
@given(st.data(), st.booleans())
def test_a_fork_is_the_source_at_that_moment_but_for_what_begins_anew(data: st.DataObject, review: bool) -> None:
    run = _run(data, review=review)
    at = data.draw(st.integers(1, len(run.log)))
    then, now = fold(run.log[:at]), Fork(run, at).state
    assert {name: getattr(now, name) for name in KEPT} == {name: getattr(then, name) for name in KEPT}
    assert now.forked is not None
    assert (now.seq, now.spend, now.sessions, now.outcome, now.paused) == (at + 1, Spend(), (), None, None)
    assert (now.workspace, now.receipt, now.promoted) == (None, None, None)
    assert not now.pending_approvals
    assert all(one.answer and one.answer.decision not in ("run", "always") for one in now.approvals)
    assert [one.number for one in now.iterations] == [one.number for one in then.iterations]
    assert [phase.subtask for phase in now.phases] == [phase.subtask for phase in then.phases]
    for before, after in zip(then.iterations, now.iterations, strict=True):
        assert after.commit == before.commit
        assert after.work is None or after.code_commit, "work that no checkpoint has is done again"
        assert after.tests is None or after.tests_commit
        assert after.inherited == (before.recalled is not None and before.reflection is not None)
        kept = replace(before, work=after.work, tests=after.tests, inherited=after.inherited)
        assert replace(kept, **_judged(after)) == after
    assert not any(approval.request.approval_id == now.next_approval_id for approval in then.approvals)


def _judged(iteration: Iteration) -> dict[str, Any]:
    """What a fork may take back of an iteration: what was judged of work that is done again."""
    names = ("review", "audit", "scan", "report", "recalled", "reflection", "ended_at", "proved", "files", "diff")
    return {name: getattr(iteration, name) for name in names}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_fork_from_anywhere_goes_on_to_green(data: st.DataObject) -> None:
    run = _run(data)
    at = data.draw(st.integers(1, len(run.log)))
    changes: dict[str, object] = {"max_iterations": 3}
    otherwise = data.draw(st.booleans())
    if otherwise and fold(run.log[:at]).iterations:
        changes["hypothesis"] = "otherwise"
    fork = Fork(run, at, **changes)
    begun = len(fork.state.iterations)
    state = fork.finish()
    assert (state.outcome, state.receipt is not None) == ("success", True)
    assert len(state.iterations) <= begun + 3
    if "hypothesis" in changes:
        assert "otherwise" in [one.hypothesis for one in state.iterations]
    asked = [approval.request.approval_id for approval in state.approvals]
    assert len(set(asked)) == len(asked)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_fork_with_another_plan_keeps_what_is_green_and_the_same(data: st.DataObject) -> None:
    run = _run(data, approve="all")
    at = data.draw(st.integers(1, len(run.log)))
    then = fold(run.log[:at])
    same = Subtask(id="p1", title="one", description="")
    other = Subtask(id="p3", title="three", description="", depends_on=("p1",))
    plan = Plan(subtasks=(same, other))
    fork = Fork(run, at, plan=plan)
    assert fork.state.plan == plan
    assert [phase.id for phase in fork.state.phases] == ["p1", "p3"]
    was = then.phase_by("p1")
    now = fork.state.phase_by("p1")
    assert now is not None
    assert (now.state == "green") == (was is not None and was.done)
    assert fork.state.phases[1].state == "pending"
    state = fork.finish()
    assert state.outcome == "success"
    numbers = [one.number for one in state.iterations]
    assert len(set(numbers)) == len(numbers)


def _state() -> State:
    started = e.RunStarted(task_id="t", task=task())
    return evolve(State(), e.Recorded(run_id="r", seq=1, at=BEGAN, event=started))


def _forked(**changes: object) -> e.Forked:
    return e.Forked.model_validate({"source_run_id": "r", "source_seq": 1, "task_id": "t2"} | changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hypothesis": "otherwise"}, "no iteration yet"),
        ({"budget_usd": float("nan")}, "no budget"),
        ({"budget_usd": 0.0}, "no budget"),
        ({"max_iterations": 0}, "too few"),
    ],
)
def test_what_does_not_fit_to_the_moment_is_refused_with_a_hint(changes: dict[str, object], words: str) -> None:
    with pytest.raises(CommandRefused, match=words) as refused:
        _check(_state(), _forked(**changes))
    assert refused.value.hint


@pytest.mark.parametrize("models", [{"cook": ("m",)}, {"coder": ()}, {"coder": (" ",)}])
def test_models_of_no_agent_and_no_model_are_refused(models: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(CommandRefused) as refused:
        _all_models(_state(), models)
    assert refused.value.hint


def test_agents_that_are_not_named_keep_their_models() -> None:
    assert _all_models(_state(), {"tester": ("x", "y")}) == {"coder": ("a", "b"), "tester": ("x", "y")}
    assert _all_models(_state(), {}) is None


def test_a_plan_that_was_broken_by_a_partial_change_is_refused() -> None:
    whole = Plan(subtasks=(Subtask(id="p1", title="one", description=""),))
    orphan = whole.subtasks[0].model_copy(update={"depends_on": ("gone",)})
    with pytest.raises(CommandRefused, match="depends on gone"):
        _valid_plan(whole.model_copy(update={"subtasks": (orphan,)}))
    assert _valid_plan(whole) == whole


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_the_rows_of_a_fork_name_the_fork_and_cost_nothing(data: st.DataObject) -> None:
    run = _run(data)
    fork = Fork(run, data.draw(st.integers(1, len(run.log))))
    before = fold(fork.log[:-1])
    rows = project(before, [fork.log[-1].event], BEGAN)
    named = {row.key.get("run_id", row.key.get("task_id", row.values.get("run_id"))) for row in rows}
    assert named == {"f", "t2"}
    iterations = [row for row in rows if row.table == "iterations"]
    assert [row.key["number"] for row in iterations] == [one.number for one in fork.state.iterations]
    assert all(row.values["cost_usd"] == 0 for row in iterations)
