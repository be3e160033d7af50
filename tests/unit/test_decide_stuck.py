"""What is decided when a phase goes in circles: in a fixed order, each step once, and a person's word last."""

from engine import commands as c
from engine import events as e
from engine.decide import decide
from engine.task import Subtask
from sandbox.report import CaseResult, TestReport
from tests.unit.simulated_run import SimulatedRun, task

RED = TestReport(
    reason="failed",
    exit_code=1,
    backend="sim",
    cases=(CaseResult(id="t::a", outcome="failed", message="E   ValueError: no"),),
    collected=1,
)
ANOTHER = Subtask(id="p1", title="another way", description="with a table", depends_on=())


def _choose(n: int) -> int:
    """Nothing goes wrong by itself, and the code is at fault."""
    return {2: 0, 3: 0, 4: 1}.get(n, n - 1)


def stuck_run(**changes: object) -> SimulatedRun:
    """A run whose first phase has failed three times in the same way."""
    run = SimulatedRun(task(**{"max_iterations": 30, "warn_iteration": 30, "approve": "safe", **changes}), _choose)
    fail(run, 3)
    return run


def fail(run: SimulatedRun, times: int) -> None:
    """Let the phase go round and fail, until its last iteration is closed."""
    failed = 0
    for _ in range(400):
        (command,) = decide(run.state) or (None,)
        if isinstance(command, c.RunTests):
            run.append(e.TestsFinished(phase_id=command.phase_id, number=command.number, report=RED))
            failed += 1
        elif failed == times and (last := run.state.iteration) is not None and last.closed:
            return
        else:
            run.step()
    raise AssertionError("the run went elsewhere")


def only(run: SimulatedRun) -> c.Command:
    (command,) = decide(run.state)
    return command


def record(run: SimulatedRun) -> e.Event:
    """Carry the next command out, which is to record an event; summaries of old iterations go before."""
    while True:
        command = only(run)
        assert isinstance(command, c.Record), command
        run.append(command.event)
        if not isinstance(command.event, e.IterationsSummarised):
            return command.event


def replan(run: SimulatedRun) -> None:
    run.step()
    session = run.state.session
    assert session is not None
    run.append(e.PhaseReplanned(session_id=session.id, phase_id="p1", subtask=ANOTHER))


def test_a_stuck_phase_is_planned_again_before_another_iteration_begins() -> None:
    run = stuck_run()
    escalated = record(run)
    assert isinstance(escalated, e.Escalated)
    assert (escalated.step, escalated.number) == ("replan", 3)
    assert escalated.reason == "Iterations 1, 2 and 3 failed alike and no fewer: t::a (ValueError: no)."
    assert only(run) == c.OpenSession("replanner", "p1", 3)
    replan(run)
    assert run.state.phases[0].subtask.title == "another way"
    assert run.state.plan is not None
    assert run.state.plan.subtasks[0].title == "another way"
    begun = record(run)
    assert isinstance(begun, e.IterationStarted)
    assert begun.number == 4


def test_then_the_next_model_takes_over_and_then_a_person_is_asked() -> None:
    run = stuck_run(models={"coder": ("a", "b"), "tester": ("a",), "reflector": ("a", "b")})
    record(run)
    replan(run)
    fail(run, 3)
    escalated = record(run)
    assert isinstance(escalated, e.Escalated)
    assert escalated.step == "model"
    assert isinstance(record(run), e.IterationStarted)
    run.step()
    session = run.state.session
    assert session is not None
    assert (session.role, session.model_index) == ("coder", 1)
    fail(run, 3)
    escalated = record(run)
    assert isinstance(escalated, e.Escalated)
    assert escalated.step == "person"
    asked = record(run)
    assert isinstance(asked, e.ApprovalRequested)
    assert (asked.topic, asked.phase_id, asked.number) == ("stuck", "p1", 9)
    for said in (
        "Iterations 7, 8 and 9",
        "after iteration 3 its subtask was written anew",
        "after iteration 6 other models took over",
        "failed: t::a; ValueError: no",
    ):
        assert said in asked.detail
    assert decide(run.state) == ()


def asked_run() -> SimulatedRun:
    run = stuck_run(models={"coder": ("a",)})
    record(run)
    replan(run)
    fail(run, 3)
    record(run)
    record(run)
    return run


def test_a_persons_word_goes_to_the_agents_and_the_phase_goes_on() -> None:
    run = asked_run()
    approval_id = run.state.pending_approvals[0].request.approval_id
    run.append(e.ApprovalAnswered(approval_id=approval_id, decision="once", reason="use a table"))
    assert isinstance(record(run), e.IterationStarted)
    assert run.state.steers == ("use a table",)
    fail(run, 3)
    again = record(run)
    assert isinstance(again, e.Escalated)
    assert again.step == "person", "it is always a person from there on"


def test_a_person_may_end_the_run() -> None:
    run = asked_run()
    approval_id = run.state.pending_approvals[0].request.approval_id
    run.append(e.ApprovalAnswered(approval_id=approval_id, decision="deny", reason="not worth it"))
    ended = record(run)
    assert isinstance(ended, e.RunFinished)
    assert ended.outcome == "failed"
    assert ended.reason == "The run was ended because p1 (another way) went in circles. not worth it"


def test_the_breaker_comes_before_any_escalation_and_says_how_to_go_on() -> None:
    run = stuck_run(max_iterations=3)
    ended = record(run)
    assert isinstance(ended, e.RunFinished)
    assert ended.reason == (
        "The circuit breaker stopped the run after 3 iterations. "
        "Go on from any of them: miracle fork r --at iteration:3"
    )


def test_a_sequence_without_another_model_begins_at_its_end_not_past_it() -> None:
    run = stuck_run(models={"coder": ("a", "b"), "tester": ("a",), "reflector": ("a",)})
    record(run)
    replan(run)
    fail(run, 3)
    record(run)
    fail(run, 1)
    assert run.state.phases[0].model_shift == 1
    assert run.state.paused is None, "the reflector's only model is still asked"
