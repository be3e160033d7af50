"""The list of runs, to choose the one that another is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from widgets.dialogs.runs_dialog import RunsDialog

if TYPE_CHECKING:
    from engine.summary import RunSummary


class CompareDialog(RunsDialog):
    """Returns the chosen run's id.

    Args:
        runs: The runs to choose from, newest first.
        with_run: The run that is compared.
        likely: Id of the run to begin at, such as the one that this was forked from.
    """

    KEYS = (("↑↓", "move"), ("enter", "compare"), ("esc", "leave"))

    def __init__(self, runs: Sequence[RunSummary], with_run: str, likely: str = "") -> None:
        super().__init__(runs, likely)
        self._heading = f"Compare {with_run} with"
