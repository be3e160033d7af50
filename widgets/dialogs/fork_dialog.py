"""A fork before it is made: another hypothesis, plan, models or budget, and what it begins from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, ItemGrid, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from widgets.dialogs.amount_dialog import parse_amount
from widgets.dialogs.dialog import Dialog
from widgets.dialogs.plan_dialog import PlanChoice, PlanDialog
from widgets.inert import inert, inert_line
from widgets.line_input import LineInput
from widgets.paste_area import PasteArea

if TYPE_CHECKING:
    from engine.task import Plan, Spec
    from widgets.fork_facts import ForkFacts

NO_HYPOTHESIS = "It has none. What should be tried, and why should it work?"
Models = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class ForkChoice:
    """What a person wants the fork to be; what they left as it was is empty."""

    hypothesis: str = ""
    plan: Plan | None = None
    models: dict[str, tuple[str, ...]] | None = None
    budget_usd: float | None = None
    max_iterations: int | None = None


@dataclass(frozen=True)
class ForkSource:
    """The moment that is forked from."""

    run_id: str
    place: str
    """Which moment it is, in words."""
    facts: ForkFacts
    plan: Plan | None
    spec: Spec | None
    models: Models
    budget_usd: float
    max_iterations: int
    filled: ForkChoice = field(default_factory=ForkChoice)
    """What was entered before, when the fork could not be made so."""


class ForkPlanDialog(PlanDialog):
    """The editor of a plan, for a fork."""

    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("a", "take it"), ("e", "edit"), ("n", "new"), ("x", "remove"), ("J K", "move"), ("esc", "back"),
    )  # fmt: skip

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is no planner here that it could be sent back to."""
        return action != "deny"


class ForkDialog(Dialog[ForkChoice | None]):
    """Returns what the fork does otherwise; it is checked before it closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2,ctrl+s,ctrl+enter", "fork", "Fork", id="fork.make", priority=True),
        Binding("f3,ctrl+e", "plan", "Edit the plan", id="fork.plan", priority=True),
    ]
    """
    | Key | Does |
    | :- | :- |
    | tab / shift+tab | next / previous field |
    | F3, ctrl+e | change the plan |
    | F2, ctrl+s | make the fork |
    | escape | leave it |
    """

    KEYS = (("tab", "next field"), ("F3", "edit the plan"), ("F2", "fork and run"), ("esc", "leave"))

    DEFAULT_CSS = """
    ForkDialog {
        #dialog { width: 96; }
        #fork-from, #fork-reach { height: auto; }
        #fork-reach { margin-top: 1; border-left: outer $warning; padding: 0 1; }
        #hypothesis { height: 4; }
        #plan-line { height: auto; margin-top: 1; }
        #fork-models { grid-gutter: 0 2; height: auto; min-height: 0; }
        #fork-models Vertical { height: auto; }
        #fork-models .label { margin-top: 0; }
        .row { height: auto; }
        .cell { width: 1fr; height: auto; padding-right: 1; }
    }
    """

    def __init__(self, source: ForkSource) -> None:
        super().__init__(f"Fork {source.run_id}")
        self.source = source
        self.plan = source.filled.plan
        """The plan as changed; None while it is as it was."""

    def body(self) -> Iterable[Widget]:
        """What it begins from, what may be changed, how far it reaches."""
        source, filled = self.source, self.source.filled
        yield Static(id="fork-from", markup=False)
        if source.facts.anew:
            yield _label("hypothesis: what the iteration tries")
            yield PasteArea(filled.hypothesis or source.facts.hypothesis, id="hypothesis", placeholder=NO_HYPOTHESIS)
        if source.plan is not None:
            yield Static(id="plan-line", markup=False)
        yield _label("models of the agents, tried in turn")
        shown = {**source.models, **(filled.models or {})}
        with_models = [
            Vertical(_label(role), LineInput(", ".join(names), id=f"model-{role}")) for role, names in shown.items()
        ]
        yield ItemGrid(*with_models, min_column_width=26, id="fork-models")
        yield Horizontal(
            Vertical(
                _label("budget in USD, counted from zero"),
                LineInput(f"{filled.budget_usd or source.budget_usd:g}", id="budget"),
                classes="cell",
            ),
            Vertical(
                _label("more iterations"),
                LineInput(str(filled.max_iterations or source.max_iterations), id="iterations"),
                classes="cell",
            ),
            classes="row",
        )
        yield Static(id="fork-reach", markup=False)

    def on_mount(self) -> None:
        """Begin with the hypothesis; the budget where there is none."""
        self._tell()
        self.query_one("#hypothesis" if self.source.facts.anew else "#budget").focus()

    @on(TextArea.Changed, "#hypothesis")
    @on(Input.Changed, "#budget")
    def _changed(self) -> None:
        self._tell()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_next()

    def _tell(self) -> None:
        """Say what the fork would be, as it is filled in now."""
        facts = self.source.facts
        begins = facts.anew if self._hypothesis else facts.begins
        lines = [
            Content.assemble(("at     ", "$foreground-muted"), (self.source.place, "$foreground")),
            Content.assemble(("begins ", "$foreground-muted"), (inert_line(begins, 200), "bold $foreground")),
        ]
        lines += [
            Content.assemble(("drops  " if first else "       ", "$foreground-muted"), (part, "$foreground"))
            for first, part in ((part is facts.dropped[0], part) for part in facts.dropped)
        ]
        self.query_one("#fork-from", Static).update(Content("\n").join(lines))
        for line in self.query("#plan-line").results(Static):
            line.update(self._plan_words())
        budget = parse_amount(self._value("budget"), whole=False)
        cost = f"up to ${budget:.2f}" if budget else "up to its budget"
        self.query_one("#fork-reach", Static).update(
            Content.assemble(
                ("A new branch and a worktree of its own; it may cost ", "$foreground"), (cost, "bold $text-warning"),
                (". The other run, its branch and your folder stay as they are. It can be cancelled.", "$foreground"),
            )
        )  # fmt: skip

    def _plan_words(self) -> Content:
        plan = self.plan or self.source.plan
        count = len(plan.subtasks) if plan else 0
        state = ("changed", "$text-warning bold") if self.plan else ("as it was", "$foreground")
        return Content.assemble(
            ("plan   ", "$foreground-muted"), state, (f", {count} phases  ", "$foreground-muted"),
            ("F3", "bold $foreground"), (" edits it; what is green and unchanged stays green", "$foreground-muted"),
        )  # fmt: skip

    @property
    def _hypothesis(self) -> str:
        """The hypothesis, where it is another one."""
        if not self.source.facts.anew or not self.query("#hypothesis"):
            return ""
        text = self.query_one("#hypothesis", PasteArea).full_text.strip()
        return "" if text == inert(self.source.facts.hypothesis).strip() else text

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def action_plan(self) -> None:
        """Open the editor of the plan."""
        plan = self.plan or self.source.plan
        if plan is not None:
            self.app.push_screen(ForkPlanDialog(plan, self.source.spec), self._planned)

    def _planned(self, choice: PlanChoice | None) -> None:
        if choice is not None and choice.plan is not None:
            self.plan = None if choice.plan == self.source.plan else choice.plan
            self._tell()

    def action_fork(self) -> None:
        """Check what was entered and return it."""
        self.show_problem("")
        budget = parse_amount(self._value("budget"), whole=False)
        iterations = parse_amount(self._value("iterations"), whole=True)
        if budget is None:
            self._refuse("budget", "The budget is a number of US dollars above 0, such as 2.50.")
        elif iterations is None or iterations > 1000:
            self._refuse("iterations", "The number of iterations is a whole number from 1 to 1000.")
        elif missing := next((role for role in self.source.models if not self._names(role)), ""):
            self._refuse(f"model-{missing}", f"The {missing} needs at least one model.")
        else:
            changed = {
                role: self._names(role) for role, names in self.source.models.items() if self._names(role) != names
            }
            choice = ForkChoice(hypothesis=self._hypothesis, plan=self.plan, models=changed or None)
            self.dismiss(
                replace(
                    choice,
                    budget_usd=None if budget == self.source.budget_usd else budget,
                    max_iterations=None if iterations == self.source.max_iterations else int(iterations),
                )
            )

    def _names(self, role: str) -> tuple[str, ...]:
        return tuple(name.strip() for name in self._value(f"model-{role}").split(",") if name.strip())

    def _refuse(self, name: str, problem: str) -> None:
        self.show_problem(problem)
        self.query_one(f"#{name}").focus()


def _label(text: str) -> Static:
    return Static(text, classes="label", markup=False)
