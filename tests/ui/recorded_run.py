"""A run as its log tells it: real events with fixed ids and times, to be replayed to the app."""

from datetime import UTC, datetime, timedelta

from engine import events as e
from engine.llm.protocol import Answer, Message, Usage
from engine.task import BlastRadius, FileChange, Plan, Receipt, Spec, Subtask, Task
from memory.records import Recollection
from sandbox.report import CaseResult, TestReport

START = datetime(2025, 3, 3, 9, 30, tzinfo=UTC)
RUN = "r7k2m4"
SECOND = timedelta(seconds=4)

TASK = Task(
    goal="Write a module `roman` that turns numbers from 1 to 3999 into Roman numerals and back.",
    workspace="/home/ada/numerals",
    project_type="library",
    scripted=True,
    model_label="scripted: roman-numerals",
)
SPEC = Spec(title="Roman numerals, both ways", summary="A small library.", project_type="library")
PLAN = Plan(
    summary="Two conversions, then their round trip.",
    subtasks=(
        Subtask(id="encode", title="Numbers to numerals", description="to_roman(n)", files=("roman.py",)),
        Subtask(id="decode", title="Numerals to numbers", description="from_roman(text)", files=("roman.py",)),
        Subtask(
            id="round-trip",
            title="Every number survives the round trip",
            description="A property over 1..3999",
            depends_on=("encode", "decode"),
            challenges=("Subtractive pairs", "What is no numeral"),
            test_strategy="hypothesis over the whole range",
        ),
    ),
)
DIFF = """\
diff --git a/roman.py b/roman.py
new file mode 100644
--- /dev/null
+++ b/roman.py
@@ -0,0 +1,9 @@
+PAIRS = ((1000, "M"), (500, "D"), (100, "C"), (50, "L"), (10, "X"), (5, "V"), (1, "I"))
+
+
+def to_roman(number: int) -> str:
+    text = ""
+    for value, letter in PAIRS:
+        count, number = divmod(number, value)
+        text += letter * count
+    return text
"""
FIXED = """\
diff --git a/roman.py b/roman.py
--- a/roman.py
+++ b/roman.py
@@ -1,4 +1,7 @@
-PAIRS = ((1000, "M"), (500, "D"), (100, "C"), (50, "L"), (10, "X"), (5, "V"), (1, "I"))
+PAIRS = (
+    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
+    (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
+)
 
 
 def to_roman(number: int) -> str:
"""
FAILED_MESSAGE = "tests/test_encode.py:9: AssertionError\nassert to_roman(4) == 'IV'\n  - IV\n  + IIII"


def report(*, failing: int, passing: int) -> TestReport:
    """A report with named cases."""
    cases = [
        CaseResult(id=f"tests/test_encode.py::test_{n}", outcome="passed", duration_s=0.01) for n in range(passing)
    ]
    cases += [
        CaseResult(
            id=f"tests/test_encode.py::test_pair[{n}]", outcome="failed", duration_s=0.02, message=FAILED_MESSAGE
        )
        for n in range(failing)
    ]
    return TestReport(
        reason="failed" if failing else "ok",
        exit_code=1 if failing else 0,
        backend="bubblewrap",
        command=("python", "-m", "pytest"),
        cases=tuple(cases),
        collected=len(cases),
        output="".join(f"{case.id} {case.outcome.upper()}\n" for case in cases)
        + f"\n{failing} failed, {passing} passed\n",
        duration_s=0.62,
    )


def _session(session_id: str, role: str, cost: float, *, phase: str = "", iteration: int = 0) -> list[e.Event]:
    usage = Usage(input_tokens=5200, output_tokens=900)
    return [
        e.SessionOpened(
            session_id=session_id,
            role=role,
            phase_id=phase,
            iteration=iteration,
            messages=(Message(role="user", content="…"),),
        ),
        e.CallStarted(session_id=session_id, call_id=f"{session_id}-c", model="scripted"),
        e.AnswerReceived(
            session_id=session_id,
            call_id=f"{session_id}-c",
            answer=Answer(model="scripted", usage=usage, cost_usd=cost),
        ),
    ]


def until_plan() -> list[e.Event]:
    """From the goal to the question whether the plan is right."""
    return [
        e.RunStarted(task_id="t1", task=TASK),
        e.WorkspacePrepared(
            worktree="/w/r7k2m4",
            repository="/r",
            owned=True,
            branch=f"autonomous/{RUN}",
            base_commit="a" * 40,
            backend="bubblewrap",
        ),
        *_session("s1", "reprompter", 0.004),
        e.SpecSubmitted(session_id="s1", spec=SPEC),
        *_session("s2", "planner", 0.012),
        e.PlanSubmitted(session_id="s2", plan=PLAN),
        e.ApprovalRequested(
            approval_id="a-plan",
            topic="plan",
            subject="plan:1",
            title="Is this plan right?",
            detail=PLAN.summary,
            blast_radius=BlastRadius(paths=("roman.py",), cost_usd=4.98),
        ),
    ]


def until_failure() -> list[e.Event]:
    """On to the first failing iteration and what was learnt from it."""
    return [
        *until_plan(),
        e.ApprovalAnswered(approval_id="a-plan", decision="once"),
        e.IterationStarted(phase_id="encode", number=1),
        *_session("s3", "coder", 0.031, phase="encode", iteration=1),
        e.WorkSubmitted(session_id="s3", summary="Greedy conversion."),
        e.Checkpointed(
            phase_id="encode",
            number=1,
            step="code",
            commit="b" * 40,
            files=(FileChange(path="roman.py", status="added", added=9),),
            diff=DIFF,
        ),
        *_session("s4", "tester", 0.02, phase="encode", iteration=1),
        e.TestsSubmitted(session_id="s4", files=("tests/test_encode.py",)),
        e.ScanFinished(phase_id="encode", number=1),
        e.TestsFinished(phase_id="encode", number=1, report=report(failing=3, passing=5)),
        e.Recalled(
            phase_id="encode",
            number=1,
            items=(
                Recollection(
                    memory_id="f-12",
                    similarity=0.82,
                    title="AssertionError: assert 'IIII' == 'IV'",
                    cause="The table had no subtractive pairs.",
                    solution="Put 900, 400, 90, 40, 9 and 4 into the table.",
                ),
            ),
        ),
        *_session("s5", "reflector", 0.018, phase="encode", iteration=1),
        e.ReflectionSubmitted(
            session_id="s5",
            cause="The table of values lacks the subtractive pairs, so 4 becomes IIII.",
            hypothesis="With CM, CD, XC, XL, IX and IV in the table the greedy loop is right as it is.",
            used_memories=("f-12",),
        ),
    ]


def until_command() -> list[e.Event]:
    """On to a command that a person has to allow."""
    return [
        *until_failure(),
        e.IterationStarted(phase_id="encode", number=2, hypothesis="Subtractive pairs."),
        *_session("s6", "coder", 0.027, phase="encode", iteration=2),
        e.ApprovalRequested(
            approval_id="a-command",
            topic="command",
            subject="rm -r build",
            title="Run a command that deletes files",
            detail="rm -r build",
            phase_id="encode",
            number=2,
            blast_radius=BlastRadius(paths=("build/",), reversible=False),
            session_id="s6",
            tool_call_id="tc1",
        ),
    ]


def until_success() -> list[e.Event]:
    """The whole run, green."""
    events: list[e.Event] = [
        *until_command(),
        e.ApprovalAnswered(approval_id="a-command", decision="deny", reason="not needed"),
        e.WorkSubmitted(session_id="s6", summary="Subtractive pairs."),
        e.Checkpointed(
            phase_id="encode",
            number=2,
            step="code",
            commit="c" * 40,
            files=(FileChange(path="roman.py", status="modified", added=4, removed=1),),
            diff=FIXED,
        ),
        e.ScanFinished(phase_id="encode", number=2),
        e.TestsFinished(phase_id="encode", number=2, report=report(failing=0, passing=8)),
        e.PhaseFinished(phase_id="encode", number=2),
    ]
    for number, phase in ((3, "decode"), (4, "round-trip")):
        events += [
            e.IterationStarted(phase_id=phase, number=number),
            *_session(f"s{number + 4}", "coder", 0.02, phase=phase, iteration=number),
            e.WorkSubmitted(session_id=f"s{number + 4}", summary="Done."),
            e.Checkpointed(phase_id=phase, number=number, step="code", commit=str(number) * 40, diff=FIXED),
            e.TestsFinished(phase_id=phase, number=number, report=report(failing=0, passing=8 + number)),
            e.PhaseFinished(phase_id=phase, number=number),
        ]
    receipt = Receipt(
        commit="d" * 40,
        tree="e" * 40,
        backend="bubblewrap",
        tests=("tests/test_encode.py",),
        passed=12,
        skipped=0,
        output_sha256="f" * 64,
        key="1a2b3c4d5e6f7081" * 4,
    )
    proof = e.ProofFinished(phase_id="round-trip", number=4, report=report(failing=0, passing=12), receipt=receipt)
    return [*events, proof, e.RunFinished(outcome="success", receipt=receipt)]


def recorded(events: list[e.Event], run_id: str = RUN, after: int = 0) -> list[e.Recorded]:
    """The events with places and times, four seconds apart."""
    return [
        e.Recorded(run_id=run_id, seq=seq, at=START + seq * SECOND, event=event)
        for seq, event in enumerate(events, after + 1)
    ]
