"""The form for a new task: goal, kind of project, acceptance check, limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Select, Static, Switch

from widgets.dialogs.dialog import Dialog
from widgets.inert import inert_line
from widgets.line_input import LineInput
from widgets.paste_area import PasteArea

_KINDS = {
    "existing": "existing repository",
    "library": "library",
    "cli_tool": "command-line tool",
    "web_app": "web application",
    "data_pipeline": "data pipeline",
    "script": "script",
}
_LANGUAGES = {"python": "Python", "node": "Node.js"}


@dataclass(frozen=True)
class NewTask:
    """What the form holds, and what it begins with."""

    goal: str = ""
    workspace: str = ""
    project_type: str = "existing"
    language: str = "python"
    verify: str = ""
    budget_usd: float = 5.0
    max_iterations: int = 15
    approval_timeout_s: int = 0
    questions: bool = True
    review: bool = False
    audit: bool = False
    patterns: tuple[str, ...] = ()
    """Ids of solutions that the planner is shown."""


Foretell = Callable[[NewTask], Awaitable[str]]
"""Says in a line what runs like the one in the form took."""


class NewTaskDialog(Dialog[NewTask | None]):
    """Returns the filled form; it is checked before it closes.

    Args:
        defaults: what the form begins with.
        foretell: asked again whenever the kind of project, the language or the folder changes.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2,ctrl+s,ctrl+enter", "start", "Start", id="new-task.start", priority=True),
    ]
    """
    | Key | Does |
    | :- | :- |
    | tab / shift+tab | next / previous field |
    | F2, ctrl+s | start |
    | escape | leave it |
    """

    KEYS = (("tab", "next field"), ("space", "switch"), ("F2", "start"), ("esc", "leave"))

    DEFAULT_CSS = """
    NewTaskDialog {
        #dialog { width: 92; }
        #goal { height: 5; }
        .row { height: auto; }
        #begun-from { height: 1; color: $text-success; }
        #expected { height: 1; margin-top: 1; color: $text-muted; }
        .cell { width: 1fr; height: auto; padding-right: 1; }
        .switch { width: 1fr; height: 1; margin-top: 1; }
        .switch Static { width: auto; padding: 0 1; }
        Select SelectCurrent { background: $boost; }
        Switch, Switch:focus { border: none; height: 1; padding: 0; background: $boost; }
        Switch:focus { background: $primary 30%; }
    }
    """

    def __init__(self, defaults: NewTask | None = None, foretell: Foretell | None = None) -> None:
        super().__init__("New task")
        self.defaults = defaults or NewTask()
        self._foretell = foretell

    def body(self) -> Iterable[Widget]:
        """The form."""
        start = self.defaults
        yield _label("goal: what should be built, changed or fixed")
        yield PasteArea(start.goal, id="goal")
        if start.patterns:
            shown = f"the planner is shown the solution {', '.join(start.patterns)}"
            yield Static(Content(inert_line(shown, 200)), id="begun-from", markup=False)
        kinds = [(words, kind) for kind, words in _KINDS.items()]
        languages = [(words, language) for language, words in _LANGUAGES.items()]
        yield Horizontal(
            Vertical(
                _label("project"),
                Select(kinds, value=start.project_type, allow_blank=False, id="project-type", compact=True),
                classes="cell",
            ),
            Vertical(
                _label("language"),
                Select(languages, value=start.language, allow_blank=False, id="language", compact=True),
                classes="cell",
            ),
            classes="row",
        )
        yield _label("folder")
        yield LineInput(start.workspace, id="workspace")
        yield _label("acceptance check: a command that no agent can edit (may be empty)")
        yield LineInput(start.verify, id="verify", placeholder="for example: make check")
        yield Horizontal(
            Vertical(_label("budget in USD"), LineInput(f"{start.budget_usd:g}", id="budget"), classes="cell"),
            Vertical(_label("most iterations"), LineInput(str(start.max_iterations), id="iterations"), classes="cell"),
            Vertical(
                _label("deny after seconds (0 never)"),
                LineInput(str(start.approval_timeout_s), id="approval-timeout"),
                classes="cell",
            ),
            classes="row",
        )
        switches = (("questions", "questions"), ("review", "code review"), ("audit", "security audit"))
        yield Horizontal(
            *(
                Horizontal(Switch(getattr(start, key), id=key, animate=False), Static(words), classes="switch")
                for key, words in switches
            ),
            classes="row",
        )

        yield Static("", id="expected", markup=False)

    def on_mount(self) -> None:
        """Begin with the goal."""
        self.query_one("#goal", PasteArea).focus()
        self._look_ahead()

    @on(Select.Changed)
    def _chosen(self, event: Select.Changed) -> None:
        event.stop()
        self._look_ahead()

    @on(Input.Blurred, "#workspace")
    def _folder_left(self, event: Input.Blurred) -> None:
        event.stop()
        self._look_ahead()

    @work(group="forecast", exclusive=True, exit_on_error=False, description="look what runs like this took")
    async def _look_ahead(self) -> None:
        if self._foretell is None:
            return
        text = await self._foretell(
            NewTask(
                workspace=self._value("workspace"),
                project_type=str(self.query_one("#project-type", Select).value),
                language=str(self.query_one("#language", Select).value),
            )
        )
        self.query_one("#expected", Static).update(Content(inert_line(text, 200)))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_next()

    def action_start(self) -> None:
        """Check the form and return it."""
        self.show_problem("")
        try:
            filled = self._filled()
        except _FormProblem as exc:
            self.show_problem(str(exc))
            self.query_one(f"#{exc.field}").focus()
            return
        self.dismiss(filled)

    def _filled(self) -> NewTask:
        goal = self.query_one("#goal", PasteArea).full_text.strip()
        if not goal:
            raise _FormProblem("goal", "The goal is empty: say in a sentence or two what should be done.")
        workspace = self._value("workspace")
        if not workspace or not Path(workspace).expanduser().is_dir():
            raise _FormProblem("workspace", "There is no such folder. Make it first, or choose another.")
        return NewTask(
            goal=goal,
            workspace=workspace,
            project_type=str(self.query_one("#project-type", Select).value),
            language=str(self.query_one("#language", Select).value),
            verify=self._value("verify"),
            budget_usd=self._budget(),
            max_iterations=self._iterations(),
            approval_timeout_s=self._approval_timeout(),
            questions=self.query_one("#questions", Switch).value,
            review=self.query_one("#review", Switch).value,
            audit=self.query_one("#audit", Switch).value,
            patterns=self.defaults.patterns,
        )

    def _value(self, field: str) -> str:
        return self.query_one(f"#{field}", Input).value.strip()

    def _budget(self) -> float:
        try:
            budget = float(self._value("budget").lstrip("$"))
        except ValueError:
            budget = 0.0
        if not 0 < budget <= 10_000:
            raise _FormProblem("budget", "The budget is a number of US dollars above 0, such as 2.50.")
        return budget

    def _iterations(self) -> int:
        text = self._value("iterations")
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 1000):
            raise _FormProblem("iterations", "The number of iterations is a whole number from 1 to 1000.")
        return int(text)

    def _approval_timeout(self) -> int:
        text = self._value("approval-timeout")
        if not (text.isascii() and text.isdigit() and len(text) < 9):
            raise _FormProblem("approval-timeout", "The time for an answer is whole seconds; 0 is for ever.")
        return int(text)


class _FormProblem(ValueError):
    """A field that has to be filled in another way."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def _label(text: str) -> Static:
    return Static(text, classes="label", markup=False)
