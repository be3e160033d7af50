"""What to allow for good: a rule as narrow or wide as the person wants, and what it would have allowed before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from widgets.dialogs.dialog import Dialog
from widgets.inert import inert_line
from widgets.rehearsal_lines import rehearsal_lines

if TYPE_CHECKING:
    from engine.gates.rehearsal import Rehearsal
    from engine.gates.rules import Rule

_BREADTHS = {
    "command": {
        "exact": "exactly this",
        "like": "like this",
        "paths": "in this folder",
        "any": "the program",
    },
    "scan": {"exact": "these files", "paths": "these folders", "any": "any file"},
    "dependency": {"exact": "this version", "like": "versions like it", "any": "any version"},
}


class RuleDialog(Dialog["Rule | None"]):
    """Returns the chosen rule.

    Args:
        rehearsals: Of every rule that may be made, the narrowest first, those of the project before those of all.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move(1)", "Down", show=False, id="rule.down"),
        Binding("k", "move(-1)", "Up", show=False, id="rule.up"),
        Binding("s", "scope", "This project or all", id="rule.scope"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | up, k / down, j | narrower, wider |
    | s | this project, all projects |
    | enter | make the rule and allow it |
    | escape | back, without a rule |
    """

    KEYS = (("↑↓", "how wide"), ("s", "this project or all"), ("enter", "make the rule"), ("esc", "back"))
    TONE = "-warning"

    DEFAULT_CSS = """
    RuleDialog {
        #dialog { width: 96; }
        OptionList { height: auto; max-height: 6; text-wrap: nowrap; text-overflow: ellipsis; }
        #rule-scope { height: 1; margin: 1 0; }
        #rule-rehearsal { height: auto; max-height: 14; padding: 0 1; border-left: outer $warning 60%; }
        #rule-past { height: auto; }
        #rule-bounds { height: auto; margin-top: 1; color: $text-muted; }
    }
    """

    def __init__(self, rehearsals: Sequence[Rehearsal]) -> None:
        super().__init__("Allow it for good?")
        self.rehearsals = list(rehearsals)
        self.everywhere = False

    @property
    def offered(self) -> list[Rehearsal]:
        """The rules of the chosen scope, the narrowest first."""
        return [one for one in self.rehearsals if (one.rule.project == "") == self.everywhere]

    @property
    def current(self) -> Rehearsal | None:
        """The rule at the cursor, and its past."""
        place = self.query_one(OptionList).highlighted or 0
        return self.offered[place] if place < len(self.offered) else None

    def body(self) -> Iterable[Widget]:
        """How wide, where, and what it would have allowed."""
        yield OptionList(*self._rows(), markup=False, id="rule-widths")
        yield Static("", id="rule-scope", markup=False)
        with VerticalScroll(id="rule-rehearsal", can_focus=False):
            yield Static("", id="rule-past", markup=False)
        bounds = "A rule allows only what would be asked about; what the safety rules block stays blocked."
        yield Static(Content(bounds), id="rule-bounds", markup=False)

    def on_mount(self) -> None:
        """Begin with the narrowest."""
        rows = self.query_one(OptionList)
        rows.focus()
        rows.highlighted = 0
        self._show()

    def _rows(self) -> list[Option]:
        return [Option(_row(one.rule)) for one in self.offered]

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._show()

    def _show(self) -> None:
        rehearsal = self.current
        if rehearsal is None:
            return
        where = inert_line(rehearsal.rule.project, 200) or "all projects"
        scope = Content.assemble(("holds in  ", "$foreground-muted"), (where, "bold $text-warning"))
        self.query_one("#rule-scope", Static).update(scope)
        self.query_one("#rule-past", Static).update(Content("\n").join(rehearsal_lines(rehearsal)))
        self.query_one("#rule-rehearsal").scroll_home(animate=False)

    def action_scope(self) -> None:
        """Change between this project and all."""
        rows = self.query_one(OptionList)
        place = rows.highlighted or 0
        self.everywhere = not self.everywhere
        if not self.offered:
            self.everywhere = not self.everywhere
        rows.clear_options()
        rows.add_options(self._rows())
        rows.highlighted = min(place, len(self.offered) - 1)
        self._show()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        rehearsal = self.current
        self.dismiss(rehearsal.rule if rehearsal else None)


def _row(rule: Rule) -> Content:
    words = _BREADTHS.get(rule.topic, {}).get(rule.breadth, rule.breadth)
    return Content.assemble((f"{words:<16}", "$text-primary"), (inert_line(rule.describe(), 300), "$foreground"))
