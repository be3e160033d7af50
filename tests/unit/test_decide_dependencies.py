"""What is decided about packages, and what a person is asked: pure functions of the log."""

from datetime import UTC, datetime, timedelta

from engine import commands as c
from engine import events as e
from engine.decide import decide
from engine.dependency_events import DependenciesFound, DependenciesInstalled, DependenciesResolved
from engine.evolve import fold
from engine.gates.dependencies import age, is_safe, size
from engine.gates.package_rules import Pin, numbers_of, pins_of
from engine.gates.rules import propose_for_packages, rules_allowing_packages
from engine.state import State
from engine.task import Plan, Spec, Subtask, Task
from sandbox.packages.values import Package, Refusal, Wanted
from sandbox.report import CaseResult, TestReport

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = Plan(subtasks=(Subtask(id="p1", title="one", description="do"),))
ALPHA = Package(name="alpha", version="1.2", direct=True, size_bytes=2048, licence="MIT", standing="allowed")
BETA = Package(name="beta", version="1.0")
RED = TestReport(reason="failed", exit_code=1, backend="b", cases=(CaseResult(id="t", outcome="failed"),))


def begun(*more: e.Event, approve: str = "ask") -> State:
    """A run whose first iteration was scanned, then more events."""
    task = Task.model_validate({"goal": "g", "workspace": "/w", "approve": approve})
    events: list[e.Event] = [
        e.RunStarted(task_id="t", task=task),
        e.WorkspacePrepared(worktree="/x", repository="/r", branch="b", base_commit="0"),
        e.SpecSubmitted(session_id="s", spec=Spec(title="t", summary="s")),
        e.PlanSubmitted(session_id="s", plan=PLAN),
        e.ApprovalRequested(approval_id="r.1", topic="plan", subject="plan 1", title="Plan?"),
        e.ApprovalAnswered(approval_id="r.1", decision="once"),
        e.IterationStarted(phase_id="p1", number=1),
        e.WorkSubmitted(session_id="s", summary="done"),
        e.Checkpointed(phase_id="p1", number=1, step="code", commit="1"),
        e.TestsSubmitted(session_id="s", files=("t.py",)),
        e.Checkpointed(phase_id="p1", number=1, step="tests", commit="2"),
        e.ScanFinished(phase_id="p1", number=1),
        *more,
    ]
    return fold(e.Recorded(run_id="r", seq=n, at=NOW, event=event) for n, event in enumerate(events, 1))


def found(*names: str, **changes: object) -> DependenciesFound:
    wanted = tuple(Wanted.model_validate({"name": name, **changes}) for name in names)
    return DependenciesFound(phase_id="p1", number=1, wanted=wanted)


def resolved(*packages: Package, **changes: object) -> DependenciesResolved:
    values = {"phase_id": "p1", "number": 1, "wanted": ("alpha",), "packages": packages, "lock": "l", **changes}
    return DependenciesResolved.model_validate(values)


def request(state: State) -> e.ApprovalRequested:
    (command,) = decide(state)
    assert isinstance(command, c.Record)
    assert isinstance(command.event, e.ApprovalRequested)
    return command.event


def test_packages_are_looked_up_asked_about_and_installed_before_the_tests_run() -> None:
    assert decide(begun()) == (c.RunTests("p1", 1),)
    assert decide(begun(found("alpha"))) == (c.ResolveDependencies("p1", 1),)
    looked_up: list[e.Event] = [found("alpha"), resolved(ALPHA, BETA)]
    asked = request(begun(*looked_up))
    assert asked.subject == "python alpha==1.2"
    assert "2 KB, MIT, age unknown; on the allowlist" in asked.detail
    assert "come 1: beta 1.0" in asked.detail
    assert decide(begun(*looked_up, asked)) == ()
    yes = e.ApprovalAnswered(approval_id=asked.approval_id, decision="once")
    assert decide(begun(*looked_up, asked, yes)) == (c.InstallDependencies("p1", 1),)
    done = DependenciesInstalled(phase_id="p1", number=1, language="python", packages=(ALPHA, BETA), lock="l")
    assert decide(begun(*looked_up, asked, yes, done)) == (c.RunTests("p1", 1),)


def test_a_no_refuses_the_package_and_the_tests_run_without_it() -> None:
    asked = request(begun(found("alpha"), resolved(ALPHA)))
    no = e.ApprovalAnswered(approval_id=asked.approval_id, decision="deny", reason="not here", by="anna")
    state = begun(found("alpha"), resolved(ALPHA), asked, no)
    (command,) = decide(state)
    assert isinstance(command, c.Record)
    state = begun(found("alpha"), resolved(ALPHA), asked, no, command.event)
    assert state.refused == (Refusal(name="alpha", reason="anna refused it. not here"),)
    assert decide(state) == (c.RunTests("p1", 1),)


def test_a_blocked_package_is_refused_without_a_question() -> None:
    state = begun(found("evil", standing="blocked", reason="the list blocks it"))
    assert state.refused[0].name == "evil"
    assert decide(state) == (c.RunTests("p1", 1),)


def test_what_a_red_test_run_missed_is_installed_and_the_tests_run_again() -> None:
    missed: list[e.Event] = [e.TestsFinished(phase_id="p1", number=1, report=RED), found("alpha", source="failure")]
    assert decide(begun(*missed)) == (c.ResolveDependencies("p1", 1),)
    done = DependenciesInstalled(phase_id="p1", number=1, language="python", packages=(ALPHA,), lock="l")
    assert decide(begun(*missed, done)) == (c.RunTests("p1", 1),)


def test_requirements_of_the_project_are_one_question_and_odd_packages_one_each() -> None:
    odd = Package(name="requets", version="1", direct=True, resembles="requests")
    plain = tuple(Package(name=f"lib{n}", version="1", direct=True) for n in range(4))
    names = ("requets", *(one.name for one in plain))
    state = begun(found(*names, source="requirement"), resolved(odd, *plain, wanted=names))
    first = request(state)
    assert first.title == "Install requets 1?"
    assert "! its name may be taken for requests" in first.detail
    yes = e.ApprovalAnswered(approval_id=first.approval_id, decision="once")
    found_all: list[e.Event] = [found(*names, source="requirement"), resolved(odd, *plain, wanted=names)]
    second = request(begun(*found_all, first, yes))
    assert second.title == "Install the project's 4 requirements?"
    assert len(second.subject.split("\n")) == 4


def beside(*more: e.Event) -> State:
    """A run whose two phases work side by side, both scanned, then more events."""
    plan = Plan(subtasks=(*PLAN.subtasks, Subtask(id="p2", title="two", description="do")))
    task = Task.model_validate({"goal": "g", "workspace": "/w", "approve": "ask", "parallel_phases": 2})
    events: list[e.Event] = [
        e.RunStarted(task_id="t", task=task),
        e.WorkspacePrepared(worktree="/x", repository="/r", branch="b", base_commit="0"),
        e.SpecSubmitted(session_id="s", spec=Spec(title="t", summary="s")),
        e.PlanSubmitted(session_id="s", plan=plan),
        e.ApprovalRequested(approval_id="r.1", topic="plan", subject="plan 1", title="Plan?"),
        e.ApprovalAnswered(approval_id="r.1", decision="once"),
    ]
    for number, phase_id in enumerate(("p1", "p2"), 1):
        events += [
            e.PhaseOpened(phase_id=phase_id, worktree=f"/{phase_id}", branch=phase_id, base_commit="0"),
            e.IterationStarted(phase_id=phase_id, number=number),
            e.WorkSubmitted(session_id=phase_id, summary="done"),
            e.Checkpointed(phase_id=phase_id, number=number, step="code", commit=f"{number}"),
            e.TestsSubmitted(session_id=phase_id, files=("t.py",)),
            e.Checkpointed(phase_id=phase_id, number=number, step="tests", commit=f"{number}{number}"),
            e.ScanFinished(phase_id=phase_id, number=number),
        ]
        opened = e.SessionOpened(
            session_id=phase_id, role="coder", phase_id=phase_id, number=number, model="m", messages=(), budget=1
        )
        events.insert(-5, opened)
    return fold(e.Recorded(run_id="r", seq=n, at=NOW, event=event) for n, event in enumerate((*events, *more), 1))


def wants(number: int, *names: str, source: str = "import") -> DependenciesFound:
    wanted = tuple(Wanted.model_validate({"name": name, "source": source}) for name in names)
    return DependenciesFound(phase_id=f"p{number}", number=number, wanted=wanted)


def looked_up(number: int, *packages: Package, **changes: object) -> DependenciesResolved:
    names = tuple(package.name for package in packages if package.direct)
    return resolved(*packages, **{"wanted": names, "phase_id": f"p{number}", "number": number, **changes})


def asked_by(state: State) -> list[e.ApprovalRequested]:
    """The questions that are put now; each is recorded on the state that it was decided on, so the first counts."""
    asked = [one.event for one in decide(state) if isinstance(one, c.Record)]
    return [one for one in asked if isinstance(one, e.ApprovalRequested)]


DIRECT_BETA = BETA.model_copy(update={"direct": True})


def test_phases_side_by_side_ask_each_for_itself_and_install_one_after_the_other() -> None:
    log: list[e.Event] = [wants(1, "alpha"), wants(2, "beta")]
    assert decide(beside(*log)) == (c.ResolveDependencies("p1", 1), c.ResolveDependencies("p2", 2))
    log += [looked_up(1, ALPHA), looked_up(2, DIRECT_BETA)]
    for _ in range(2):
        log.append(asked_by(beside(*log))[0])
    first, second = beside(*log).pending_approvals
    assert [(one.request.phase_id, one.request.subject) for one in (first, second)] == [
        ("p1", "python alpha==1.2"),
        ("p2", "python beta==1.0"),
    ]
    assert decide(beside(*log)) == ()
    log.append(e.ApprovalAnswered(approval_id=second.request.approval_id, decision="once"))
    assert decide(beside(*log)) == (c.InstallDependencies("p2", 2),), "it does not wait for the other's answer"
    log.append(e.ApprovalAnswered(approval_id=first.request.approval_id, decision="once"))
    assert decide(beside(*log)) == (c.InstallDependencies("p1", 1),), "one changes the environment at a time"
    made = DependenciesInstalled(phase_id="p1", number=1, language="python", packages=(ALPHA,), lock="l")
    log.append(made)
    assert decide(beside(*log)) == (c.RunTests("p1", 1), c.ResolveDependencies("p2", 2)), "with what is there by now"
    log.append(looked_up(2, ALPHA, DIRECT_BETA, wanted=("beta",), beside=("alpha==1.2",)))
    assert decide(beside(*log)) == (c.RunTests("p1", 1), c.InstallDependencies("p2", 2)), "nothing is asked again"


def test_nobody_is_asked_twice_for_a_package_that_two_phases_want() -> None:
    both = (ALPHA, DIRECT_BETA)
    log: list[e.Event] = [wants(1, "alpha"), looked_up(1, ALPHA, BETA)]
    log += [wants(2, "alpha", "beta", source="requirement"), looked_up(2, *both)]
    asked = asked_by(beside(*log))[0]
    assert (asked.phase_id, asked.subject) == ("p1", "python alpha==1.2")
    log.append(asked)
    assert decide(beside(*log)) == (), "alpha is asked about, and beta comes with it"
    no = [*log, e.ApprovalAnswered(approval_id=asked.approval_id, decision="deny", reason="no", by="anna")]
    refusals = [one.event for one in decide(beside(*no)) if isinstance(one, c.Record)]
    assert [one.refused[0].name for one in refusals if isinstance(one, DependenciesResolved)] == ["alpha", "alpha"]
    no.append(refusals[0])
    assert decide(beside(*no)) == (c.RunTests("p1", 1), c.ResolveDependencies("p2", 2))
    no.append(looked_up(2, DIRECT_BETA))
    assert asked_by(beside(*no))[0].subject == "python beta==1.0"
    log.append(e.ApprovalAnswered(approval_id=asked.approval_id, decision="once"))
    assert decide(beside(*log))[0] == c.InstallDependencies("p1", 1)
    assert asked_by(beside(*log))[0].subject == "python beta==1.0", "alpha is allowed already"


def test_tests_that_missed_what_another_phase_brought_are_run_again() -> None:
    red = e.TestsFinished(phase_id="p2", number=2, report=RED)
    log: list[e.Event] = [wants(1, "alpha"), red, wants(2, "alpha", source="failure")]
    made = DependenciesInstalled(phase_id="p1", number=1, language="python", packages=(ALPHA,), lock="l")
    assert decide(beside(*log, made)) == (c.RunTests("p1", 1), c.RunTests("p2", 2))


def test_the_policy_safe_allows_the_allowlist_and_nothing_odd() -> None:
    asked = request(begun(found("alpha"), resolved(ALPHA)))
    state = begun(found("alpha"), resolved(ALPHA), asked, approve="safe")
    (command,) = decide(state)
    assert isinstance(command, c.Record)
    assert isinstance(command.event, e.ApprovalAnswered)
    assert (command.event.decision, command.event.by) == ("once", "policy")
    odd = ALPHA.model_copy(update={"resembles": "alfa"})
    listed = Package(name="x", version="1", standing="approval_required")
    for packages in ((odd,), (BETA.model_copy(update={"direct": True}),), (ALPHA, listed)):
        assert not is_safe(asked.model_copy(update={"packages": packages}))


def test_nobody_but_a_person_allows_a_source_archive() -> None:
    source = Package(name="alpha", version="", direct=True, from_source=True)
    asked = request(begun(found("alpha"), resolved(source)))
    assert asked.subject == "source archive: python alpha"
    (command,) = decide(begun(found("alpha"), resolved(source), asked, approve="all"))
    assert isinstance(command, c.Record)
    assert isinstance(command.event, e.ApprovalAnswered)
    assert command.event.decision == "deny"
    yes = e.ApprovalAnswered(approval_id=asked.approval_id, decision="once")
    assert decide(begun(found("alpha"), resolved(source), asked, yes)) == (c.ResolveDependencies("p1", 1),)
    built = source.model_copy(update={"version": "0.3"})
    again = request(begun(found("alpha"), resolved(source), asked, yes, resolved(built, sources=("alpha",))))
    assert again.subject == "python alpha==0.3"


def test_a_rule_allows_versions_of_a_package() -> None:
    pins = pins_of("python alpha==1.2\npython beta==2.0")
    exact, like, anything = propose_for_packages(pins)
    later = (Pin("python", "alpha", "1.10"), Pin("python", "beta", "2.0"))
    assert rules_allowing_packages([exact], pins, "/p") == (exact,)
    assert not rules_allowing_packages([exact], later, "/p")
    assert rules_allowing_packages([like], later, "/p") == (like,)
    assert not rules_allowing_packages([like], (Pin("python", "alpha", "2.0"),), "/p")
    assert not rules_allowing_packages([like], (Pin("python", "alpha", "1.3rc1"),), "/p")
    assert rules_allowing_packages([anything], (Pin("python", "alpha", "9"),), "/p") == (anything,)
    assert not rules_allowing_packages([anything], (Pin("node", "alpha", "9"),), "/p")
    assert not rules_allowing_packages([anything], (Pin("python", "alpha", "9"), Pin("python", "x", "1")), "/p")
    assert pins_of("source archive: python alpha") == ()
    assert (
        like.describe() == "python package alpha, 1.2 and later, before 2; python package beta, 2.0 and later, before 3"
    )
    assert numbers_of("1!2.0") == ()


def test_sizes_and_ages_are_words() -> None:
    assert [size(0), size(10), size(3 * 2**20)] == ["size unknown", "1 KB", "3.0 MB"]
    ages = [age(NOW - timedelta(days=days), NOW) for days in (0, 1, 90, 1000)]
    assert ages == ["released 0 days ago", "released 1 day ago", "released 3 months ago", "released 2 years ago"]
