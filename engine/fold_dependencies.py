"""The fold of what happens to the packages that a run needs."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from engine.dependency_events import DependenciesFound, DependenciesInstalled, DependenciesResolved
from engine.fold_phase import change_iteration
from engine.frozen import replace
from engine.state import State
from sandbox.packages.values import Refusal, canonical

Fold = Callable[[State, Any, datetime], State]


def _found(state: State, event: DependenciesFound, at: datetime) -> State:
    last = state.iteration_numbered(event.number)
    if last is None:
        return state
    wanted = {one.name: one for one in (*last.wanted, *event.wanted)}
    blocked = (Refusal(name=one.name, reason=one.reason) for one in event.wanted if one.standing == "blocked")
    state = change_iteration(state, event.number, wanted=tuple(wanted.values()))
    return _refused(state, blocked)


def _resolved(state: State, event: DependenciesResolved, at: datetime) -> State:
    return _refused(change_iteration(state, event.number, resolved=event), event.refused)


def _installed(state: State, event: DependenciesInstalled, at: datetime) -> State:
    """What was red without the packages is run again with them, in whichever phase it missed them."""
    before = {canonical(one.name) for one in state.installed.packages} if state.installed else set()
    new = {canonical(one.name) for one in event.packages} - before
    state = replace(state, installed=event)
    for one in state.iterations:
        missed = one.number == event.number or new.intersection(canonical(wanted.name) for wanted in one.wanted)
        if missed and not one.closed and one.report is not None and not one.report.green:
            state = change_iteration(state, one.number, report=None, recalled=None)
    return state


def _refused(state: State, refusals: Iterable[Refusal]) -> State:
    known = {refusal.name: refusal for refusal in (*state.refused, *refusals)}
    return replace(state, refused=tuple(known.values()))


FOLD_DEPENDENCIES: dict[type, Fold] = {
    DependenciesFound: _found,
    DependenciesResolved: _resolved,
    DependenciesInstalled: _installed,
}
