"""The plan as a tree: tiers, their phases with what each is doing, and the iterations each took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from widgets.cursor_pane import CursorPane
from widgets.inert import inert_line
from widgets.marks import STAGE_STYLES, iteration_mark

if TYPE_CHECKING:
    from engine.state import Iteration, State
    from engine.task import Subtask

_GLYPHS = {
    "green": ("✓", "$text-success bold"),
    "active": ("●", "$text-primary bold"),
    "pending": ("○", "$foreground-muted"),
}


AWAITED = "The plan appears here as soon as there is one."
WELCOME = (
    "Write below what should be true afterwards, such as: “report --json prints the numbers of the table, one "
    "object a line”.",
    "",
    "Miracle plans, writes the code in a worktree of its own, tests it in a sandbox, reflects on what failed, and "
    "goes round until the tests prove it. This folder stays as it is until you take the result.",
)
"""What the empty pane says to a person who is new here."""
UNFINISHED = 5
"""Runs that the empty pane names."""


class _Row(NamedTuple):
    content: Content
    key: tuple[str, str] = ("", "")
    """What the row is about: ("phase", id), ("iteration", number), ("plan", "") or nothing."""


class PlanPane(CursorPane):
    """Spec, tiers, phases and iterations of a run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit", "Edit plan", id="plan.edit"),
        Binding("enter", "choose", "Open", id="plan.open"),
        Binding("left", "fold(True)", "Fold", show=False, id="plan.fold"),
        Binding("right", "fold(False)", "Unfold", show=False, id="plan.unfold"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | enter | open the iteration; fold or unfold the phase |
    | left / right | fold / unfold the phase |
    | e | edit or approve the plan while it waits |
    """

    DEFAULT_CSS = """
    PlanPane { background: transparent; color: $text; padding: 0 1; scrollbar-gutter: stable; }
    """

    state: reactive[State | None] = reactive(None, init=False)
    """The run to show."""
    unfinished: reactive[tuple[str, ...]] = reactive((), init=False)
    """Titles of runs that can go on; said while no run is shown."""

    @dataclass
    class IterationChosen(Message):
        """A person wants to see an iteration.

        Attributes:
            pane: The pane.
            number: The iteration's number.
        """

        pane: PlanPane
        number: int

        @property
        def control(self) -> PlanPane:
            """The pane."""
            return self.pane

    @dataclass
    class EditRequested(Message):
        """A person wants to change or approve the plan that waits.

        Attributes:
            pane: The pane.
        """

        pane: PlanPane

        @property
        def control(self) -> PlanPane:
            """The pane."""
            return self.pane

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: list[_Row] = []
        self._folded: dict[str, bool] = {}

    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def row(self, y: int) -> Content:
        """A row of the tree."""
        return self._rows[y].content

    def is_stop(self, y: int) -> bool:
        """The cursor stands on the plan, phases and iterations."""
        return bool(self._rows[y].key[0])

    def watch_state(self, before: State | None, after: State | None) -> None:
        """Lay the tree out again, with the cursor on what it was on."""
        self.lay_out()
        if _may_change(before) != _may_change(after) and self.is_attached:
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A plan can be changed until it is approved."""
        return _may_change(self.state) if action == "edit" else True

    def watch_unfinished(self) -> None:
        """The empty pane says something else."""
        self.lay_out()

    def make_rows(self, width: int) -> None:
        """The tree, with the cursor on what it was on."""
        key = self._rows[self.cursor].key if 0 <= self.cursor < len(self._rows) else ("", "")
        self._rows = self._tree(max(10, width))
        self.rows_changed()
        keep = next((y for y, row in enumerate(self._rows) if row.key == key and key[0]), -1)
        self.set_reactive(PlanPane.cursor, keep)

    def _tree(self, width: int) -> list[_Row]:
        state = self.state
        if state is None or (state.spec is None and state.plan is None):
            texts = (AWAITED,) if state else WELCOME
            rows = [_Row(line) for text in texts for line in Content.styled(text, "$foreground-muted").wrap(width)]
            return rows if state or not self.unfinished else [*self._unfinished_rows(width), _Row(Content("")), *rows]
        rows = self._spec_rows(state, width)
        if state.plan is None:
            return rows
        if not state.plan_approved:
            rows += [*self._waiting_rows(state, width), _Row(Content(""))]
        for number, tier in enumerate(self._tiers(state), 1):
            several = len(tier) > 1
            if several or len(self._tiers(state)) > 1:
                label = f"TIER {number}" + ("  side by side" if several else "")
                rows.append(_Row(Content.styled(label, "$foreground-disabled")))
            for subtask, phase_state in tier:
                rows += self._phase_rows(state, subtask, phase_state, width)
        return rows

    @staticmethod
    def _tiers(state: State) -> list[list[tuple[Subtask, str]]]:
        assert state.plan is not None
        known = {phase.id: phase.state for phase in state.phases}
        return [[(subtask, known.get(subtask.id, "pending")) for subtask in tier] for tier in state.plan.tiers()]

    @staticmethod
    def _spec_rows(state: State, width: int) -> list[_Row]:
        spec = state.spec
        if spec is None:
            return []
        title = Content.styled(inert_line(spec.title, 200), "bold $text-primary")
        summary = Content.styled(inert_line(spec.summary, 600), "$foreground-muted")
        return [_Row(line) for line in (*title.wrap(width), *summary.wrap(width)[:4], Content(""))]

    def _unfinished_rows(self, width: int) -> list[_Row]:
        head = Content.assemble(
            ("‖ Not finished here  ", "bold $text-warning"), ("r", "bold $foreground"),
            (" to resume", "$foreground-muted"),
        )  # fmt: skip
        named = self.unfinished[:UNFINISHED]
        titles = [Content.styled(f"  {inert_line(title, 200)}", "$foreground") for title in named]
        more = len(self.unfinished) - UNFINISHED
        if more > 0:
            titles.append(Content.styled(f"  and {more} more", "$foreground-muted"))
        return [_Row(line.truncate(width, ellipsis=True)) for line in (head, *titles)]

    @staticmethod
    def _waiting_rows(state: State, width: int) -> list[_Row]:
        waits = any(approval.request.topic == "plan" for approval in state.pending_approvals)
        if not waits:
            return [_Row(Content.styled("being planned", "$text-secondary italic"))]
        text = Content.assemble(
            ("◆ ", "$text-warning bold"), ("The plan waits for you  ", "$text-warning bold"),
            ("e", "bold $foreground"), (" look, edit, approve  ", "$foreground-muted"),
            ("a", "bold $foreground"), (" approvals", "$foreground-muted"),
        )  # fmt: skip
        lines = text.wrap(width)
        return [_Row(lines[0], ("plan", "")), *(_Row(line) for line in lines[1:])]

    def _phase_rows(self, state: State, subtask: Subtask, phase_state: str, width: int) -> list[_Row]:
        active = phase_state == "active" and state.outcome is None
        iterations = state.iterations_of(subtask.id)
        folded = self._folded.get(subtask.id, phase_state == "green" and len(iterations) > 1)
        glyph, colour = _GLYPHS.get(phase_state, _GLYPHS["pending"])
        reds = sum(iteration.report is not None and not iteration.report.green for iteration in iterations)
        tail = Content("")
        if active:
            stage = str(state.focused(subtask.id).stage)
            tail = Content.styled(f" {stage.lower()}", STAGE_STYLES.get(stage, "$foreground-muted"))
            if any(approval.request.phase_id == subtask.id for approval in state.pending_approvals):
                tail = Content.styled(" ◆ waits for you", "bold $text-accent")
        replanned = any(phase.id == subtask.id and phase.replanned for phase in state.phases)
        if replanned:
            tail = tail.append(Content.styled(" replanned", "$text-warning"))
        if reds:
            tail = tail.append(Content.styled(f" {reds}✗", "$text-error"))
        if folded and iterations:
            tail = tail.append(Content.styled(" ▸", "$foreground-muted"))
        title = Content.styled(inert_line(subtask.title, 200), "$foreground bold" if active else "$foreground")
        if phase_state == "pending":
            title = Content.styled(title.plain, "$foreground-muted")
        room = max(4, width - 2 - tail.cell_length)
        head = Content.assemble((f"{glyph} ", colour), title.truncate(room, ellipsis=True), tail)
        rows = [_Row(head, ("phase", subtask.id))]
        if not state.plan_approved or (replanned and active):
            about = Content.styled(inert_line(subtask.description, 300), "$foreground-muted")
            rows += [_Row(Content("  ") + line) for line in about.wrap(max(8, width - 2))[:3]]
        if not folded:
            rows += [self._iteration_row(iteration, width) for iteration in iterations]
        return rows

    @staticmethod
    def _iteration_row(iteration: Iteration, width: int) -> _Row:
        glyph, colour, counts = iteration_mark(iteration)
        head = Content.assemble(
            ("  ╰ ", "$foreground 25%"),
            (f"{iteration.number:>2} ", "$foreground-muted"),
            (f"{glyph} ", colour),
            (counts, colour),
        )
        about = inert_line(iteration.hypothesis or iteration.work or "", 200)
        if about:
            head = head.append(Content.styled(f"  {about}", "$foreground-muted"))
        return _Row(head.truncate(width, ellipsis=True), ("iteration", str(iteration.number)))

    def row_chosen(self, y: int) -> None:
        """Open an iteration, fold a phase, or edit the plan."""
        kind, key = self._rows[y].key
        if kind == "iteration":
            self.post_message(self.IterationChosen(self, int(key)))
        elif kind == "plan":
            self.action_edit()
        elif kind == "phase":
            self.action_fold(not self._is_folded(key))

    def _is_folded(self, phase_id: str) -> bool:
        return ("phase", phase_id) in [row.key for row in self._rows] and not any(
            row.key == ("iteration", str(iteration.number))
            for iteration in (self.state.iterations_of(phase_id) if self.state else ())
            for row in self._rows
        )

    def action_fold(self, folded: bool) -> None:
        """Fold or unfold the phase of the current row."""
        for y in range(self.cursor, -1, -1):
            kind, key = self._rows[y].key
            if kind == "phase":
                self._folded[key] = folded
                self.set_reactive(PlanPane.cursor, y)
                self.lay_out()
                return

    def action_edit(self) -> None:
        """Ask for the plan's dialog while the plan may still change."""
        if _may_change(self.state):
            self.post_message(self.EditRequested(self))


def _may_change(state: State | None) -> bool:
    return state is not None and state.plan is not None and not state.plan_approved and state.outcome is None
