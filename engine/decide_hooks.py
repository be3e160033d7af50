"""When a person's own commands are due: before a phase's first iteration, and when its last one ended."""

from typing import Literal

from engine import commands as c
from engine.hook_events import HookMoment
from engine.state import Phase, State


def hooks_due(
    state: State, phase: Phase, moment: HookMoment, number: int, outcome: Literal["", "green", "failed"] = ""
) -> tuple[c.RunHooks, ...]:
    """The command that runs the hooks of a moment; nothing where there are none, or they are done.

    Args:
        state: the run.
        phase: that begins or ends.
        moment: which of the two.
        number: the iteration that ended the phase; 0 before its first.
        outcome: how the phase ended.
    """
    if state.task is None or moment not in state.task.hooks:
        return ()
    turn = phase.hooks
    if turn is not None and (turn.moment, turn.number) == (moment, number) and turn.passed:
        return ()
    return (c.RunHooks(phase.id, moment, number, outcome),)
