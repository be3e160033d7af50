"""The moments of a run and the states between them: views of the log that never disagree with its fold."""

import time
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from engine import events as e
from engine.evolve import fold
from engine.llm.protocol import Answer, Message
from engine.moments import Folds, Timeline, moments, seq_of_iteration, snapshot
from engine.state import State
from tests.unit.simulated_run import BEGAN, SimulatedRun, task

STEPS = 120


def _run(data: st.DataObject, **changes: object) -> SimulatedRun:
    run = SimulatedRun(task(**changes), lambda n: data.draw(st.integers(0, n - 1)))
    for _ in range(STEPS):
        if run.state.outcome is not None:
            break
        run.step()
    return run


def _log(*events: e.Event) -> list[e.Recorded]:
    return [e.Recorded(run_id="r", seq=seq, at=BEGAN, event=event) for seq, event in enumerate(events, 1)]


def _session(number: int, role: str, phase_id: str = "", iteration: int = 0) -> e.SessionOpened:
    messages = (Message(role="system", content=f"you are {role}"),)
    return e.SessionOpened(
        session_id=f"s{number}", role=role, phase_id=phase_id, iteration=iteration, messages=messages
    )


def _call(number: int) -> tuple[e.CallStarted, e.AnswerReceived]:
    return (
        e.CallStarted(session_id=f"s{number}", call_id=f"c{number}", model="m"),
        e.AnswerReceived(
            session_id=f"s{number}", call_id=f"c{number}", answer=Answer(model="m", text=f"said {number}")
        ),
    )


@settings(max_examples=30, deadline=None)
@given(st.data(), st.integers(1, 40))
def test_any_state_is_the_fold_of_its_prefix_in_whatever_order_they_are_asked_for(
    data: st.DataObject, every: int
) -> None:
    run = _run(data, review=data.draw(st.booleans()))
    cut = data.draw(st.integers(0, len(run.log)))
    folds = Folds(run.log[:cut], every=every)
    folds.state(data.draw(st.integers(0, len(run.log))))
    folds.add(*run.log)
    assert folds.end == len(run.log)
    for at in data.draw(st.lists(st.integers(0, len(run.log)), min_size=1, max_size=12)):
        assert folds.state(at) == fold(run.log[:at])
        shown = folds.snapshot(at)
        assert shown.state.seq == at
        assert shown.cost_usd == shown.state.spend.usd
        assert shown.prompt is None or shown.prompt.seq <= at
    assert folds.state(10**9) == run.state
    assert folds.state(-1) == State()


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_moments_are_in_order_and_grow_with_the_log(data: st.DataObject) -> None:
    run = _run(data)
    found = moments(run.log)
    assert all(before.seq < after.seq for before, after in pairwise(found))
    assert all(moment.title.isprintable() and moment.title for moment in found)
    cut = data.draw(st.integers(0, len(run.log)))
    assert moments(run.log[:cut]) == tuple(moment for moment in found if moment.seq <= cut)
    growing = Timeline(run.log[:cut])
    for one in run.log[cut:]:
        growing.add(one)
    assert growing.moments == found
    begun = [moment.iteration for moment in found if moment.kind == "iteration"]
    assert begun == [iteration.number for iteration in run.state.iterations]


@given(st.text())
def test_a_title_is_one_short_line_that_no_terminal_acts_upon(goal: str) -> None:
    (moment,) = moments(_log(e.RunStarted(task_id="t", task=task(goal=goal or "x"))))
    assert moment.title.isprintable()
    assert len(moment.title) <= 100


@given(st.dictionaries(st.text(), st.text(), max_size=2))
def test_an_event_of_another_version_is_no_moment_and_breaks_nothing(body: dict[str, str]) -> None:
    log = _log(e.RunStarted(task_id="t", task=task()), e.Unknown(kind="of tomorrow", body=body))
    assert [moment.seq for moment in moments(log)] == [1]
    assert snapshot(log, 2).seq == 2


def test_every_kind_of_event_is_a_moment_or_left_out_on_purpose() -> None:
    from engine.moment_titles import _TOLD

    told = {model.model_fields["kind"].default for model in _TOLD}  # type: ignore[attr-defined]
    assert set(e.KINDS) - told == {"workspace_prepared", "hook_started", "hooks_passed"}


def test_a_prompt_is_what_the_last_call_carried_with_the_answer_once_it_came() -> None:
    log = _log(
        e.RunStarted(task_id="t", task=task()),
        _session(1, "reprompter"),
        *_call(1),
        e.Steered(text="use a table"),
        e.CallStarted(session_id="s1", call_id="c2", model="n"),
    )
    folds = Folds(log)
    assert folds.calls == (3, 6)
    assert folds.snapshot(2).prompt is None
    sent = folds.prompt(3)
    assert sent is not None
    assert (sent.role, sent.model, sent.answer) == ("reprompter", "m", None)
    assert [message.content for message in sent.messages] == ["you are reprompter"]
    answered = folds.snapshot(5).prompt
    assert answered is not None
    assert answered.answer is not None
    assert answered.answer.text == "said 1"
    second = folds.prompt(6)
    assert second is not None
    assert "use a table" in second.messages[-1].content
    assert second.answer is None


def test_a_phase_is_shown_its_own_work_beside_another() -> None:
    checkpoints = [
        e.Checkpointed(phase_id=phase, number=number, step="code", commit=phase * 5, diff=f"diff of {phase}")
        for number, phase in ((1, "a"), (2, "b"))
    ]
    log = _log(
        e.RunStarted(task_id="t", task=task()),
        e.IterationStarted(phase_id="a", number=1, hypothesis="left"),
        e.IterationStarted(phase_id="b", number=2, hypothesis="right"),
        _session(1, "coder", "a", 1),
        _session(2, "coder", "b", 2),
        *_call(2),
        *_call(1),
        *checkpoints,
    )
    assert [(moment.phase_id, moment.iteration) for moment in moments(log) if moment.kind == "answer"] == [
        ("b", 2),
        ("a", 1),
    ]
    end = len(log)
    for phase, number in (("a", 1), ("b", 2)):
        shown = snapshot(log, end, phase)
        assert shown.iteration is not None
        assert (shown.iteration.number, shown.diff) == (number, f"diff of {phase}")
        assert shown.prompt is not None
        assert shown.prompt.phase_id == phase
    newest = snapshot(log, end)
    assert newest.iteration is not None
    assert newest.iteration.number == 2
    assert newest.prompt is not None
    assert newest.prompt.phase_id == "a", "of all calls the last one"


def test_an_iteration_stands_for_its_first_and_its_last_event() -> None:
    run = SimulatedRun(task(approve="all"), lambda n: n - 1 if n != 3 else 1)
    for _ in range(STEPS):
        run.step()
    assert len(run.state.iterations) > 1
    first, last = seq_of_iteration(run.log, 1), seq_of_iteration(run.log, 1, end=True)
    assert first is not None
    assert last is not None
    assert isinstance(run.log[first - 1].event, e.IterationStarted)
    assert isinstance(run.log[last].event, e.IterationStarted), "the next one follows"
    assert seq_of_iteration(run.log, 99) is None
    assert seq_of_iteration(run.log, 99, end=True) is None


def test_any_of_ten_thousand_events_is_reached_in_a_few_milliseconds() -> None:
    events: list[e.Event] = [e.RunStarted(task_id="t", task=task())]
    number = 0
    while len(events) < 10_000:
        number += 1
        events += [e.IterationStarted(phase_id="a", number=number), _session(number, "coder", "a", number)]
        for turn in range(20):
            call = f"c{number}.{turn}"
            events.append(e.CallStarted(session_id=f"s{number}", call_id=call, model="m"))
            answer = Answer(model="m", text="word " * 50)
            events.append(e.AnswerReceived(session_id=f"s{number}", call_id=call, answer=answer))
    folds = Folds(_log(*events))
    folds.state(folds.end)
    took = []
    for at in range(1, folds.end, 97):
        began = time.process_time()
        folds.snapshot(at)
        took.append(time.process_time() - began)
    took.sort()
    assert took[len(took) // 2] < 0.005
