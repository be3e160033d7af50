"""The list of runs, to switch between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from widgets.dialogs.dialog import Dialog
from widgets.history_list import when
from widgets.inert import inert_line

if TYPE_CHECKING:
    from engine.summary import RunSummary

TITLE_CELLS = 30
_MARKS = {
    "running": ("●", "$text-primary"),
    "paused": ("‖", "$text-warning"),
    "waiting": ("◆", "$text-accent"),
    "success": ("✓", "$text-success"),
    "failed": ("✗", "$text-error"),
    "cancelled": ("–", "$foreground-muted"),
}


class RunsDialog(Dialog[str | None]):
    """Returns the chosen run's id.

    Args:
        runs: The runs, newest first.
        current: Id of the run that is shown.
        unfinished: Ids of runs of the person's folder that can go on.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move(1)", "Down", show=False, id="runs.down"),
        Binding("k", "move(-1)", "Up", show=False, id="runs.up"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | up, k / down, j | move |
    | enter | show the run |
    | escape | stay |
    """

    KEYS = (("↑↓", "move"), ("enter", "show"), ("esc", "stay"))

    DEFAULT_CSS = """
    RunsDialog {
        #dialog { width: 100; padding: 0 1; }
        OptionList { height: auto; max-height: 24; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def __init__(self, runs: Sequence[RunSummary], current: str = "", *, unfinished: Sequence[str] = ()) -> None:
        super().__init__("Runs")
        self.runs = list(runs)
        self.current = current
        self.unfinished = list(unfinished)
        """Ids of runs of the person's folder that can go on."""

    def body(self) -> Iterable[Widget]:
        """A row for each run."""
        rows = [Option(_row(run, here=run.run_id == self.current)) for run in self.runs]
        rows = rows or [
            Option(Content.styled(" No runs yet: give Miracle a goal.", "$foreground-muted"), disabled=True)
        ]
        if self.unfinished:
            count = "1 run" if len(self.unfinished) == 1 else f"{len(self.unfinished)} runs"
            yield Static(
                Content.styled(f" {count} of this folder can go on: enter shows it, then space", "$text-warning"),
                id="unfinished",
            )
        yield OptionList(*rows, markup=False)

    def on_mount(self) -> None:
        """Begin at the run that is shown."""
        rows = self.query_one(OptionList)
        rows.focus()
        if self.runs:
            begin = self.current or next(iter(self.unfinished), "")
            rows.highlighted = next((place for place, run in enumerate(self.runs) if run.run_id == begin), 0)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_index < len(self.runs):
            self.dismiss(self.runs[event.option_index].run_id)


def _row(run: RunSummary, *, here: bool) -> Content:
    status = str(run.status)
    glyph, colour = _MARKS.get(status, ("○", "$foreground-muted"))
    words = str(run.stage).lower() if status == "running" else status
    title = inert_line(run.title, TITLE_CELLS) or inert_line(run.run_id, TITLE_CELLS)
    return Content.assemble(
        (f" {glyph} ", f"{colour} bold"), (f"{title:<{TITLE_CELLS}}", "bold $foreground" if here else "$foreground"),
        (f"  {words:<10}", colour), (f"  {run.phases_done}/{run.phases_total} phases", "$foreground-muted"),
        (f"  {run.iterations} it.", "$foreground-muted"), (f"  ${run.cost_usd:.2f}", "$foreground-muted"),
        (f"  {when(run.updated_at)}" if run.updated_at else "", "$foreground-disabled"),
        ("  scripted" if run.scripted else "", "$text-secondary"),
    )  # fmt: skip
