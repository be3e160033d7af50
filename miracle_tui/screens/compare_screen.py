"""Two runs side by side: what each took, which tests are green in which, and the code of one against the other's."""

from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from miracle_tui.host import Host, host_of
from miracle_tui.screens.pane_grid import NARROW
from widgets.compare_view import CompareView
from widgets.diff_pane import DiffPane
from widgets.inert import inert, inert_line

if TYPE_CHECKING:
    from engine.compare import Comparison
    from miracle_tui.engine_port import EnginePort


class CompareScreen(Screen[None]):
    """Compares two runs as they are now.

    Args:
        engine: What compares them.
        run_a: The first, such as the source of a fork.
        run_b: The second.
    """

    CSS_PATH = "compare_screen.tcss"
    AUTO_FOCUS = "CompareView"
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-narrow"), (NARROW, "-wide")]  # type: ignore[misc]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "Figures, code", id="compare.next", key_display="tab"),
        Binding("x", "swap", "Swap", id="compare.swap"),
        Binding("f5", "again", "Look again", id="compare.again"),
        Binding("m", "maximise", "Maximise", id="compare.maximise"),
        Binding("escape", "leave", "Back", id="compare.leave"),
    ]

    def __init__(self, engine: "EnginePort", run_a: str, run_b: str) -> None:
        super().__init__()
        self.engine = engine
        self.runs = (run_a, run_b)
        self.comparison: Comparison | None = None

    @property
    def miracle(self) -> Host:
        """The app, by its own type."""
        return host_of(self)

    def compose(self) -> ComposeResult:
        """Figures and tests, and the diff."""
        yield Static(id="compare-title", markup=False)
        with Horizontal(id="compare-body"):
            with Vertical(id="compare-figures", classes="half -current"):
                yield CompareView()
            with Vertical(id="compare-diff", classes="half"):
                yield DiffPane()
                yield Static(id="compare-note", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Compare."""
        self.query_one("#compare-figures").border_title = "FIGURES AND TESTS"
        self.query_one("#compare-diff").border_title = "CODE  A → B"
        self.action_again()

    def action_again(self) -> None:
        """Compare anew: a run that is at work goes on."""
        self._show_names()
        self.miracle.perform(self._compare, "compare", group="compare", exclusive=True)

    async def _compare(self) -> None:
        found = await self.engine.compare(*self.runs)
        if not self.is_attached:
            return
        self.comparison = found
        self.query_one(CompareView).comparison = found
        self.query_one(DiffPane).diff = found.diff
        note = found.note or ("" if found.diff else "The code of both is the same.")
        box = self.query_one("#compare-diff")
        box.set_class(bool(note), "-noted")
        self.query_one("#compare-note", Static).update(Content(inert(note)))
        added, removed = sum(file.added for file in found.files), sum(file.removed for file in found.files)
        box.border_subtitle = Content(f" {len(found.files)} files +{added} −{removed} ") if found.files else ""

    def _show_names(self) -> None:
        a, b = (inert_line(run, 60) for run in self.runs)
        self.query_one("#compare-title", Static).update(
            Content.assemble(
                ("COMPARE  ", "bold $text-primary"), ("A ", "$text-primary bold"), (f"{a}   ", "$foreground"),
                ("B ", "$text-accent bold"), (b, "$foreground"),
            )
        )  # fmt: skip

    @on(events.DescendantFocus)
    def _focus_moved(self, event: events.DescendantFocus) -> None:
        for half in self.query(".half"):
            half.set_class(half in event.widget.ancestors, "-current")

    def action_swap(self) -> None:
        """Set B beside A instead of A beside B."""
        self.runs = (self.runs[1], self.runs[0])
        self.action_again()

    def action_maximise(self) -> None:
        """Give the current half the whole room, or give it back."""
        self.toggle_class("-maximised")

    def action_leave(self) -> None:
        """From one half to both, then back."""
        if self.has_class("-maximised"):
            self.remove_class("-maximised")
        else:
            self.dismiss(None)
