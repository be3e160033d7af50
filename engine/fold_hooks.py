"""The part of the fold that follows a person's hooks."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from engine.fold_phase import change_phase
from engine.frozen import replace
from engine.hook_events import HookEvent, HookFinished, HooksPassed, HookStarted
from engine.phase_state import HookTurn
from engine.state import State


def turn_of(state: State, event: HookEvent) -> HookTurn:
    """The turn that an event belongs to; a new one when the last was another moment's."""
    phase = state.phase_by(event.phase_id)
    before = phase.hooks if phase is not None else None
    known = before is not None and (before.moment, before.number) == (event.moment, event.number)
    return before if known and before is not None else HookTurn(event.moment, event.number)


def _hook_started(state: State, event: HookStarted, at: datetime) -> State:
    return change_phase(state, event.phase_id, hooks=replace(turn_of(state, event), begun=event.index))


def _hook_finished(state: State, event: HookFinished, at: datetime) -> State:
    turn = turn_of(state, event)
    done = max(turn.done, event.index + 1) if event.settled else turn.done
    return change_phase(state, event.phase_id, hooks=replace(turn, begun=None, done=done))


def _hooks_passed(state: State, event: HooksPassed, at: datetime) -> State:
    return change_phase(state, event.phase_id, hooks=replace(turn_of(state, event), begun=None, passed=True))


FOLD_HOOKS: dict[type, Callable[[State, Any, datetime], State]] = {
    HookStarted: _hook_started,
    HookFinished: _hook_finished,
    HooksPassed: _hooks_passed,
}
