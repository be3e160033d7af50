"""A rehearsal tells what a rule would have done, and what it would not."""

from datetime import UTC, datetime, timedelta

from config.rules import CommandRules
from engine.gates.rehearsal import PastAction, judge, rehearse
from engine.gates.rules import Rule, propose_for_command, propose_for_findings
from sandbox.report import ScanFinding

SAFETY = CommandRules(blocked=("rm -rf",), approval=("pip install", "curl"))
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
HERE, ELSEWHERE = "/home/ada/shop", "/home/ada/blog"


def action(subject: str, minute: int = 0, project: str = HERE, decision: str = "", by: str = "ada") -> PastAction:
    at = BEGAN + timedelta(minutes=minute)
    return PastAction(f"run{minute}", at, project, subject, asked=bool(decision), decision=decision, by=by)


def rule(command: str, place: int, project: str = "") -> Rule:
    return propose_for_command(command)[place].model_copy(update={"project": project}).named()


PAST = (
    action("pip install flask", 1, decision="once"),
    action("pip install django", 2, decision="deny"),
    action("pip install rich", 3, decision="deny", by="timeout"),
    action("pip install flask", 4, ELSEWHERE, decision="run"),
    action("curl https://example.test", 5, decision="once"),
    action("pip install x > log", 6),
    action("ls", 7),
    action("rm -rf /", 8),
)


def test_the_exact_rule_finds_only_the_same_command() -> None:
    done = rehearse(rule("pip install flask", 0), PAST, judge(PAST, SAFETY))
    assert [(one.run_id, one.decided) for one in done.allowed] == [
        ("run4", "allowed for its run by ada"),
        ("run1", "allowed once by ada"),
    ]
    assert (done.asked_anyway, done.free, done.blocked, done.runs, done.denied) == (4, 1, 1, 8, 0)


def test_a_wider_rule_shows_what_a_person_had_denied() -> None:
    done = rehearse(rule("pip install flask", 1), PAST, judge(PAST, SAFETY))
    assert [one.subject.split()[-1] for one in done.allowed] == ["flask", "rich", "django", "flask"]
    assert done.denied == 1, "what only time denied was denied by nobody"
    assert done.asked_anyway == 2


def test_a_rule_of_one_project_is_rehearsed_on_its_runs() -> None:
    done = rehearse(rule("pip install flask", 0, ELSEWHERE), PAST, judge(PAST, SAFETY))
    assert [one.run_id for one in done.allowed] == ["run4"]
    assert (done.asked_anyway, done.runs) == (0, 1)


def test_a_compound_command_counts_with_the_rules_there_are() -> None:
    both = (action("curl https://example.test && pip install flask", 1),)
    install, fetch = rule("pip install flask", 0), rule("curl https://example.test", 0)
    assert rehearse(install, both, judge(both, SAFETY)).allowed == ()
    (found,) = rehearse(install, both, judge(both, SAFETY), [fetch]).allowed
    assert found.decided == "nobody was asked"


def test_scans_are_rehearsed_by_their_findings() -> None:
    def scan(path: str, verdict: str = "approval_required") -> PastAction:
        found = ScanFinding.model_validate(
            {"rule": "import os", "verdict": verdict, "severity": "x", "path": path, "line": 1, "message": ""}
        )
        return PastAction(path, BEGAN, HERE, "import os", (found,), asked=True)

    past = (scan("src/a.py"), scan("src/b.py"), scan("c.py"), scan("src/d.py", "blocked"))
    _, folder, _ = propose_for_findings(past[0].findings)
    done = rehearse(folder, past, judge(past, SAFETY))
    assert {one.run_id for one in done.allowed} == {"src/a.py", "src/b.py"}
    assert (done.asked_anyway, done.blocked) == (1, 1)
    assert {one.decided for one in done.allowed} == {"waits for an answer"}
