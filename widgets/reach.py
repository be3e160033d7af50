"""How far a question reaches, line by line: paths, network, money, and whether it can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from widgets.inert import inert_line

if TYPE_CHECKING:
    from engine.task import BlastRadius

SHOWN_PATHS = 12
DEAR_USD = 1.0
"""From this sum on, money is a warning."""


def reach_lines(radius: BlastRadius, *, paths: int = SHOWN_PATHS) -> list[Content]:
    """The blast radius.

    Args:
        radius: of the question.
        paths: most paths that are named; the rest is counted.
    """
    cost = radius.cost_usd
    money = "costs nothing by itself" if cost is None else f"${cost:.2f} at most"
    named = [inert_line(path, 200) for path in radius.paths[:paths]]
    more = len(radius.paths) - len(named)
    if more > 0:
        named.append(f"and {more:,} more")
    return [
        _line("network", "yes, it may reach the network" if radius.network else "no", warn=radius.network),
        _line("money", money, warn=cost is not None and cost > DEAR_USD),
        _line("can be undone", "yes" if radius.reversible else "no", warn=not radius.reversible),
        _line("touches", named[0] if named else "nothing outside its own output", warn=False),
        *(_line("", path, warn=False) for path in named[1:]),
    ]


def _line(word: str, value: str, *, warn: bool) -> Content:
    return Content.assemble(
        (f"{word:<14} ", "$foreground-muted"), (value, "$text-warning bold" if warn else "$foreground")
    )


def reach_line(radius: BlastRadius) -> Content:
    """The blast radius on one line, for a dialog that has much else to show."""
    named = [inert_line(path, 60) for path in radius.paths[:2]]
    more = len(radius.paths) - len(named)
    touches = ", ".join(named) + (f" and {more:,} more" if more > 0 else "")
    cost = radius.cost_usd
    words = (
        (f"touches {touches or 'nothing'}", False),
        ("uses the network" if radius.network else "no network", radius.network),
        ("costs nothing by itself" if cost is None else f"${cost:.2f} at most", False),
        ("can be undone" if radius.reversible else "cannot be undone", not radius.reversible),
    )
    parts = [Content.styled(text, "$text-warning bold" if warn else "$foreground-muted") for text, warn in words]
    return Content.styled(" · ", "$foreground 30%").join(parts)
