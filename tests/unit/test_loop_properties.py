"""Properties of the two pure functions, over runs whose every outcome hypothesis chooses."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine import commands as c
from engine import events as e
from engine.decide import decide
from engine.evolve import evolve, fold
from engine.runner import chain
from engine.state import State
from tests.unit.simulated_run import BEGAN, SimulatedRun, task

STEPS = 120


def _run(data: st.DataObject, **changes: object) -> SimulatedRun:
    beside = data.draw(st.sampled_from([(), (), ("p3",), ("p3", "p4")]))
    run = SimulatedRun(task(**changes), lambda n: data.draw(st.integers(0, n - 1)), beside)
    for _ in range(STEPS):
        if run.state.outcome is not None:
            break
        run.step()
    return run


options = st.fixed_dictionaries(
    {"review": st.booleans(), "audit": st.booleans(), "approve": st.sampled_from(["ask", "safe", "all"])}
    | {"parallel_phases": st.integers(1, 3), "mutants": st.integers(0, 1), "min_mutants": st.sampled_from([0, 60])}
    | {"hooks": st.sampled_from([(), ("before_phase",), ("before_phase", "after_phase")])}
)


@settings(max_examples=60, deadline=None)
@given(st.data(), options)
def test_any_prefix_folds_and_folding_in_parts_is_folding_at_once(
    data: st.DataObject, changes: dict[str, object]
) -> None:
    run = _run(data, **changes)
    cut = data.draw(st.integers(0, len(run.log)))
    prefix = fold(run.log[:cut])
    decide(prefix)
    assert fold(run.log[cut:], prefix) == run.state
    assert fold([*run.log[:cut], *run.log], None) == run.state, "reading events twice changes nothing"


@settings(max_examples=60, deadline=None)
@given(st.data(), options)
def test_decide_never_asks_for_what_the_state_has_an_answer_to(data: st.DataObject, changes: dict[str, object]) -> None:
    run = _run(data, **changes)
    lasting = [a for a in run.asked if isinstance(a, c.PrepareWorkspace | c.TakeCheckpoint | c.Scan | c.Recall)]
    recalls = {a.number for a in lasting if isinstance(a, c.Recall)}
    for asked in lasting:
        again = lasting.count(asked)
        # A red proof reopens an iteration whose phase was green: its failure is recalled once more.
        allowed = 2 if isinstance(asked, c.Recall) and asked.number in recalls else 1
        assert again <= allowed, asked
    tools = [(a.session_id, a.call.id) for a in run.asked if isinstance(a, c.RunTool)]
    for key in tools:
        questions = [a for a in run.state.approvals if a.request.tool_call_id == key[1]]
        assert tools.count(key) <= 1 + len(questions)


@settings(max_examples=60, deadline=None)
@given(st.data(), options)
def test_success_comes_only_from_a_receipt_and_limits_hold(data: st.DataObject, changes: dict[str, object]) -> None:
    run = _run(data, **changes)
    assert len(run.state.iterations) <= run.state.max_iterations
    if run.state.outcome == "success":
        assert run.state.receipt is not None
        assert all(phase.state == "green" for phase in run.state.phases)
    if run.state.outcome is None and not decide(run.state):
        assert run.state.paused or run.state.pending_approvals, "a run that stands still waits for somebody"


@settings(max_examples=40, deadline=None)
@given(st.data(), options)
def test_what_is_appended_together_is_what_would_be_appended_one_by_one(
    data: st.DataObject, changes: dict[str, object]
) -> None:
    run = _run(data, **changes)
    state = State()
    for place, one in enumerate(run.log):
        commands = decide(state)
        if commands and isinstance(commands[0], c.Record):
            together = [record.event for _, record in chain(state, commands[0])]
            asked = [logged.event for logged in run.log[place : place + len(together)]]
            assert asked == together[: len(asked)]
        state = evolve(state, one)


def test_a_plan_that_nobody_is_asked_about_goes_straight_on_to_work() -> None:
    run = SimulatedRun(task(approve="all"), lambda n: min(2, n - 1))
    for _ in range(STEPS):
        if run.log[-1].event.kind == "plan_submitted":
            break
        run.step()
    first = decide(run.state)[0]
    assert isinstance(first, c.Record)
    kinds = [record.event.kind for _, record in chain(run.state, first)]
    assert kinds == ["approval_requested", "approval_answered", "iteration_started"]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_log_in_any_order_still_folds(data: st.DataObject) -> None:
    run = _run(data)
    shuffled = data.draw(st.permutations([one.event for one in run.log]))
    state = State()
    for seq, event in enumerate(shuffled, 1):
        state = evolve(state, e.Recorded(run_id="r", seq=seq, at=BEGAN, event=event))
    assert state.seq == len(shuffled)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(min_size=1).filter(lambda kind: kind not in e.KINDS), st.dictionaries(st.text(), json, max_size=4))
def test_an_unknown_kind_survives_a_round_trip_and_changes_nothing(kind: str, body: dict[str, object]) -> None:
    event = e.from_body(kind, body)
    assert (event.kind, e.to_body(event)) == (kind, body)
    before = SimulatedRun(task(), lambda n: 0).state
    after = evolve(before, e.Recorded(run_id="r", seq=before.seq + 1, at=BEGAN, event=event))
    assert after.seq == before.seq + 1
    assert decide(after) == decide(before)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_every_event_survives_a_round_trip(data: st.DataObject) -> None:
    for one in _run(data).log:
        assert e.from_body(one.event.kind, e.to_body(one.event)) == one.event


def test_a_newer_field_of_a_known_kind_is_kept() -> None:
    body = {"topic": "budget", "text": "near", "colour": "red", "v": 2}
    assert e.to_body(e.from_body("warned", body)) == body
