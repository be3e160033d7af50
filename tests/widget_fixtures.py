"""A run's state as the panes meet it, hostile text, and an app that holds widgets."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widget import Widget

from engine.events import ApprovalRequested, ReflectionSubmitted, ReviewSubmitted
from engine.state import Approval, Iteration, Phase, Spend, State
from engine.task import BlastRadius, Finding, Plan, Spec, Subtask, Task
from memory.records import Recollection
from sandbox.report import CaseResult, ScanFinding, TestReport

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SIZES = ((100, 30), (80, 24), (20, 5), (4, 2))
HOSTILE = (
    "[/foo] [b]x[/] [@click=app.quit]q[/]",
    "\x1b]52;c;ZXZpbA==\x07clip",
    "\x1b]0;title",
    "a\x1b[2J\x1b[H\x1b[31mb",
    "nul\x00bel\x07",
    "\u202egnp.exe",
    "lone \ud800 surrogate",
    "\x9b2J\x90q\x9c",
    "wide 漢字 👩‍👩‍👧",
    "",
)
WEAPONS = ("\x1b", "\x9b", "\x07", "\x00", "\u202e", "\ud800", "\x9d")
"""Characters that no pane may hand to the terminal."""

DIFF = """diff --git a/roman/parse.py b/roman/parse.py
index 1111111..2222222 100644
--- a/roman/parse.py
+++ b/roman/parse.py
@@ -1,4 +1,5 @@ VALUES
 def from_roman(text):
-    total = 0
-    for letter in text:
+    total = previous = 0
+    for letter in reversed(text):
+        previous = total
     return total
@@ -40,3 +41,3 @@ def other():
 a = 1
-b = "old"
+b = "new"
 c = 3
diff --git a/tests/test_parse.py b/tests/test_parse.py
new file mode 100644
--- /dev/null
+++ b/tests/test_parse.py
@@ -0,0 +1,2 @@
+def test_four():
+    assert from_roman("IV") == 4
diff --git a/logo.png b/logo.png
new file mode 100644
Binary files /dev/null and b/logo.png differ
"""


def report(passed: int, failed: int, **values: Any) -> TestReport:
    """A test run with these counts."""
    cases = [CaseResult(id=f"tests/test_a.py::test_{n}", outcome="passed", duration_s=0.01) for n in range(passed)]
    message = "def test():\n>   assert 1 == 2\nE   AssertionError: assert 1 == 2"
    cases += [
        CaseResult(id=f"tests/test_b.py::TestB::test_{n}", outcome="failed", duration_s=0.2, message=message)
        for n in range(failed)
    ]
    wanted: dict[str, Any] = {
        "reason": "failed" if failed else "ok",
        "exit_code": 1 if failed else 0,
        "backend": "bubblewrap",
        "cases": tuple(cases),
        "collected": passed + failed,
        "duration_s": 1.2,
    }
    return TestReport(**{**wanted, **values})


def plan() -> Plan:
    """Three phases in two tiers."""
    return Plan(
        summary="Bottom up.",
        subtasks=(
            Subtask(id="s1", title="Encode", description="to_roman", test_strategy="pairs"),
            Subtask(id="s2", title="Parse", description="from_roman", depends_on=("s1",)),
            Subtask(id="s3", title="Command", description="argparse", depends_on=("s1",)),
        ),
    )


def reflected() -> Iteration:
    """A failed iteration with everything that can be said of it."""
    return Iteration(
        2,
        "s2",
        hypothesis="go from right to left",
        report=report(6, 2),
        diff=DIFF,
        recalled=(
            Recollection(
                memory_id="m1", similarity=0.91, via="fingerprint", title="IIII", cause="no pairs", solution="add them"
            ),
            Recollection(memory_id="m2", similarity=0.5, title="other", own_project=False, project="elsewhere"),
        ),
        reflection=ReflectionSubmitted(
            session_id="x", cause="the parser is greedy", hypothesis="compare with to_roman", used_memories=("m1",)
        ),
        review=ReviewSubmitted(
            session_id="r",
            verdict="revise",
            findings=(
                Finding(severity="info", title="a docstring is missing"),
                Finding(
                    severity="critical", title="eval of input", path="roman/cli.py", line=3, fix="ast.literal_eval"
                ),
            ),
        ),
        scan=(
            ScanFinding(rule="eval", verdict="blocked", severity="HIGH", path="roman/cli.py", line=3, message="eval"),
        ),
    )


def state(**values: Any) -> State:
    """A run in the middle of its work."""
    made = plan()
    tiers = {"s1": 0, "s2": 1, "s3": 1}
    states = {"s1": "green", "s2": "active", "s3": "pending"}
    whole = State(
        run_id="r1",
        started_at=NOW - timedelta(seconds=151),
        updated_at=NOW,
        task=Task(goal="roman numerals", workspace="/home/me/roman"),
        spec=Spec(title="Roman numerals", summary="Both ways, strictly."),
        plan=made,
        plan_approved=True,
        phases=tuple(Phase(subtask=s, tier=tiers[s.id], state=states[s.id]) for s in made.subtasks),
        iterations=(Iteration(1, "s1", report=report(8, 0)), reflected(), Iteration(3, "s2", hypothesis="compare")),
        spend=Spend(usd=0.1234, input_tokens=38_000, output_tokens=3200, calls=9),
        budget_usd=5.0,
        max_iterations=15,
    )
    return replace(whole, **values)


def waiting_plan() -> State:
    """A run whose plan waits for a person."""
    asked = Approval(ApprovalRequested(approval_id="a1", topic="plan", subject="plan", title="Approve the plan"), NOW)
    return state(plan_approved=False, phases=(), iterations=(), approvals=(asked,))


def request(**values: Any) -> ApprovalRequested:
    """A question about a command."""
    wanted: dict[str, Any] = {
        "approval_id": "a1",
        "topic": "command",
        "subject": "make dist",
        "title": "The coder wants to run: make dist",
        "detail": "$ make dist",
        "blast_radius": BlastRadius(paths=("build", "dist"), network=True, cost_usd=0.5, reversible=False),
    }
    return ApprovalRequested(**{**wanted, **values})


class Host(App[None]):
    """Holds widgets."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, *held: Widget) -> None:
        super().__init__()
        self.held = held

    def compose(self) -> ComposeResult:
        """The widgets."""
        yield from self.held

    def shown(self) -> str:
        """What the screen shows, line by line."""
        lines = self.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in lines)


async def until(pilot: Pilot[None], holds: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait until something holds; the machine may be busy with other tests."""
    end = time.monotonic() + timeout_s
    await pilot.pause()
    while not holds():
        assert time.monotonic() < end, "it never came to be"
        await pilot.pause(0.02)


def assert_inert(text: str) -> None:
    """Nothing in the text steers a terminal."""
    found = [weapon for weapon in WEAPONS if weapon in text]
    assert not found, f"{found!r} in {text!r}"
