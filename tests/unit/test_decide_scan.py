"""Scan, review and audit as decisions: what is asked, how often, what is told to whom, what sends work back."""

from collections.abc import Iterable
from typing import Any

import pytest

from config.load import load_config
from config.rules import SafetyRules
from engine import commands as c
from engine import events as e
from engine.agents.auditor import AGENT, OWASP, Audit, category_of
from engine.context.measured import blocking, measured, spans
from engine.context.section import Material
from engine.decide import decide
from engine.gates.covered import measured_lines
from engine.gates.needs import reasons_of, with_needs
from engine.state import State
from engine.task import Finding, Spec, Task
from sandbox.report import Coverage, FileCoverage, ScanFinding, TestReport
from tests.unit.simulated_run import SimulatedRun, task
from tests.unit.test_decide import good, until

SOCKET = ScanFinding(
    rule="blocked_import:socket", verdict="blocked", severity="critical", path="a.py", line=1, message="socket."
)
SERVER = SOCKET.model_copy(update={"rule": "approval_import:http.server", "verdict": "approval_required"})
EVAL = SOCKET.model_copy(update={"rule": "blocked_function:eval"})


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> SafetyRules:
    return load_config(None, {"MIRACLE_HOME": str(tmp_path_factory.mktemp("home"))}).rules


def spec_of(**values: Any) -> State:
    spec = Spec(title="t", summary="s", **values)
    return State(task=Task(goal="g", workspace="/w"), spec=spec)


def scanned(run: SimulatedRun, *findings: ScanFinding) -> tuple[c.Command, ...]:
    """What is decided once the next scan found this."""
    command = until(run, c.Scan)
    assert isinstance(command, c.Scan)
    run.append(e.ScanFinished(phase_id=command.phase_id, number=command.number, step=command.step, findings=findings))
    return decide(run.state)


def asked(commands: Iterable[c.Command]) -> e.ApprovalRequested:
    (command,) = commands
    assert isinstance(command, c.Record)
    assert isinstance(command.event, e.ApprovalRequested)
    return command.event


def test_what_the_goal_needs_is_asked_about_with_its_place_and_nothing_else_is_softened(rules: SafetyRules) -> None:
    found = (SOCKET, SERVER, EVAL)
    by_type = reasons_of(spec_of(project_type="web_app"), "", rules.needs)
    assert by_type["network_service"] == "the spec says that it is a web_app"
    by_words = reasons_of(spec_of(requirements=("count", "It answers as a REST API.")), "", rules.needs)
    assert by_words["network_service"] == "requirement 2, “It answers as a REST API.”"
    soft = with_needs(found, by_words, rules)
    assert [(one.verdict, one.need) for one in soft] == [
        ("approval_required", "network_service"),
        ("approval_required", "network_service"),
        ("blocked", ""),
    ]
    assert soft[0].severity == "high"
    assert soft[0].message == "socket. The goal needs a network service: requirement 2, “It answers as a REST API.”."
    assert with_needs(found, reasons_of(spec_of(requirements=("sort",)), "", rules.needs), rules) == found


def test_a_need_is_asked_about_once_whatever_is_answered() -> None:
    needed = SOCKET.model_copy(update={"verdict": "approval_required", "need": "network_service"})
    other = needed.model_copy(update={"rule": "approval_import:http.server"})
    run = SimulatedRun(task(), good)
    question = asked(scanned(run, needed))
    assert question.subject.split("\n") == ["blocked_import:socket", "need:network_service"]
    assert "network service" in question.title
    run.append(question, e.ApprovalAnswered(approval_id=question.approval_id, decision="once"))
    assert decide(run.state) == (c.RunTests("p1", 1),)
    while (command := until(run, c.Scan)) == c.Scan("p1", 1):
        run.step()
    assert command == c.Scan("p2", 2)
    assert scanned(run, needed, other) == (c.RunTests("p2", 2),)

    denied = SimulatedRun(task(), good)
    question = asked(scanned(denied, needed))
    denied.append(question, e.ApprovalAnswered(approval_id=question.approval_id, decision="deny"))
    assert decide(denied.state) == (c.Recall("p1", 1),)
    while denied.state.iteration is None or denied.state.iteration.number < 2:
        denied.step()
    assert scanned(denied, other) == (c.Recall("p1", 2),)


def test_a_standing_rule_answers_for_its_files_and_not_for_the_run() -> None:
    needed = SOCKET.model_copy(update={"verdict": "approval_required", "need": "network_service"})
    run = SimulatedRun(task(), good)
    question = asked(scanned(run, needed))
    run.append(question, e.ApprovalAnswered(approval_id=question.approval_id, decision="once", by="rule"))
    assert decide(run.state) == (c.RunTests("p1", 1),)
    while until(run, c.Scan) == c.Scan("p1", 1):
        run.step()
    asked(scanned(run, needed))


def test_the_code_is_scanned_before_it_is_reviewed_and_not_reviewed_when_it_is_blocked() -> None:
    run = SimulatedRun(task(review=True), good)
    assert until(run, c.Scan) == c.Scan("p1", 1, "code")
    assert scanned(run, SERVER) == (c.OpenSession("reviewer", "p1", 1),)
    told = measured(run.state, Material())
    assert "a.py:1 approval_import:http.server (approval_required): socket." in told
    stopped = SimulatedRun(task(review=True), good)
    assert scanned(stopped, EVAL) == (c.Recall("p1", 1),)
    plain = SimulatedRun(task(), good)
    assert until(plain, c.Scan) == c.Scan("p1", 1)


@pytest.mark.parametrize(
    ("block", "severity", "back"),
    [("critical", "major", False), ("major", "major", True), ("minor", "major", True), ("none", "critical", False)],
)
def test_findings_block_by_the_configured_severity(block: str, severity: str, back: bool) -> None:
    run = SimulatedRun(task(audit=True, block_severity=block), good)
    while until(run, c.OpenSession) != c.OpenSession("auditor", "p1", 1):
        run.step()
    finding = Finding.model_validate({"severity": severity, "title": "x", "path": "a.py", "fix": "y"})
    run.append(e.AuditSubmitted(session_id="s", verdict="revise", findings=(finding,)))
    assert run.state.iteration is not None
    assert run.state.iteration.sent_back is back
    begun = c.Record(e.IterationStarted(phase_id="p1", number=2, hypothesis="Resolve: x (a.py:0): y"))
    assert (decide(run.state) == (begun,)) is back
    assert ("No finding does" if block == "none" else f"severity {block}") in blocking(run.state, Material())


def test_an_audit_names_owasps_categories_and_is_complete() -> None:
    assert len(OWASP) == 10
    assert [category_of(said) for said in ("A03", "injection", "A03:2021 Injection", "A3: broken")] == [
        *["A03:2021 Injection"] * 3,
        "A3: broken",
    ]
    whole = {"severity": "major", "title": "t", "category": "a10", "path": "a.py", "detail": "d", "fix": "f"}
    good_one, bad = Audit.model_validate({"verdict": "revise", "findings": [whole]}), {**whole, "fix": "", "path": " "}
    assert AGENT.refuse(State(), good_one) == ""
    assert "path, fix" in AGENT.refuse(State(), Audit.model_validate({"verdict": "revise", "findings": [bad]}))
    event = AGENT.to_event("s", good_one)
    assert isinstance(event, e.AuditSubmitted)
    assert event.findings[0].category == "A10:2021 Server-Side Request Forgery"


def test_coverage_is_told_of_the_newest_tests() -> None:
    run = SimulatedRun(task(review=True), good)
    until(run, c.RunTests)
    coverage = Coverage(files=(FileCoverage(path="a.py", covered=18, missing=(3, 7, 8)),))
    report = TestReport(reason="failed", exit_code=1, backend="sim", coverage=coverage)
    run.append(e.TestsFinished(phase_id="p1", number=1, report=report))
    told = measured(run.state, Material())
    assert "In iteration 1, changed lines covered 18/21\n- a.py: not run: 3, 7-8" in told
    assert spans((1, 2, 3, 9)) == "1-3, 9"


def test_the_lines_that_a_diff_adds() -> None:
    diff = (
        "diff --git a/pkg/a.py b/pkg/a.py\n--- a/pkg/a.py\n+++ b/pkg/a.py\n@@ -1,3 +1,4 @@\n one\n-two\n+++ two\n"
        "+three\n four\n@@ -9 +10 @@ def f\n+ten\ndiff --git a/tests/test_a.py b/tests/test_a.py\n--- /dev/null\n"
        "+++ b/tests/test_a.py\n@@ -0,0 +1 @@\n+x\n"
        "diff --git a/b.js b/b.js\n--- /dev/null\n+++ b/b.js\n@@ -0,0 +1 @@\n+x\n"
    )
    assert measured_lines(diff) == {"pkg/a.py": frozenset({2, 3, 10})}
