"""The part of the fold that follows what is found out about the tests themselves."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from engine.fold_phase import change_iteration
from engine.integrity_events import MutantsTried, RedFirst, TestsCompared, TestsReturned
from engine.state import State

Fold = Callable[[State, Any, datetime], State]


def _tests_compared(state: State, event: TestsCompared, at: datetime) -> State:
    return change_iteration(state, event.number, ledger=event)


def _red_first(state: State, event: RedFirst, at: datetime) -> State:
    return change_iteration(state, event.number, red_first=event)


def _mutants_tried(state: State, event: MutantsTried, at: datetime) -> State:
    return change_iteration(state, event.number, mutants=event)


def _tests_returned(state: State, event: TestsReturned, at: datetime) -> State:
    return change_iteration(state, event.number, returned=event, ended_at=at)


FOLD_INTEGRITY: dict[type, Fold] = {
    TestsCompared: _tests_compared,
    RedFirst: _red_first,
    MutantsTried: _mutants_tried,
    TestsReturned: _tests_returned,
}
