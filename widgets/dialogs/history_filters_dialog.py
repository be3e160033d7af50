"""What the history shows: language, project, outcome, time, and whether forgotten memories too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input, Select, Static, Switch

from widgets.dialogs.dialog import Dialog
from widgets.line_input import LineInput

if TYPE_CHECKING:
    from memory.hits import Filters

_LANGUAGES = (("any", ""), ("Python", "python"), ("Node.js", "node"))
_OUTCOMES = ("success", "failed", "cancelled", "green", "red", "sent back", "open", "solved", "improved", "unchanged")


class HistoryFiltersDialog(Dialog["Filters | None"]):
    """Returns the filters; the kinds stay as they are.

    Args:
        filters: what they are now.
        project: the name of the person's own project.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2,ctrl+s,ctrl+enter", "use", "Use", id="history-filters.use", priority=True),
        Binding("ctrl+r", "clear", "Clear", id="history-filters.clear", priority=True),
    ]
    """
    | Key | Does |
    | :- | :- |
    | tab / shift+tab | next / previous field |
    | F2, ctrl+s, enter in a line | use them |
    | ctrl+r | no filter at all |
    | escape | leave them as they were |
    """

    KEYS = (("tab", "next field"), ("F2", "use"), ("ctrl+r", "clear"), ("esc", "leave"))

    DEFAULT_CSS = """
    HistoryFiltersDialog {
        #dialog { width: 76; }
        .row { height: auto; }
        .cell { width: 1fr; height: auto; padding-right: 1; }
        .switch { height: 1; margin-top: 1; }
        .switch Static { width: auto; padding: 0 1; }
        Select SelectCurrent { background: $boost; }
        Switch, Switch:focus { border: none; height: 1; padding: 0; background: $boost; }
        Switch:focus { background: $primary 30%; }
    }
    """

    def __init__(self, filters: Filters, project: str) -> None:
        super().__init__("Show only")
        self.filters = filters
        self.project = project

    def body(self) -> Iterable[Widget]:
        """The form."""
        now = self.filters
        language = now.language if now.language in dict(_LANGUAGES).values() else ""
        projects = [("all projects", ""), ("this folder", self.project)]
        if now.project not in ("", self.project):
            projects.append(("the chosen one", now.project))
        outcomes = [("any", ""), *((word, word) for word in _OUTCOMES)]
        yield Horizontal(
            _cell("language", Select(_LANGUAGES, value=language, allow_blank=False, id="language", compact=True)),
            _cell("project", Select(projects, value=now.project, allow_blank=False, id="project", compact=True)),
            _cell("outcome", Select(outcomes, value=now.outcome, allow_blank=False, id="outcome", compact=True)),
            classes="row",
        )
        yield Horizontal(
            _cell("since", LineInput(_said(now.since), id="since", placeholder="7d or 2026-01-31", max_length=40)),
            _cell("until", LineInput(_said(now.until), id="until", placeholder="1d or 2026-02-28", max_length=40)),
            classes="row",
        )
        yield Horizontal(
            Switch(now.forgotten, id="forgotten", animate=False),
            Static("also what was forgotten", markup=False),
            classes="switch",
        )

    def on_mount(self) -> None:
        """Begin with the first field."""
        self.query_one("#language", Select).focus()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_use()

    def action_clear(self) -> None:
        """No filter but the kinds."""
        self.dismiss(type(self.filters)(kinds=self.filters.kinds))

    def action_use(self) -> None:
        """Check the form and return it."""
        from config.ages import FORMS, moment_said

        moments: dict[str, datetime | None] = {}
        for name in ("since", "until"):
            line = self.query_one(f"#{name}", Input)
            try:
                moments[name] = moment_said(line.value) if line.value.strip() else None
            except ValueError:
                self.show_problem(f"A moment is {FORMS}.")
                line.focus()
                return
        chosen = replace(
            self.filters,
            language=self._chosen("language"),
            project=self._chosen("project"),
            outcome=self._chosen("outcome"),
            since=moments["since"],
            until=moments["until"],
            forgotten=self.query_one("#forgotten", Switch).value,
        )
        self.dismiss(chosen)

    def _chosen(self, field: str) -> str:
        return str(self.query_one(f"#{field}", Select).value)


def _said(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M") if moment else ""


def _cell(words: str, widget: Widget) -> Vertical:
    return Vertical(Static(words, classes="label", markup=False), widget, classes="cell")
