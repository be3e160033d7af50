"""What a question says of its reach is true, and never too little."""

import pytest

from engine import events as e
from engine.gates.blast import WORKTREE, of_command, of_plan, of_scan, of_stuck
from engine.llm.protocol import Answer
from engine.task import Plan, Subtask
from sandbox.report import ScanFinding
from tests.unit.simulated_run import SimulatedRun, task

PLAN = Plan(
    subtasks=(
        Subtask(id="p1", title="one", description="", files=("a.py", "b.py")),
        Subtask(id="p2", title="two", description="", files=("b.py",), depends_on=("p1",)),
    )
)


@pytest.mark.parametrize(
    ("command", "paths"),
    [
        ("rm -r build 'old files'", ("build", "old files")),
        ("chmod 755 bin/run && rm -r build", ("bin/run", "build")),
        ("rm -r *", (WORKTREE,)),
        ("rm -r build && make", (WORKTREE,)),
        ("pip install flask", (WORKTREE,)),
        ("curl $URL", (WORKTREE,)),
        ("rm -r", (WORKTREE,)),
    ],
)
def test_a_command_touches_what_it_names_or_anything(command: str, paths: tuple[str, ...]) -> None:
    radius = of_command(command)
    assert (radius.paths, radius.network, radius.cost_usd, radius.reversible) == (paths, False, None, True)


def test_a_plan_touches_its_files_and_may_cost_what_is_left() -> None:
    run = SimulatedRun(task(budget_usd=2.0), lambda n: 0)
    run.append(e.AnswerReceived(session_id="s", call_id="c", answer=Answer(model="a", cost_usd=0.5)))
    radius = of_plan(PLAN, run.state)
    assert (radius.paths, radius.cost_usd) == (("a.py", "b.py"), 1.5)
    unnamed = PLAN.model_copy(update={"subtasks": (Subtask(id="p1", title="one", description=""),)})
    assert of_plan(unnamed, run.state).paths == (WORKTREE,)


def test_a_stuck_phase_may_cost_what_is_left() -> None:
    run = SimulatedRun(task(budget_usd=2.0), lambda n: 0)
    assert (of_stuck(run.state, "p1").paths, of_stuck(run.state, "p1").cost_usd) == ((WORKTREE,), 2.0)
    run.append(
        e.PlanSubmitted(session_id="s", plan=PLAN),
        e.ApprovalRequested(approval_id="r.1", topic="plan", subject="plan 1", title="t"),
        e.ApprovalAnswered(approval_id="r.1", decision="once"),
    )
    assert of_stuck(run.state, "p2").paths == ("b.py",)


def test_scanned_code_touches_its_files_and_the_worktree() -> None:
    found = [
        ScanFinding.model_validate(
            {"rule": "r", "verdict": verdict, "severity": "x", "path": path, "line": 1, "message": ""}
        )
        for path, verdict in (("a.py", "approval_required"), ("a.py", "approval_required"), ("b.py", "warning"))
    ]
    assert of_scan(found).paths == ("a.py", WORKTREE)
