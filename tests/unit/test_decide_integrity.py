"""What stands between a green test run and the end of its phase."""

from engine import commands as c
from engine import events as e
from engine.decide import decide
from engine.decide_integrity import compared_from, ledger_clean
from engine.integrity_events import Mutant, MutantsTried, RedFirst, TestLoss, TestOnBase, TestsCompared, TestsReturned
from engine.state import Status
from tests.unit.simulated_run import SimulatedRun, task
from tests.unit.test_decide import GREEN, good, until

LOSS = TestLoss(kind="removed", path="tests/test_a.py", test="tests/test_a.py::test_b", detail="was removed")
SETTING = TestLoss(kind="settings", path="pytest.ini", detail="sets addopts to '-k x'")
VACUOUS = TestOnBase(test="tests/test_a.py::test_a", verdict="passes", detail="passes without the phase's work")
PROVES = TestOnBase(test="tests/test_a.py::test_a", verdict="red", detail="AssertionError")


def green(**changes: object) -> SimulatedRun:
    """A run whose first iteration's tests are green."""
    run = SimulatedRun(task(**changes), good)
    until(run, c.RunTests)
    run.append(e.TestsFinished(phase_id="p1", number=1, report=GREEN))
    assert decide(run.state) == (c.CompareTests("p1", 1),)
    return run


def compared(run: SimulatedRun, *losses: TestLoss) -> None:
    number = run.state.iterations[-1].number
    run.append(TestsCompared(phase_id="p1", number=number, base="0", commit=f"k{number}", losses=losses))


def tried(run: SimulatedRun, *results: TestOnBase) -> None:
    number = run.state.iterations[-1].number
    run.append(RedFirst(phase_id="p1", number=number, base="t", tests_hash="h", results=results))


def event_of(run: SimulatedRun) -> e.Event:
    (command,) = decide(run.state)
    assert isinstance(command, c.Record)
    return command.event


def again(run: SimulatedRun) -> None:
    """The next iteration, to green tests."""
    until(run, c.RunTests)
    number = run.state.iterations[-1].number
    run.append(e.TestsFinished(phase_id="p1", number=number, report=GREEN))


def answer(run: SimulatedRun, decision: e.Decision, reason: str = "") -> None:
    asked = run.state.pending_approvals[0].request.approval_id
    run.append(e.ApprovalAnswered(approval_id=asked, decision=decision, reason=reason))


def test_tests_that_lost_nothing_and_failed_first_let_the_phase_end() -> None:
    run = green()
    compared(run)
    assert decide(run.state) == (c.TryOnBase("p1", 1),)
    tried(run, PROVES)
    assert isinstance(event_of(run), e.PhaseFinished)
    assert ledger_clean(run.state)


def test_a_loss_blocks_until_a_person_allows_it() -> None:
    run = green()
    compared(run, LOSS)
    asked = event_of(run)
    assert isinstance(asked, e.ApprovalRequested)
    assert (asked.topic, asked.subject, asked.blast_radius.paths) == ("tests", LOSS.line, (LOSS.path,))
    run.append(asked)
    assert decide(run.state) == ()
    assert run.state.status == Status.WAITING
    assert not ledger_clean(run.state)
    answer(run, "once", "that test was wrong")
    assert decide(run.state) == (c.TryOnBase("p1", 1),)
    assert ledger_clean(run.state)
    assert compared_from(run.state, "p1") == ("k1", ()), "what a person allowed is settled"


def test_a_denied_loss_is_restored_by_whom_it_belongs_to_in_another_iteration() -> None:
    for loss, role in ((LOSS, "tester"), (SETTING, "coder")):
        run = green()
        compared(run, loss)
        run.append(event_of(run))
        answer(run, "deny", "it guards a real bug")
        returned = event_of(run)
        assert isinstance(returned, TestsReturned)
        assert (returned.to, returned.why) == (role, "losses")
        assert loss.line in returned.reason
        assert "it guards a real bug" in returned.reason
        run.append(returned)
        begun = event_of(run)
        assert isinstance(begun, e.IterationStarted)
        assert begun.hypothesis == returned.reason
        run.append(begun)
        assert decide(run.state) == (c.OpenSession(role, "p1", 2),)
        base, since = compared_from(run.state, "p1")
        assert base == run.state.iterations[0].base_commit, "what is missing is still missing"
        assert since == tuple(
            i for i in (run.state.iterations[0].code_commit, run.state.iterations[0].tests_commit) if i
        )


def test_no_policy_allows_a_loss_in_a_persons_stead() -> None:
    run = green(approve="all")
    compared(run, LOSS)
    run.append(event_of(run))
    denied = event_of(run)
    assert isinstance(denied, e.ApprovalAnswered)
    assert (denied.decision, denied.by) == ("deny", "policy")
    run.append(denied)
    returned = event_of(run)
    assert isinstance(returned, TestsReturned)
    assert (returned.to, returned.why) == ("tester", "losses")
    run.append(returned)
    again(run)
    compared(run)
    tried(run, VACUOUS)
    run.append(event_of(run))
    again(run)
    compared(run)
    tried(run, VACUOUS)
    run.append(event_of(run))
    allowed = event_of(run)
    assert isinstance(allowed, e.ApprovalAnswered)
    assert allowed.decision == "once", "a test that proves nothing takes nothing away"


def test_what_a_person_allowed_for_the_run_is_not_asked_again() -> None:
    run = green()
    compared(run, LOSS)
    run.append(event_of(run))
    answer(run, "run")
    tried(run, VACUOUS)
    run.append(event_of(run))
    again(run)
    compared(run, LOSS)
    assert decide(run.state) == (c.TryOnBase("p1", 2),)


def test_a_test_that_proves_nothing_goes_back_once_and_then_to_a_person() -> None:
    run = green()
    compared(run)
    tried(run, VACUOUS, PROVES)
    returned = event_of(run)
    assert isinstance(returned, TestsReturned)
    assert (returned.to, returned.why) == ("tester", "proves_nothing")
    run.append(returned)
    again(run)
    compared(run)
    tried(run, VACUOUS)
    asked = event_of(run)
    assert isinstance(asked, e.ApprovalRequested)
    assert asked.topic == "tests"
    run.append(asked)
    answer(run, "deny", "no")
    assert isinstance(event_of(run), TestsReturned)
    run.append(event_of(run))
    again(run)
    compared(run)
    tried(run, VACUOUS)
    run.append(event_of(run))
    answer(run, "once", "it guards what was right")
    assert isinstance(event_of(run), e.PhaseFinished)


def test_mutants_only_hold_a_phase_up_where_a_share_is_asked_for() -> None:
    mutant = Mutant(path="a.py", line=3, before="<", after="<=")
    for least, held in ((0, False), (50, False), (51, True)):
        run = green(mutants=4, min_mutants=least)
        compared(run)
        tried(run, PROVES)
        assert decide(run.state) == (c.TryMutants("p1", 1),)
        some = {"tried": 4, "caught": 2, "survivors": (mutant, mutant)}
        run.append(MutantsTried(phase_id="p1", number=1, commit="k", **some))
        event = event_of(run)
        assert isinstance(event, TestsReturned if held else e.PhaseFinished)
        if isinstance(event, TestsReturned):
            assert "a.py:3: < -> <=" in event.reason


def test_work_that_was_not_merged_is_no_measure_for_what_comes_after() -> None:
    run = green()
    begun = run.state.iterations[0].base_commit
    compared(run)
    tried(run, PROVES)
    run.append(event_of(run))
    conflict = e.MergeConflict(phase_id="p1", paths=("a.py",))
    run.append(e.TierMerged(tier=1, commit="m1", conflicts=(conflict,)))
    again(run)
    assert begun != "m1"
    base, since = compared_from(run.state, "p1")
    assert base == "m1"
    assert len(since) == 2
