"""What `decide` asks for, place by place in the loop."""

import pytest

from engine import commands as c
from engine import events as e
from engine.decide import decide
from engine.llm.protocol import Answer, ToolCall
from engine.state import Stage, Status
from sandbox.report import CaseResult, ScanFinding, TestReport
from tests.unit.simulated_run import SimulatedRun, task

RED = TestReport(
    reason="failed", exit_code=1, backend="sim", cases=(CaseResult(id="t::a", outcome="failed", message="E  boom"),)
)
GREEN = TestReport(reason="ok", exit_code=0, backend="sim", cases=(CaseResult(id="t::a", outcome="passed"),))


def good(n: int) -> int:
    """Choices that never go wrong: the last of each list, but for reports and findings."""
    return {2: 1, 3: 0, 4: 1}.get(n, n - 1)


def until(run: SimulatedRun, wanted: type[c.Command]) -> c.Command:
    """Step until `decide` asks for such a command; it is not carried out."""
    for _ in range(200):
        commands = decide(run.state)
        if commands and isinstance(commands[0], wanted):
            return commands[0]
        run.step()
    raise AssertionError(f"never asked for {wanted.__name__}; stands at {run.state.stage}")


def pending(run: SimulatedRun) -> tuple[ToolCall, ...]:
    """The calls of the last answer that have no result."""
    assert run.state.session is not None
    return run.state.session.pending


def test_a_run_in_which_nothing_goes_wrong_ends_green_with_a_receipt() -> None:
    run = SimulatedRun(task(), good)
    stages = [run.state.stage]
    for _ in range(100):
        run.step()
        stages.append(run.state.stage)
    assert run.state.outcome == "success"
    assert run.state.receipt is not None
    assert list(dict.fromkeys(stages)) == [Stage.INIT, Stage.PLANNING, Stage.CODING, Stage.TESTING, Stage.SUCCESS]
    assert [i.phase_id for i in run.state.iterations] == ["p1", "p2"], "phases in the order of their dependencies"


def test_a_red_test_run_is_recalled_reflected_upon_and_leads_the_next_iteration() -> None:
    run = SimulatedRun(task(), good)
    until(run, c.RunTests)
    run.append(e.TestsFinished(phase_id="p1", number=1, report=RED))
    assert decide(run.state) == (c.Recall("p1", 1),)
    assert run.state.stage == Stage.REFLECTING
    run.step()
    assert decide(run.state) == (c.OpenSession("reflector", "p1", 1),)
    run.append(e.ReflectionSubmitted(session_id="s", cause="off by one", hypothesis="use <="))
    (command,) = decide(run.state)
    assert command == c.Record(e.IterationStarted(phase_id="p1", number=2, hypothesis="use <="))
    run.step()
    assert decide(run.state) == (c.OpenSession("coder", "p1", 2),)


def test_a_reflection_that_blames_the_tests_sends_the_tester_not_the_coder() -> None:
    run = SimulatedRun(task(), good)
    until(run, c.RunTests)
    run.append(
        e.TestsFinished(phase_id="p1", number=1, report=RED),
        e.Recalled(phase_id="p1", number=1),
        e.ReflectionSubmitted(session_id="s", cause="the test is wrong", hypothesis="expect 4", fault="tests"),
    )
    run.step()
    assert decide(run.state) == (c.OpenSession("tester", "p1", 2),)


@pytest.mark.parametrize(("role", "event"), [("reviewer", e.ReviewSubmitted), ("auditor", e.AuditSubmitted)])
def test_a_critical_finding_sends_the_phase_back_to_coding(role: str, event: type[e.ReviewSubmitted]) -> None:
    run = SimulatedRun(task(review=role == "reviewer", audit=role == "auditor"), good)
    command = until(run, c.OpenSession)
    while command != c.OpenSession(role, "p1", 1):
        run.step()
        command = until(run, c.OpenSession)
    finding = {"severity": "critical", "title": "injection", "path": "a.py", "line": 3, "fix": "bind it"}
    run.append(event.model_validate({"session_id": "s", "verdict": "revise", "findings": [finding]}))
    (again,) = decide(run.state)
    assert again == c.Record(
        e.IterationStarted(phase_id="p1", number=2, hypothesis="Resolve: injection (a.py:3): bind it")
    )


def test_a_blocked_finding_is_never_run_but_reflected_upon() -> None:
    run = SimulatedRun(task(), good)
    until(run, c.Scan)
    blocked = ScanFinding(rule="eval", verdict="blocked", severity="critical", path="a.py", line=1, message="eval")
    run.append(e.ScanFinished(phase_id="p1", number=1, findings=(blocked,)))
    assert decide(run.state) == (c.Recall("p1", 1),)


def test_what_needs_approval_is_asked_once_and_for_the_run_when_a_person_says_so() -> None:
    run = SimulatedRun(task(), good)
    until(run, c.Scan)
    finding = ScanFinding(
        rule="import os", verdict="approval_required", severity="high", path="a.py", line=1, message="os"
    )
    run.append(e.ScanFinished(phase_id="p1", number=1, findings=(finding,)))
    (asked,) = decide(run.state)
    assert isinstance(asked, c.Record)
    run.append(asked.event)
    assert decide(run.state) == ()
    assert run.state.status == Status.WAITING
    run.append(e.ApprovalAnswered(approval_id=run.state.pending_approvals[0].request.approval_id, decision="run"))
    assert decide(run.state) == (c.RunTests("p1", 1),)
    assert run.state.allows("scan", "import os")


def test_the_circuit_breaker_ends_the_run_after_its_last_iteration() -> None:
    run = SimulatedRun(task(max_iterations=1), good)
    until(run, c.RunTests)
    run.append(
        e.TestsFinished(phase_id="p1", number=1, report=RED),
        e.Recalled(phase_id="p1", number=1),
        e.ReflectionSubmitted(session_id="s", cause="c", hypothesis="h"),
    )
    (command,) = decide(run.state)
    assert isinstance(command, c.Record)
    assert isinstance(command.event, e.RunFinished)
    assert command.event.outcome == "failed"


def test_a_spent_budget_pauses_before_the_next_call_and_more_lets_it_go_on() -> None:
    run = SimulatedRun(task(budget_usd=0.01), good)
    for _ in range(30):
        run.step()
        if run.state.paused:
            break
    assert run.state.paused is not None
    assert run.state.paused.reason == "budget"
    assert "--budget-usd" in run.state.paused.hint
    run.append(e.RunResumed(add_budget_usd=5))
    assert decide(run.state) != ()


def test_three_unusable_answers_try_the_next_model_and_then_pause() -> None:
    run = SimulatedRun(task(models={"reprompter": ("a", "b")}, max_turns=20), good)
    until(run, c.CallModel)
    models = []
    for _ in range(100):
        if run.state.paused:
            break
        (command,) = decide(run.state)
        session = run.state.session
        assert session is not None
        if isinstance(command, c.CallModel):
            models.append(session.model_index)
            run.append(
                e.AnswerReceived(session_id=session.id, call_id="c", answer=Answer(model="a", text="hm", cost_usd=0))
            )
        else:
            run.append(*run.answer(command))
    assert models == [0, 0, 0, 1, 1, 1]
    assert run.state.paused is not None
    assert run.state.paused.reason == "model"
    assert "3 answers in a row" in run.state.paused.detail
    run.append(e.RunResumed())
    assert isinstance(decide(run.state)[0], c.CallModel)


def test_a_fatal_error_pauses_at_once() -> None:
    run = SimulatedRun(task(models={"reprompter": ("a", "b")}), good)
    until(run, c.CallModel)
    session = run.state.session
    assert session is not None
    run.append(
        e.CallFailed(
            session_id=session.id, call_id="c", model="a", error="KeyRejected", detail="401", hint="set it", fatal=True
        )
    )
    (command,) = decide(run.state)
    assert isinstance(command, c.Record)
    assert isinstance(command.event, e.RunPaused)
    assert command.event.hint == "set it"


def test_tool_calls_of_one_answer_are_carried_out_in_order() -> None:
    run = SimulatedRun(task(), good)
    until(run, c.CallModel)
    session = run.state.session
    assert session is not None
    calls = tuple(ToolCall(id=str(i), name="read_file", arguments="{}") for i in range(2))
    run.append(
        e.AnswerReceived(session_id=session.id, call_id="c", answer=Answer(model="a", tool_calls=calls, cost_usd=0))
    )
    assert decide(run.state) == (c.RunTool(session.id, calls[0]),)
    run.append(e.ToolFinished(session_id=session.id, tool_call_id="0", name="read_file", ok=True, output=""))
    assert decide(run.state) == (c.RunTool(session.id, calls[1]),)


def test_a_lost_sandbox_pauses_and_the_tests_run_again_after_a_resume() -> None:
    run = SimulatedRun(task(), good)
    until(run, c.RunTests)
    lost = TestReport(reason="backend_lost", exit_code=None, backend="docker")
    run.append(e.TestsFinished(phase_id="p1", number=1, report=lost))
    run.step()
    assert run.state.paused is not None
    assert run.state.paused.reason == "sandbox"
    run.append(e.RunResumed())
    assert decide(run.state) == (c.RunTests("p1", 1),)


def test_a_denied_plan_is_planned_again_with_the_reason() -> None:
    run = SimulatedRun(task(), good)
    while not run.state.pending_approvals:
        run.step()
    approval = run.state.pending_approvals[0].request
    run.append(e.ApprovalAnswered(approval_id=approval.approval_id, decision="deny", reason="too big"))
    assert run.state.plan_feedback == "too big"
    assert decide(run.state) == (c.OpenSession("planner"),)


def test_a_red_proof_reopens_the_last_phase() -> None:
    run = SimulatedRun(task(), good)
    until(run, c.Prove)
    run.append(e.ProofFinished(phase_id="p2", number=2, report=RED))
    assert run.state.phase is not None
    assert run.state.phase.id == "p2"
    assert decide(run.state) == (c.Recall("p2", 2),)
    assert GREEN.green
    assert not RED.green


def test_a_message_that_arrives_while_a_prompt_is_written_goes_with_the_next_call_exactly_once() -> None:
    run = SimulatedRun(task(), good)
    run.step()
    run.append(e.Steered(text="first"), e.Steered(text="too late"))
    opened = e.SessionOpened(session_id="s", role="reprompter", messages=(), steers=1)
    run.append(opened)
    assert run.state.steers == ("too late",)
    run.append(e.CallStarted(session_id="s", call_id="c", model="a"))
    assert not run.state.steers
    assert run.state.session is not None
    assert [m.content for m in run.state.session.messages] == ["A message from the person:\ntoo late"]
    run.append(e.Steered(text="later"), e.CallStarted(session_id="s", call_id="d", model="a"))
    run.append(e.CallStarted(session_id="s", call_id="e", model="a"))
    assert sum("later" in m.content for m in run.state.session.messages) == 1


def test_calls_without_ids_of_their_own_get_one_result_and_one_approval_each() -> None:
    run = SimulatedRun(task(), good)
    until(run, c.CallModel)
    session = run.state.session
    assert session is not None
    same = ToolCall(id="call_0", name="run_command", arguments="{}")
    answers = [Answer(model="a", tool_calls=calls, cost_usd=0) for calls in ((same, same), (same,))]
    run.append(e.AnswerReceived(session_id=session.id, call_id="c1", answer=answers[0]))
    asked = pending(run)[0]
    run.append(
        e.ApprovalRequested(
            approval_id="r.1", topic="command", subject="ls", title="ls?", session_id=session.id, tool_call_id=asked.id
        ),
        e.ApprovalAnswered(approval_id="r.1", decision="once"),
        e.ToolFinished(session_id=session.id, tool_call_id=asked.id, name="run_command", ok=True, output=""),
    )
    (second,) = pending(run)
    run.append(e.ToolFinished(session_id=session.id, tool_call_id=second.id, name="x", ok=True, output=""))
    run.append(e.AnswerReceived(session_id=session.id, call_id="c2", answer=answers[1]))
    (third,) = pending(run)
    assert len({asked.id, second.id, third.id}) == 3
    assert all(0 < len(call.id) <= 40 for call in (asked, second, third)), "servers take no longer ids"
    assert run.state.answer_to("command", session_id=session.id, tool_call_id=third.id) is None
    assert run.state.answer_to("command", session_id="another", tool_call_id=asked.id) is None


def test_a_spent_budget_keeps_nothing_back_that_costs_nothing() -> None:
    run = SimulatedRun(task(budget_usd=1.0), good)
    until(run, c.TakeCheckpoint)
    assert run.state.session is None
    spent = Answer(model="a", cost_usd=5.0)
    run.append(e.AnswerReceived(session_id="over", call_id="c", answer=spent))
    run.step()
    assert isinstance(decide(run.state)[0], c.TakeCheckpoint)
    run.step()
    (command,) = decide(run.state)
    assert isinstance(command, c.Record), "the tester would cost"
    assert isinstance(command.event, e.RunPaused)


def test_a_conversation_that_is_too_long_is_cut_further_before_the_next_model_is_asked() -> None:
    run = SimulatedRun(task(models={"reprompter": ("a", "b")}), good)
    until(run, c.CallModel)
    tried = []
    while not run.state.paused:
        session = run.state.session
        assert session is not None
        tried.append((session.model_index, session.squeezes))
        too_long = {"error": "ContextTooLong", "detail": "too long", "hint": "a larger model"}
        run.append(e.CallFailed.model_validate({"session_id": session.id, "call_id": "c", "model": "a", **too_long}))
        (command,) = decide(run.state)
        if isinstance(command, c.Record):
            run.append(command.event)
    assert tried == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 3)]
    assert run.state.paused.hint == "a larger model"
