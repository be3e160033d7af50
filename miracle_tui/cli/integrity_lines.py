"""What the story of a run says of its tests: what they lost, what they prove, what they catch."""

from collections.abc import Callable
from typing import Any

from config.amounts import plural
from engine.integrity_events import MutantsTried, RedFirst, TestsCompared, TestsReturned
from engine.state import State
from miracle_tui.cli.inert import inert, one_line

MAX_LISTED = 10
"""Losses, tests and mutants that are shown; the rest is counted."""


def _compared(event: TestsCompared, state: State) -> list[str]:
    lines = _listed([one_line(loss.line) for loss in event.losses], "!")
    gained = f", {plural(event.gained, 'new test')}" if event.gained else ""
    if not event.losses:
        return [f"  ✓ the tests hold to all that they held to{gained}"]
    return [f"  ✗ the tests hold to less than before{gained}", *lines]


def _red_first(event: RedFirst, state: State) -> list[str]:
    if not event.results:
        return [f"  · red first: {one_line(event.note) or 'nothing to run'}"]
    counts = {verdict: sum(one.verdict == verdict for one in event.results) for verdict in ("red", "new")}
    nothing = [f"{one_line(one.test)} {one_line(one.detail)}" for one in event.results if not one.proves]
    told = [f"{counts['red']} failed by an assertion"] if counts["red"] else []
    told += [f"{counts['new']} not comparable, what they test is new"] if counts["new"] else []
    told += [f"{len(nothing)} prove nothing"] if nothing else []
    note = f" ({one_line(event.note)})" if event.note else ""
    return [f"  {'✗' if nothing else '✓'} red first: {', '.join(told)}{note}", *_listed(nothing, "!")]


def _mutants(event: MutantsTried, state: State) -> list[str]:
    note = f" ({one_line(event.note)})" if event.note else ""
    if not event.tried:
        return [f"  · mutants: none were tried{note}"]
    mark = "✓" if event.caught == event.tried else "!"
    survived = [f"survived: {one_line(mutant.text)}" for mutant in event.survivors]
    return [f"  {mark} tests caught {event.caught}/{event.tried} mutants{note}", *_listed(survived, "!")]


def _returned(event: TestsReturned, state: State) -> list[str]:
    first, *rest = inert(event.reason).split("\n")
    return [f"! back to the {event.to}: {first}", *(f"    {line}" for line in rest[:MAX_LISTED])]


def _listed(lines: list[str], mark: str) -> list[str]:
    more = [f"    · and {len(lines) - MAX_LISTED} more"] if len(lines) > MAX_LISTED else []
    return [*(f"    {mark} {line}" for line in lines[:MAX_LISTED]), *more]


INTEGRITY_LINES: dict[type, Callable[[Any, State], list[str]]] = {
    TestsCompared: _compared,
    RedFirst: _red_first,
    MutantsTried: _mutants,
    TestsReturned: _returned,
}
