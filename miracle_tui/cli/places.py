"""A moment of a run as a person names it: the number of an event, or an iteration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from miracle_tui.cli.problems import BadInput

if TYPE_CHECKING:
    from engine.events import Recorded

ITERATION = "iteration:"
MOST_DIGITS = 12


@dataclass(frozen=True)
class Place:
    """What a person typed: an event, or an iteration."""

    number: int
    is_iteration: bool = False


def place_of(ctx: click.Context, param: click.Parameter, value: str | None) -> Place | None:
    """The place that an option's value names: `12` or `iteration:3`."""
    if value is None:
        return None
    text = value.strip().lower()
    number = text.removeprefix(ITERATION)
    if not (number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS and int(number) > 0):
        raise click.BadParameter(f"{value!r} is neither the number of an event nor `iteration:3`.", ctx, param)
    return Place(int(number), text.startswith(ITERATION))


def seq_of(place: Place | None, log: "Sequence[Recorded]", *, end: bool) -> int:
    """The event that a place stands for; the newest without one.

    Args:
        place: what the person typed.
        log: the whole log.
        end: whether an iteration stands for its last event; else for the one that began it.

    Raises:
        BadInput: the run has no such event or iteration.
    """
    from engine.moments import seq_of_iteration

    newest = log[-1].seq if log else 0
    if place is None:
        return newest
    run_id = log[-1].run_id if log else "RUN"
    if place.is_iteration:
        found = seq_of_iteration(log, place.number, end=end)
        if found is None:
            raise BadInput(f"{run_id} has no iteration {place.number}", f"What it has: miracle show {run_id}")
        return found
    if place.number > newest:
        raise BadInput(
            f"{run_id} has no event {place.number}; its newest is {newest}",
            f"Choose one from the list: miracle show {run_id} --moments",
        )
    return place.number
