"""The plan before any code: looked at, changed in place, approved or sent back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from widgets.dialogs.dialog import Dialog, key_hints
from widgets.dialogs.plan_draft import Draft, PlanDraft, ids_in
from widgets.inert import inert, inert_line
from widgets.line_input import LineInput
from widgets.paste_area import PasteArea
from widgets.reach import reach_line

if TYPE_CHECKING:
    from engine.task import BlastRadius, Plan, Spec


@dataclass(frozen=True)
class PlanChoice:
    """What a person decided about the plan."""

    decision: Literal["approve", "deny"]
    plan: Plan | None = None
    """The plan as changed; None when nothing was changed."""
    reason: str = ""


class PlanDialog(Dialog[PlanChoice | None]):
    """The subtasks: move, change, add, remove; then approve the plan or send it back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve", "Approve", id="plan-dialog.approve"),
        Binding("d", "deny", "Send back", id="plan-dialog.deny"),
        Binding("e", "edit", "Edit", id="plan-dialog.edit"),
        Binding("n,plus", "add", "Add", id="plan-dialog.add"),
        Binding("x,delete", "remove", "Remove", id="plan-dialog.remove"),
        Binding("J,shift+down", "shift(1)", "Move down", id="plan-dialog.down"),
        Binding("K,shift+up", "shift(-1)", "Move up", id="plan-dialog.up"),
        Binding("f2,ctrl+s", "keep", "Keep", show=False, id="plan-dialog.keep", priority=True),
    ]
    """
    | Key | Does |
    | :- | :- |
    | a | approve the plan, with its changes |
    | d | send it back to the planner, saying why |
    | enter, e | change the subtask; F2 keeps the changes |
    | n / x | add / remove a subtask |
    | J, K | move it down, up |
    | escape | leave the subtask; then the dialog |
    """

    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("a", "approve"), ("d", "send back"), ("e", "edit"), ("n", "new"), ("x", "remove"), ("J K", "move"),
        ("esc", "later"),
    )  # fmt: skip
    EDIT_KEYS = (("tab", "next field"), ("F2", "keep"), ("esc", "drop the changes"))
    REASON_KEYS = (("enter", "send back"), ("esc", "cancel"))

    DEFAULT_CSS = """
    PlanDialog {
        #dialog { width: 100; }
        #plan-summary { color: $text-muted; height: auto; }
        #plan-list { height: auto; max-height: 60vh; margin-top: 1; }
        #plan-expected { color: $text-muted; height: auto; margin-top: 1; }
        #plan-reach { height: auto; margin-top: 1; }
        #plan-editor { height: auto; display: none; }
        #plan-reason { display: none; margin-top: 1; }
        PasteArea { height: 5; }
        &.-editing #plan-list, &.-editing #plan-summary { display: none; }
        &.-editing #plan-editor { display: block; }
        &.-denying #plan-reason { display: block; }
    }
    """

    def __init__(
        self, plan: Plan, spec: Spec | None = None, expected: str = "", reach: BlastRadius | None = None
    ) -> None:
        super().__init__(f"Plan: {spec.title}" if spec else "Plan")
        self._expected = expected
        self._reach = reach
        self.draft = PlanDraft.of(plan)
        self.changed = False
        self._editing = -1

    def body(self) -> Iterable[Widget]:
        """Summary, subtasks, the editor of one, and the line for a reason."""
        yield Static(Content(inert(self.draft.summary[:2000])), id="plan-summary", markup=False)
        yield OptionList(id="plan-list", markup=False)
        if self._expected:
            yield Static(Content(inert_line(self._expected, 200)), id="plan-expected", markup=False)
        if self._reach is not None:
            yield Static(reach_line(self._reach), id="plan-reach", markup=False)
        yield Vertical(
            Static("title", classes="label"),
            LineInput(id="edit-title"),
            Static("what to do", classes="label"),
            PasteArea(id="edit-description"),
            Static("how it is tested", classes="label"),
            PasteArea(id="edit-tests"),
            Static("depends on (ids of subtasks above it)", classes="label"),
            LineInput(id="edit-depends"),
            id="plan-editor",
        )
        yield LineInput(placeholder="what should the planner do differently?", id="plan-reason")

    def on_mount(self) -> None:
        """Show the subtasks."""
        self._list(0)
        self.query_one(OptionList).focus()

    def _list(self, place: int) -> None:
        rows = self.query_one(OptionList)
        rows.clear_options()
        count = len(self.draft.subtasks)
        rows.add_options([Option(_row(number, subtask)) for number, subtask in enumerate(self.draft.subtasks, 1)])
        rows.highlighted = min(max(0, place), count - 1) if count else None

    @property
    def _place(self) -> int:
        highlighted = self.query_one(OptionList).highlighted
        return -1 if highlighted is None else highlighted

    @property
    def _idle(self) -> bool:
        return not (self.has_class("-editing") or self.has_class("-denying"))

    def _mode(self, mode: str) -> None:
        self.set_class(mode == "edit", "-editing")
        self.set_class(mode == "deny", "-denying")
        keys = {"edit": self.EDIT_KEYS, "deny": self.REASON_KEYS}.get(mode, self.KEYS)
        self.query_one("#dialog").border_subtitle = key_hints(keys)
        self.show_problem("")
        if not mode:
            self.query_one(OptionList).focus()

    @on(OptionList.OptionSelected)
    def _opened(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_edit()

    def action_edit(self) -> None:
        """Change the subtask at the cursor."""
        if not self._idle or self._place < 0:
            return
        self._editing = self._place
        subtask = self.draft.subtasks[self._editing]
        self.query_one("#edit-title", Input).value = inert_line(subtask.title, 200)
        self.query_one("#edit-description", PasteArea).set_full_text(subtask.description)
        self.query_one("#edit-tests", PasteArea).set_full_text(subtask.test_strategy)
        self.query_one("#edit-depends", Input).value = ", ".join(subtask.depends_on)
        self._mode("edit")
        self.query_one("#edit-title", Input).focus()

    def action_keep(self) -> None:
        """Keep what was entered, if it makes a plan."""
        if not self.has_class("-editing"):
            return
        before = self.draft.subtasks[self._editing]
        self.draft.change(
            self._editing,
            title=self.query_one("#edit-title", Input).value.strip(),
            description=self.query_one("#edit-description", PasteArea).full_text.strip(),
            test_strategy=self.query_one("#edit-tests", PasteArea).full_text.strip(),
            depends_on=ids_in(self.query_one("#edit-depends", Input).value),
        )
        try:
            self.draft.plan()
        except ValueError as exc:
            self.draft.subtasks[self._editing] = before
            self.show_problem(str(exc))
            return
        self.changed = self.changed or self.draft.subtasks[self._editing] != before
        self._mode("")
        self._list(self._editing)

    def action_add(self) -> None:
        """Add a subtask below the cursor and open it."""
        if self._idle:
            self._list(self.draft.add(self._place))
            self.changed = True
            self.action_edit()

    def action_remove(self) -> None:
        """Remove the subtask at the cursor."""
        if not self._idle or self._place < 0:
            return
        if len(self.draft.subtasks) == 1:
            self.show_problem("A plan needs at least one subtask.")
            return
        place = self._place
        self.draft.remove(place)
        self.changed = True
        self._list(place)

    def action_shift(self, step: int) -> None:
        """Move the subtask at the cursor."""
        if self._idle and self._place >= 0:
            before = self._place
            place = self.draft.shift(before, step)
            self.changed = self.changed or place != before
            self._list(place)

    def action_approve(self) -> None:
        """Approve the plan as it stands here."""
        if not self._idle:
            return
        try:
            plan = self.draft.plan() if self.changed else None
        except ValueError as exc:
            self.show_problem(str(exc))
            return
        self.dismiss(PlanChoice("approve", plan))

    def action_deny(self) -> None:
        """Ask why the plan goes back."""
        if self._idle:
            self._mode("deny")
            self.query_one("#plan-reason", Input).focus()

    @on(Input.Submitted, "#plan-reason")
    def _denied(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(PlanChoice("deny", reason=event.value.strip()))

    def action_later(self) -> None:
        """Leave the editor, or the dialog."""
        if self._idle:
            self.dismiss(None)
        else:
            self._mode("")


def _row(number: int, subtask: Draft) -> Content:
    head = Content.assemble(
        (f" {number}  ", "bold $text-accent"), (inert_line(subtask.title, 160), "bold $foreground"),
        (f"  {subtask.id}", "$foreground-disabled"),
        (f"  after {', '.join(subtask.depends_on)}" if subtask.depends_on else "", "$foreground-muted"),
    )  # fmt: skip
    lines = [head]
    if subtask.description:
        lines.append(Content.assemble("    ", (inert_line(subtask.description, 240), "$foreground")))
    if subtask.test_strategy:
        lines.append(
            Content.assemble(
                ("    tests: ", "$text-success"), (inert_line(subtask.test_strategy, 240), "$foreground-muted")
            )
        )
    return Content("\n").join(lines)
