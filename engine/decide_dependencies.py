"""What is decided about packages that an iteration needs: look them up, ask, install, and only then test."""

from collections.abc import Mapping
from datetime import UTC, datetime

from engine import commands as c
from engine.dependency_events import DependenciesResolved
from engine.events import ApprovalRequested
from engine.gates.dependencies import (
    Question,
    of_packages,
    permitted,
    pins_there,
    question_about,
    sorted_by_answer,
    source_question,
    undecided,
)
from engine.state import Approval, Iteration, Phase, State
from sandbox.packages.values import Refusal, canonical

Commands = tuple[c.Command, ...]


def dependencies(state: State, phase: Phase, last: Iteration) -> Commands | None:
    """What comes before the iteration's tests are run, again or at all; None when nothing does.

    Phases side by side look up and ask for themselves. What one of them has asked about nobody asks again, and they
    change the environment one after the other: whoever comes later looks up anew what fits to what is there by then.

    Args:
        state: the run.
        phase: the phase.
        last: its newest iteration.
    """
    step = _next(state, last)
    if step and isinstance(step[0], c.InstallDependencies) and _another_installs(state, phase):
        return ()
    return step


def _next(state: State, last: Iteration) -> Commands | None:
    wanted = undecided(state, last)
    if not wanted:
        return None
    resolved, look_up = last.resolved, (c.ResolveDependencies(last.phase_id, last.number),)
    if resolved is None or _is_old(state, last, resolved):
        return look_up
    source = next((p for p in resolved.packages if p.from_source and p.name not in resolved.sources), None)
    if source is not None:
        asked = _asked(state, last, source_question(state, source, tuple(one.name for one in wanted)))
        return look_up if asked is None else asked
    found = sorted_by_answer(state, resolved)
    if found.denied:
        return (c.Record(_refusal(state, last, found.denied)),)
    if found.unasked and not _asks(state, last):
        now = state.updated_at or datetime.now(UTC)
        return (c.Record(_request(state, last, question_about(state, last, resolved, found.unasked, now))),)
    if found.unasked or found.waiting:
        return ()
    return (c.InstallDependencies(last.phase_id, last.number),)


def allowed_sources(state: State) -> tuple[str, ...]:
    """Packages that a person lets be built from their source archive."""
    return tuple(
        dict.fromkeys(
            package.name
            for approval in state.approvals
            if _is_yes(approval)
            for package in approval.request.packages
            if package.from_source and not package.version
        )
    )


def _is_old(state: State, last: Iteration, resolved: DependenciesResolved) -> bool:
    """Whether something else is wanted or allowed by now than what was looked up."""
    refused = {canonical(refusal.name) for refusal in state.refused}
    looked_up = {canonical(name) for name in resolved.wanted} - refused
    wanted = {canonical(one.name) for one in undecided(state, last)}
    gone = any(canonical(name) in refused for name in resolved.wanted)
    if resolved.beside != pins_there(state):
        return True
    return looked_up != wanted or not resolved.packages or (gone and bool(resolved.lock) and _holds(resolved, refused))


def _holds(resolved: DependenciesResolved, refused: set[str]) -> bool:
    return any(package.direct and canonical(package.name) in refused for package in resolved.packages)


def _another_installs(state: State, phase: Phase) -> bool:
    """Whether a phase before this one is about to change the environment: then this one waits for its turn."""
    for other in state.tier_at_work:
        if other.id == phase.id:
            return False
        newest = state.iteration_of(other.id)
        if newest is not None and not newest.closed and other.state != "green":
            step = _next(state, newest)
            if step and isinstance(step[0], c.InstallDependencies):
                return True
    return False


def _asks(state: State, last: Iteration) -> bool:
    """Whether a question of this iteration is open: one comes after the other."""
    place = (last.phase_id, last.number)
    return any(
        approval.answer is None and approval.request.topic == "dependency"
        and (approval.request.phase_id, approval.request.number) == place
        for approval in state.approvals
    )  # fmt: skip


def _asked(state: State, last: Iteration, question: Question) -> Commands | None:
    """The question, nothing while it waits, the refusal after a no; None after a yes."""
    asked = [a for a in state.approvals if (a.request.topic, a.request.subject) == ("dependency", question.subject)]
    newest = asked[-1] if asked else None
    if newest is not None and newest.answer is None:
        return ()
    if newest is not None and newest.answer is not None and newest.answer.decision == "deny":
        return (c.Record(_refusal(state, last, dict.fromkeys(question.asks_for, newest))),)
    if permitted(state, question):
        return None
    return (c.Record(_request(state, last, question)),)


def _refusal(state: State, last: Iteration, denied: Mapping[str, Approval]) -> DependenciesResolved:
    """What a person's no makes of packages, by name."""
    refused = []
    for name, approval in denied.items():
        assert approval.answer is not None
        why = approval.answer.reason or "No reason was given."
        refused.append(Refusal(name=name, reason=f"{approval.answer.by} refused it. {why}"))
    names = tuple(one.name for one in undecided(state, last))
    return DependenciesResolved(phase_id=last.phase_id, number=last.number, wanted=names, refused=tuple(refused))


def _request(state: State, last: Iteration, question: Question) -> ApprovalRequested:
    return ApprovalRequested(
        approval_id=state.next_approval_id,
        topic="dependency",
        subject=question.subject,
        title=question.title,
        detail=question.detail,
        packages=question.packages,
        blast_radius=of_packages(),
        phase_id=last.phase_id,
        number=last.number,
    )


def _is_yes(approval: Approval) -> bool:
    answer = approval.answer
    return approval.request.topic == "dependency" and answer is not None and answer.decision != "deny"
