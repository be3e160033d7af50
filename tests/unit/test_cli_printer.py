"""The story of a run as text: every kind of event has its words, and none of them can act upon the terminal."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from engine import events as e
from engine.dependency_events import DependenciesFound, DependenciesInstalled, DependenciesResolved
from engine.evolve import evolve
from engine.hook_events import HookFinished, HooksPassed, HookStarted
from engine.integrity_events import Mutant, MutantsTried, RedFirst, TestLoss, TestOnBase, TestsCompared, TestsReturned
from engine.llm.protocol import Answer, Usage
from engine.state import State
from engine.task import BlastRadius, FileChange, Finding, Plan, Receipt, Spec, Subtask, Task
from memory.records import Recollection
from miracle_tui.cli.outcomes import exit_status, next_steps
from miracle_tui.cli.printer import lines_for
from miracle_tui.cli.records import state_record
from miracle_tui.cli.story import story_lines
from sandbox.packages.values import Package, Refusal, Wanted
from sandbox.report import CaseResult, ScanFinding, TestReport

EVIL = "\x1b]0;owned\x07\x1b[31m[bold]"
PACKAGE = Package(name=EVIL, version="1", direct=True)
PROVES_NOTHING = TestOnBase(test=EVIL, verdict="passes", detail=EVIL)
MUTANT = Mutant(path=EVIL, line=1, before=EVIL, after=EVIL)
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
TASK = Task(goal="Write Roman numerals", workspace="/home/ann/roman", model_label="scripted: roman")
PLAN = Plan(
    summary="Two steps",
    subtasks=(
        Subtask(id="encode", title="Numbers to numerals", description=""),
        Subtask(id="decode", title="And back", description="", depends_on=("encode",)),
    ),
)
RED = TestReport(
    reason="failed",
    exit_code=1,
    backend="bubblewrap",
    cases=(
        CaseResult(id="test_a.py::test_ok", outcome="passed"),
        CaseResult(id="test_a.py::test_four", outcome="failed", message="def test_four():\nE   assert 'IIII' == 'IV'"),
    ),
    duration_s=0.42,
)
GREEN = TestReport(reason="ok", exit_code=0, backend="bubblewrap", cases=(CaseResult(id="t", outcome="passed"),))
RECEIPT = Receipt(
    commit="c0ffee0123456789",
    tree="t",
    backend="bubblewrap",
    tests=("t",),
    passed=1,
    skipped=0,
    output_sha256="ab" * 32,
)
ASKED = e.ApprovalRequested(approval_id="roman-1.1", topic="plan", subject="plan 1", title="Approve the plan?")


def told(*events: e.Event) -> tuple[list[str], State]:
    """The lines of a whole log, and the state at its end."""
    state, lines = State(run_id="roman-1"), []
    for seq, event in enumerate(events, 1):
        item = e.Recorded(run_id="roman-1", seq=seq, at=NOW, event=event)
        state = evolve(state, item)
        lines += lines_for(item, state)
    return lines, state


START = (
    e.RunStarted(task_id="t", task=TASK),
    e.WorkspacePrepared(worktree="/w", repository="/r", branch="autonomous/roman-1", base_commit="b", backend="docker"),
    e.SpecSubmitted(session_id="s", spec=Spec(title="Roman", summary="", requirements=("1 to 3999",))),
    e.PlanSubmitted(session_id="s", plan=PLAN),
)
CODED = (
    *START,
    ASKED,
    e.ApprovalAnswered(approval_id="roman-1.1", decision="once", by="policy"),
    e.IterationStarted(phase_id="encode", number=1, hypothesis="Subtract before you add"),
    e.Checkpointed(
        phase_id="encode",
        number=1,
        step="code",
        commit="abc1234567890",
        files=(FileChange(path="roman.py", status="added", added=9),),
    ),
)


def test_the_beginning_names_goal_place_and_limits() -> None:
    lines, _ = told(*START)
    assert lines[:2] == [
        "▸ Run roman-1: Write Roman numerals",
        "  · in /home/ann/roman, $5.00, 15 iterations, scripted: roman",
    ]


def test_the_plan_is_shown_by_tiers() -> None:
    lines, _ = told(*START)
    assert lines[-3:] == [
        "  ✓ plan: Two steps",
        "    1. encode: Numbers to numerals",
        "    2. decode: And back (after encode)",
    ]


def test_an_iteration_shows_its_hypothesis_and_commit() -> None:
    lines, _ = told(*CODED)
    assert lines[-3:] == [
        "▸ Iteration 1 of 15, phase encode: Numbers to numerals",
        "  · hypothesis: Subtract before you add",
        "  · commit abc1234567: 1 file, +9 -0",
    ]


def test_red_tests_are_counted_and_named_with_what_they_say() -> None:
    lines, _ = told(*CODED, e.TestsFinished(phase_id="encode", number=1, report=RED))
    assert lines[-3:-1] == [
        "  ✗ tests: 1 passed, 1 failed in 0.4 s",
        "    ✗ test_a.py::test_four: assert 'IIII' == 'IV'",
    ]


def test_a_stopped_run_of_tests_says_what_stopped_it() -> None:
    report = TestReport(reason="timeout", exit_code=None, backend="docker", output="one\ntwo")
    lines, _ = told(*CODED, e.TestsFinished(phase_id="encode", number=1, report=report))
    assert "  ✗ tests: 0 passed in 0.0 s (stopped: it took too long)" in lines
    assert "      two" in lines


def test_cost_is_told_after_the_tests() -> None:
    paid = e.AnswerReceived(
        session_id="s",
        call_id="c",
        answer=Answer(model="m", usage=Usage(input_tokens=40_000, output_tokens=1000), cost_usd=0.12),
    )
    lines, _ = told(*CODED, paid, e.TestsFinished(phase_id="encode", number=1, report=GREEN))
    assert lines[-1] == "  · $0.12 of $5.00, 41k tokens"


def test_an_unknown_price_is_said() -> None:
    paid = e.AnswerReceived(session_id="s", call_id="c", answer=Answer(model="m"))
    lines, _ = told(*CODED, paid, e.TestsFinished(phase_id="encode", number=1, report=GREEN))
    assert "1 call without a known price" in lines[-1]


def test_a_reflection_shows_cause_and_hypothesis() -> None:
    lines, _ = told(*CODED, e.ReflectionSubmitted(session_id="s", cause="4 is IIII", hypothesis="Use a table\nwith IV"))
    assert lines[-3:] == ["  ✗ cause: 4 is IIII", "  → hypothesis: Use a table", "                with IV"]


def test_findings_are_sorted_by_severity() -> None:
    minor = Finding(severity="minor", title="a name")
    critical = Finding(
        severity="critical", title="a hole", path="a.py", line=3, category="A03", detail="SQL is glued together",
        evidence="db.execute(f'{name}')\n# called with input", fix="bind the name",
    )  # fmt: skip
    audit = e.AuditSubmitted(session_id="s", verdict="revise", findings=(minor, critical))
    lines, state = told(*CODED, audit)
    shown = [
        "    ✗ critical: a hole (a.py:3) [A03]",
        "      · SQL is glued together",
        "      · shown by db.execute(f'{name}')",
        "        # called with input",
        "      → bind the name",
        "    ! minor: a name",
    ]
    assert lines[-7:] == ["  ! audit: revise", *shown]
    assert "\n".join(shown) in "\n".join(story_lines(state)), "`miracle show` tells the same"
    assert state_record(state)["iterations"][-1]["audit"]["findings"][1]["evidence"] == critical.evidence


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ("once", "✓ allowed by ada@laptop"),
        ("run", "✓ allowed for the whole run by ada@laptop"),
        ("always", "✓ allowed for good by ada@laptop"),
        ("deny", "✗ denied by ada@laptop"),
    ],
)
def test_an_answer_says_who_gave_it_and_how(decision: e.Decision, words: str) -> None:
    answer = e.ApprovalAnswered(approval_id="roman-1.1", decision=decision, by="ada@laptop")
    recorded = e.Recorded(run_id="roman-1", seq=1, at=datetime(2026, 1, 1, tzinfo=UTC), event=answer)
    assert lines_for(recorded, State()) == [f"  {words}"]


def test_the_end_shows_the_receipt() -> None:
    lines, state = told(
        *CODED,
        e.ProofFinished(phase_id="decode", number=1, report=GREEN, verify_ok=True, receipt=RECEIPT),
        e.RunFinished(outcome="success", receipt=RECEIPT),
    )
    assert "  ✓ the acceptance check holds" in lines
    assert "  ✓ receipt: commit c0ffee0123, 1 test in bubblewrap, output sha256 abababababab" in lines
    assert "✓ GREEN" in lines
    assert exit_status(state) == 0
    assert any("miracle promote roman-1 --merge" in line for line in next_steps(state))


def _beginnings() -> list[e.Event]:
    """The kinds of events before the first iteration."""
    plan = Plan(summary=EVIL, subtasks=(Subtask(id="encode", title=EVIL, description=EVIL),))
    answer = Answer(model="m", text=EVIL)
    return [
        e.RunStarted(task_id="t", task=TASK.model_copy(update={"goal": EVIL, "workspace": EVIL, "unsafe_local": True})),
        e.WorkspacePrepared(worktree=EVIL, repository="r", branch=EVIL, base_commit="b", snapshot=True),
        e.SessionOpened(session_id="s", role="coder", phase_id=EVIL, iteration=1, messages=()),
        e.CallStarted(session_id="s", call_id="c", model="m"),
        e.AnswerReceived(session_id="s", call_id="c", answer=answer),
        e.CallFailed(session_id="s", call_id="c", model=EVIL, error="e", detail=EVIL, hint=EVIL),
        e.AnswerRejected(session_id="s", call_id="c", reason=EVIL),
        e.ToolFinished(session_id="s", tool_call_id="c", name=EVIL, target=EVIL, ok=False, output=EVIL),
        e.SpecSubmitted(session_id="s", spec=Spec(title=EVIL, summary=EVIL, requirements=(EVIL,))),
        e.PlanSubmitted(session_id="s", plan=plan),
        e.PlanEdited(plan=plan),
        e.ApprovalRequested(
            approval_id="roman-1.1",
            topic="plan",
            subject="s",
            title=EVIL,
            detail=EVIL,
            questions=(EVIL,),
            blast_radius=BlastRadius(paths=(EVIL,), network=True, reversible=False),
        ),
        e.ApprovalAnswered(approval_id="roman-1.1", decision="once", reason=EVIL, by=EVIL),
    ]


def _iterations() -> list[e.Event]:
    """The kinds of events from the first iteration on."""
    finding = Finding(severity="critical", title=EVIL, path=EVIL, detail=EVIL, evidence=EVIL, fix=EVIL, category=EVIL)
    report = TestReport(
        reason="failed",
        exit_code=1,
        backend="docker",
        cases=(CaseResult(id=EVIL, outcome="failed", message=EVIL),),
        output=EVIL,
        detail=EVIL,
    )
    memory = Recollection(memory_id="m", similarity=0.9, title=EVIL)
    return [
        e.IterationStarted(phase_id="encode", number=1, hypothesis=EVIL),
        e.WorkSubmitted(session_id="s", summary=EVIL),
        e.Checkpointed(
            phase_id="encode", number=1, step="code", commit="c", files=(FileChange(path=EVIL, status="added"),)
        ),
        e.TestsSubmitted(session_id="s", files=(EVIL,)),
        e.ReviewSubmitted(session_id="s", verdict="revise", findings=(finding,)),
        e.AuditSubmitted(session_id="s", verdict="approve", findings=(finding,)),
        e.ScanFinished(
            phase_id="encode",
            number=1,
            findings=(ScanFinding(rule="r", verdict="blocked", severity="high", path=EVIL, line=1, message=EVIL),),
        ),
        e.TestsFinished(phase_id="encode", number=1, report=report),
        e.Recalled(phase_id="encode", number=1, items=(memory,)),
        e.ReflectionSubmitted(session_id="s", cause=EVIL, hypothesis=EVIL, fault="tests"),
        e.PhaseFinished(phase_id="encode", number=1),
        e.ProofFinished(phase_id="encode", number=1, report=report, verify_ok=False, verify_output=EVIL),
        e.Steered(text=EVIL, by=EVIL),
        e.Warned(topic="budget", text=EVIL),
        e.RunPaused(reason="model", detail=EVIL, hint=EVIL),
        e.RunResumed(add_budget_usd=1, add_iterations=1, by=EVIL),
        e.RunCancelled(by=EVIL),
        e.RunFinished(outcome="failed", reason=EVIL),
        e.Promoted(how="merge", detail=EVIL),
        e.Undone(detail=EVIL, files=(EVIL,), by=EVIL),
        e.PhaseOpened(phase_id=EVIL, worktree=EVIL, branch=EVIL, base_commit="0"),
        e.TierMerged(tier=1, commit="0", merged=(EVIL,), conflicts=(e.MergeConflict(phase_id=EVIL, paths=(EVIL,)),)),
        e.IterationsSummarised(through=1, text=EVIL),
        e.Escalated(phase_id=EVIL, number=1, step="replan", reason=EVIL),
        e.PhaseReplanned(session_id="s", phase_id=EVIL, subtask=Subtask(id="p1", title=EVIL, description=EVIL)),
        HookStarted(phase_id=EVIL, moment="before_phase", number=0, index=0, command=EVIL),
        HookFinished(
            phase_id=EVIL,
            moment="after_phase",
            number=1,
            index=0,
            command=EVIL,
            end="failed",
            settled=False,
            output=EVIL,
        ),
        HooksPassed(phase_id=EVIL, moment="after_phase", number=1),
        e.Forked(source_run_id=EVIL, source_seq=1, task_id="t", hypothesis=EVIL),
        e.Unknown(kind="from_tomorrow", body={"text": EVIL}),
    ]


def _integrity() -> list[e.Event]:
    """The kinds of events about the tests themselves."""
    return [
        TestsCompared(phase_id=EVIL, number=1, base="0", commit="1", losses=(TestLoss(kind="removed", path=EVIL),)),
        RedFirst(phase_id=EVIL, number=1, base="0", tests_hash="h", results=(PROVES_NOTHING,), note=EVIL),
        MutantsTried(phase_id=EVIL, number=1, commit="1", tried=9, caught=8, survivors=(MUTANT,), note=EVIL),
        DependenciesFound(
            phase_id="encode",
            number=1,
            wanted=(Wanted(name=EVIL, places=(EVIL,)), Wanted(name=EVIL + "2", standing="blocked", reason=EVIL)),
        ),
        DependenciesResolved(
            phase_id="encode", number=1, wanted=(EVIL,), packages=(PACKAGE,), refused=(Refusal(name=EVIL, reason=EVIL),)
        ),
        DependenciesInstalled(phase_id="encode", number=1, language="python", packages=(PACKAGE,), lock=EVIL),
        TestsReturned(phase_id=EVIL, number=1, why="losses", reason=EVIL),
    ]


def _examples() -> list[e.Event]:
    """One event of each kind, with hostile text in every place that a model, a test or a file fills."""
    return [*_beginnings(), *_iterations(), *_integrity()]


def test_the_examples_cover_every_kind() -> None:
    assert {type(event) for event in _examples()} == {*get_args(e.Known), e.Unknown}


@pytest.mark.parametrize("event", _examples(), ids=lambda event: event.kind)
def test_no_event_can_act_upon_the_terminal(event: e.Event) -> None:
    before = [] if isinstance(event, e.RunStarted) else list(_examples()[:1])
    lines, state = told(*before, event)
    for line in [*lines, *story_lines(state), *next_steps(state)]:
        assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in line), repr(line)


def test_every_kind_that_a_person_cares_for_has_words() -> None:
    silent = {event.kind for event in _examples() if not told(_examples()[0], event)[0][2:]}
    assert silent <= {"run_started", "call_started", "answer_received", "from_tomorrow"}


def test_the_whole_story_fits_one_screen_of_lines() -> None:
    _, state = told(*_examples())
    story = story_lines(state)
    assert story[0].startswith("▸ roman-1: ")
    assert all(len(line) < 600 for line in story)
