"""What is decided between a green test run and the end of its phase: whether the tests themselves are good enough.

The ledger first, then the new tests on the phase's base, then mutants where the task asks for them. A loss waits for a
person. Tests that prove nothing go back to the tester once; what is left then, a person is asked about.
"""

from collections.abc import Sequence

from engine import commands as c
from engine.events import ApprovalRequested
from engine.gates.blast import of_tests
from engine.integrity_events import ReturnReason, TestsCompared, TestsReturned
from engine.state import Approval, Iteration, Phase, State
from engine.workspace.testfiles import is_test_file

Commands = tuple[c.Command, ...]
MAX_LINES = 60
"""Complaints that a question or a prompt lists."""


def held_by_tests(state: State, phase: Phase, last: Iteration) -> Commands | None:
    """What comes before the phase may end; nothing at all waits for a person, None lets it end.

    Args:
        state: the run.
        phase: the phase.
        last: its newest iteration, whose test run was green.
    """
    if last.ledger is None:
        return (c.CompareTests(phase.id, last.number),)
    if (held := _losses(state, phase, last, last.ledger)) is not None:
        return held
    if last.red_first is None:
        return (c.TryOnBase(phase.id, last.number),)
    if (held := _proving_nothing(state, phase, last)) is not None:
        return held
    return _mutants(state, phase, last)


def compared_from(state: State, phase_id: str) -> tuple[str, tuple[str, ...]]:
    """What the phase's newest tests are compared with: a commit, and the checkpoints since.

    A person's consent, or a ledger without losses, settles what was before it; work that was not merged is gone.
    """
    base = ""
    since: tuple[str, ...] = ()
    for iteration in _valid(state, phase_id):
        base = base or iteration.base_commit
        since += tuple(commit for commit in (iteration.code_commit, iteration.tests_commit) if commit)
        ledger = iteration.ledger
        if ledger is not None and not unallowed_losses(state, iteration):
            base, since = ledger.commit, ()
    return base, since


def base_of(state: State, phase_id: str) -> str:
    """The commit that the phase began from."""
    return next((one.base_commit for one in _valid(state, phase_id)), "")


def _valid(state: State, phase_id: str) -> tuple[Iteration, ...]:
    """The phase's iterations since another phase was last in the way of its work."""
    mine = state.iterations_of(phase_id)
    restarts = [place for place, one in enumerate(mine, 1) if one.conflict]
    return mine[restarts[-1] :] if restarts else mine


def unallowed_losses(state: State, iteration: Iteration) -> tuple[str, ...]:
    """Losses of the iteration's tests that no person has allowed, a line each."""
    lines = tuple(loss.line for loss in iteration.ledger.losses) if iteration.ledger else ()
    return _unallowed(state, iteration, lines)


def ledger_clean(state: State) -> bool:
    """Whether no phase that counts has tests which hold to less than before without a person's consent."""
    newest = [state.iteration_of(phase.id) for phase in state.phases]
    return all(not unallowed_losses(state, one) for one in newest if one is not None)


def asks_to_weaken(state: State, request: ApprovalRequested) -> bool:
    """Whether a question is about tests that hold to less than before, which only a person may allow."""
    asking = state.iteration_of(request.phase_id)
    losses = asking.ledger.losses if request.topic == "tests" and asking is not None and asking.ledger else ()
    return bool(losses) and request.subject == "\n".join(loss.line for loss in losses)


def _unallowed(state: State, iteration: Iteration, lines: Sequence[str]) -> tuple[str, ...]:
    asked = _asked(state, iteration, lines)
    if asked is not None and asked.answer is not None and asked.answer.decision != "deny":
        return ()
    return tuple(line for line in lines if not state.allows("tests", line))


def _asked(state: State, iteration: Iteration, lines: Sequence[str]) -> Approval | None:
    """The question about these complaints, from the iteration."""
    subject = "\n".join(lines)
    return next(
        (
            approval
            for approval in reversed(state.approvals)
            if approval.request.topic == "tests"
            and (approval.request.number, approval.request.subject) == (iteration.number, subject)
        ),
        None,
    )


def _losses(state: State, phase: Phase, last: Iteration, ledger: TestsCompared) -> Commands | None:
    lines = tuple(loss.line for loss in ledger.losses)
    if not lines or not _unallowed(state, last, lines):
        return None
    paths = tuple(dict.fromkeys(loss.path for loss in ledger.losses))
    ways = "one way" if len(lines) == 1 else f"{len(lines)} ways"
    title = f"The tests hold to less than before in {ways}. Allow it?"
    if (asked := _asked(state, last, lines)) is None:
        return (c.Record(_question(state, phase, last, lines, title, paths)),)
    if asked.answer is None:
        return ()
    told = "It was not allowed that the tests hold to less than before. Restore what is missing:"
    to = "tester" if any(is_test_file(path) for path in paths) else "coder"
    return _returned(phase, last, "losses", told, lines, said=asked.answer.reason, to=to)


def _proving_nothing(state: State, phase: Phase, last: Iteration) -> Commands | None:
    results = last.red_first.results if last.red_first else ()
    lines = tuple(f"{one.test} {one.detail}" for one in results if not one.proves)
    paths = tuple(dict.fromkeys(one.test.split("::")[0].split(" > ")[0] for one in results if not one.proves))
    told = (
        "These new tests prove nothing: on the code as it was before this phase they do not fail by an assertion. Make "
        "each of them fail there because the behaviour is missing, or remove what the work does not change:"
    )
    title = f"{len(lines)} of {len(results)} new tests fail by no assertion without the phase's work. Keep them so?"
    return _insisted(state, phase, last, "proves_nothing", told, lines, title, paths)


def _mutants(state: State, phase: Phase, last: Iteration) -> Commands | None:
    task = state.task
    if task is None or not task.mutants:
        return None
    if last.mutants is None:
        return (c.TryMutants(phase.id, last.number),)
    tried = last.mutants
    if tried.percent >= task.min_mutants:
        return None
    told = (
        f"The tests caught {tried.caught} of {tried.tried} faults that were put into the changed lines, and "
        f"{task.min_mutants} % are asked for. Add assertions that each of these would break:"
    )
    lines = tuple(mutant.text for mutant in tried.survivors)
    title = f"The tests caught {tried.caught}/{tried.tried} mutants, under {task.min_mutants} %. Is that enough?"
    paths = tuple(dict.fromkeys(mutant.path for mutant in tried.survivors))
    return _insisted(state, phase, last, "mutants", told, lines, title, paths)


def _insisted(
    state: State,
    phase: Phase,
    last: Iteration,
    why: ReturnReason,
    told: str,
    lines: tuple[str, ...],
    title: str,
    paths: tuple[str, ...],
) -> Commands | None:
    """Back to the tester the first time, to a person after that."""
    if not lines or not _unallowed(state, last, lines):
        return None
    if all(one.returned is None or one.returned.why != why for one in state.iterations_of(phase.id)):
        return _returned(phase, last, why, told, lines)
    if (asked := _asked(state, last, lines)) is None:
        return (c.Record(_question(state, phase, last, lines, title, paths)),)
    if asked.answer is None:
        return ()
    return _returned(phase, last, why, told, lines, said=asked.answer.reason)


def _returned(
    phase: Phase,
    last: Iteration,
    why: ReturnReason,
    told: str,
    lines: Sequence[str],
    *,
    said: str = "",
    to: str = "tester",
) -> Commands:
    reason = f"{told}\n{_listed(lines)}" + (f"\nThe answer was: {said}" if said else "")
    event = {"phase_id": phase.id, "number": last.number, "to": to, "why": why, "reason": reason}
    return (c.Record(TestsReturned.model_validate(event)),)


def _question(
    state: State, phase: Phase, last: Iteration, lines: Sequence[str], title: str, paths: tuple[str, ...]
) -> ApprovalRequested:
    return ApprovalRequested(
        approval_id=state.next_approval_id,
        topic="tests",
        subject="\n".join(lines),
        title=title,
        detail=_listed(lines),
        blast_radius=of_tests(paths),
        phase_id=phase.id,
        number=last.number,
    )


def _listed(lines: Sequence[str]) -> str:
    more = [f"- and {len(lines) - MAX_LINES} more"] if len(lines) > MAX_LINES else []
    return "\n".join([*(f"- {line}" for line in lines[:MAX_LINES]), *more])
