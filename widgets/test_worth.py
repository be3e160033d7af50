"""What the tests themselves are worth: what they lost, what they prove, what they catch; empty while none is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from widgets.inert import inert_line

if TYPE_CHECKING:
    from engine.state import Iteration

MAX_LISTED = 4
"""Losses, tests and mutants that are named; the rest is counted."""


class TestWorth(Widget):
    """A line on the worth of an iteration's tests, and what is wrong with them below it."""

    __test__ = False

    DEFAULT_CSS = """
    TestWorth { height: auto; padding: 0 1; display: none; }
    TestWorth.-on { display: block; }
    """

    iteration: reactive[Iteration | None] = reactive(None)
    """The iteration whose tests are judged."""

    def watch_iteration(self, before: Iteration | None, after: Iteration | None) -> None:
        """Take room only where there is something to say; a new layout is dear, and most events need none."""
        lines = worth_lines(after)
        if len(lines) != len(worth_lines(before)):
            self.set_class(bool(lines), "-on")
            self.refresh(layout=True)

    def render(self) -> Content:
        """The lines."""
        width = max(1, self.content_size.width)
        return Content("\n").join(line.truncate(width, ellipsis=True) for line in worth_lines(self.iteration))


def worth_lines(iteration: Iteration | None) -> list[Content]:
    """What is known of the tests of an iteration, in few lines; empty when that is nothing."""
    if iteration is None:
        return []
    ledger, red, mutants = iteration.ledger, iteration.red_first, iteration.mutants
    parts: list[Content] = []
    wrong: list[str] = []
    if ledger is not None and ledger.losses:
        parts.append(Content.styled(f"✗ tests lost {len(ledger.losses)}", "$text-error"))
        wrong += [loss.line for loss in ledger.losses]
    results = red.results if red is not None else ()
    if results:
        proving = sum(one.proves for one in results)
        style = "$text-success" if proving == len(results) else "$text-warning"
        parts.append(Content.styled(f"red first {proving}/{len(results)}", style))
        wrong += [f"{one.test} {one.detail}" for one in results if not one.proves]
    if mutants is not None and mutants.tried:
        style = "$text-success" if mutants.caught == mutants.tried else "$text-warning"
        parts.append(Content.styled(f"tests caught {mutants.caught}/{mutants.tried}", style))
        wrong += [f"survived: {mutant.text}" for mutant in mutants.survivors]
    if not parts:
        return []
    listed = [Content.styled(f"  ! {inert_line(text, 300)}", "$foreground-muted") for text in wrong[:MAX_LISTED]]
    if len(wrong) > MAX_LISTED:
        listed.append(Content.styled(f"  · and {len(wrong) - MAX_LISTED} more", "$foreground-muted"))
    return [Content(" · ").join(parts), *listed]
