"""Why the last iteration failed, what comes next, and what was remembered and found on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from widgets.inert import inert, inert_line
from widgets.marks import SEVERITY_STYLES, place_mark, worst_first
from widgets.memory_rows import change_of, memory_rows
from widgets.text_cursor_pane import TextCursorPane

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.recollections import ShownMemory
    from engine.state import Iteration, State
    from engine.task import Finding
    from memory.marks import Mark
    from sandbox.report import ScanFinding

_VERDICTS = {"blocked": "$text-error bold", "approval_required": "$text-warning bold", "warning": "$text-secondary"}
MOST = 100
"""Findings shown of each kind; more are counted."""
Wish = Literal["open", "pin", "forget", "run"]


class _Row(NamedTuple):
    content: Content
    shown: ShownMemory | None = None
    """The memory that the row belongs to."""
    head: bool = False


class ReflectionPane(TextCursorPane):
    """Cause, hypothesis, memories with what they were worth, findings by severity."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Memory", id="memory.open"),
        Binding("p", "memory('pin')", "Pin", id="memory.pin"),
        Binding("d", "memory('forget')", "Forget", id="memory.forget"),
        Binding("o", "memory('run')", "Its run", id="memory.run"),
        Binding("right", "unfold(True)", "Show the change", show=False, id="memory.unfold"),
        Binding("left", "unfold(False)", "Hide the change", show=False, id="memory.fold"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | enter | the whole memory under the cursor |
    | p | recall it first from now on, or no longer |
    | d | never recall it again, or again |
    | o | the run that it comes from, in the timeline |
    | right / left | show / hide the change that followed it |
    """

    DEFAULT_CSS = """
    ReflectionPane { background: transparent; color: $text; padding: 0 1; scrollbar-gutter: stable; }
    """

    state: reactive[State | None] = reactive(None, init=False)
    """The run to show."""
    number: reactive[int] = reactive(0, init=False)
    """The iteration to show; 0 for the newest that has something to say."""
    marks: reactive[Mapping[str, Mark]] = reactive({}, init=False)
    """What a person thinks of memories, by id, where that is known to be other than when they were recalled."""

    @dataclass
    class MemoryAsked(Message):
        """A person wants something of a memory.

        Attributes:
            pane: Where.
            shown: The memory.
            wish: `open` it, `pin` it, `forget` it, or go to its `run`.
        """

        pane: ReflectionPane
        shown: ShownMemory
        wish: Wish

        @property
        def control(self) -> ReflectionPane:
            """The pane."""
            return self.pane

    def __init__(
        self, *, acts: bool = False, folds: bool = False, id: str | None = None, classes: str | None = None
    ) -> None:
        """Make the pane.

        Args:
            acts: Whether somebody hears what is asked of a memory; else the keys for it are not offered.
            folds: Whether changes are shown and hidden by key though nobody hears more.
            id: The widget's id.
            classes: Its classes.
        """
        super().__init__(id=id, classes=classes)
        self._acts = acts
        self._folds = acts or folds
        self._rows: list[_Row] = []
        self._unfolded: set[tuple[int, str]] = set()

    @property
    def current(self) -> ShownMemory | None:
        """The memory under the cursor, as long as it is in sight."""
        if not 0 <= self.cursor < len(self._rows):
            return None
        shown = self._rows[self.cursor].shown
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        seen = any(row.shown is shown for row in self._rows[top : top + max(1, height)])
        return shown if seen else None

    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def row(self, y: int) -> Content:
        """A wrapped line."""
        return self._rows[y].content

    def is_stop(self, y: int) -> bool:
        """The cursor goes from memory to memory."""
        return self._folds and self._rows[y].head

    def row_chosen(self, y: int) -> None:
        """Ask for the whole memory."""
        self.action_memory("open")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What acts on a memory is offered while one is under the cursor; else its keys are the screen's."""
        if action not in ("choose", "memory", "unfold"):
            return True
        current = self.current
        if action == "unfold":
            return self._folds and current is not None and bool(change_of(current.item).strip())
        return self._acts and current is not None

    def action_memory(self, wish: Wish) -> None:
        """Ask for something of the memory under the cursor."""
        if (shown := self.current) is not None:
            self.post_message(self.MemoryAsked(self, shown, wish))

    def action_unfold(self, unfolded: bool) -> None:
        """Show or hide the change that followed the memory under the cursor."""
        if (shown := self.current) is not None:
            key = (shown.number, shown.item.memory_id)
            (self._unfolded.add if unfolded else self._unfolded.discard)(key)
            self.lay_out()
            self._bring_into_sight(key)

    def watch_state(self) -> None:
        """Show what is so now."""
        self.lay_out()

    def watch_marks(self) -> None:
        """Show what is pinned and forgotten now."""
        self.lay_out()

    def watch_number(self) -> None:
        """Show another iteration."""
        self.lay_out()
        self.go_to(0)

    def make_rows(self, width: int) -> None:
        """What there is to say about the iteration, and what the planner was shown; the cursor keeps its memory."""
        width = max(12, width)
        before = self._rows[self.cursor].shown if 0 <= self.cursor < len(self._rows) else None
        iteration = self._iteration()
        blocks = self._blocks(iteration) if iteration is not None else []
        if not self.number:
            blocks += self._memories("FOR THE PLAN", 0)
        if blocks and not blocks[0].content:
            del blocks[0]
        if not blocks:
            words = "When an iteration fails, its cause and the next hypothesis appear here."
            blocks = [_Row(Content.styled(words, "$foreground-muted"))]
        self._rows = [row for block in blocks for row in _wrapped(block, width)]
        self.set_reactive(ReflectionPane.cursor, self._place_of(before))
        self.rows_changed()
        if self.has_focus and self.cursor < 0:
            self.stop_in_sight(-1)
        self.refresh_bindings()

    def _bring_into_sight(self, key: tuple[int, str]) -> None:
        """Scroll as far as a memory's last row needs it and its first one allows."""
        rows = [
            y for y, one in enumerate(self._rows) if one.shown and (one.shown.number, one.shown.item.memory_id) == key
        ]
        height = max(1, self.scrollable_content_region.height)
        if rows and rows[-1] >= self.scroll_offset.y + height:
            top = min(rows[0], rows[-1] - height + 1)
            self.scroll_to(None, top, animate=False, force=True, immediate=True)

    def _place_of(self, shown: ShownMemory | None) -> int:
        if shown is None:
            return -1
        key = (shown.number, shown.item.memory_id)
        heads = ((y, row.shown) for y, row in enumerate(self._rows) if row.head and row.shown)
        return next((y for y, one in heads if (one.number, one.item.memory_id) == key), -1)

    def _iteration(self) -> Iteration | None:
        if self.state is None:
            return None
        if self.number:
            return self.state.iteration_numbered(self.number)
        speaking = (
            found
            for found in reversed(self.state.iterations)
            if found.reflection or found.recalled or found.findings or found.scan
        )
        return next(speaking, self.state.iteration)

    def _blocks(self, iteration: Iteration) -> list[_Row]:
        blocks: list[Content] = []
        reflection = iteration.reflection
        if reflection is not None:
            blocks += _section(f"CAUSE  iteration {iteration.number}", f"fault: {reflection.fault}")
            blocks.append(Content(inert(reflection.cause.strip())))
            blocks += _section("HYPOTHESIS", "leads the next iteration")
            blocks.append(Content.styled(inert(reflection.hypothesis.strip()), "$text-primary"))
        elif iteration.hypothesis:
            blocks += _section("HYPOTHESIS", f"being tried in iteration {iteration.number}")
            blocks.append(Content.styled(inert(iteration.hypothesis.strip()), "$text-primary"))
        rows = [_Row(block) for block in blocks]
        if iteration.recalled is not None:
            rows += self._memories("REMEMBERED", iteration.number)
        blocks = _findings("REVIEW", iteration.review.verdict if iteration.review else "", iteration.review)
        blocks += _findings("AUDIT", iteration.audit.verdict if iteration.audit else "", iteration.audit)
        if iteration.scan:
            blocks += _section("SCAN", f"{len(iteration.scan)} found")
            blocks += [_scan_line(found) for found in iteration.scan[:MOST]]
            blocks += _more(len(iteration.scan))
        return rows + [_Row(block) for block in blocks]

    def _memories(self, title: str, number: int) -> list[_Row]:
        from engine.recollections import shown_memories

        found = shown_memories(self.state, number) if self.state is not None else ()
        if not found:
            return [_Row(block) for block in _section(title, "nothing like it yet")] if number else []
        rows = [_Row(block) for block in _section(title, f"{len(found)} shown to the {found[0].role}")]
        for shown in found[:MOST]:
            mark = self.marks.get(shown.item.memory_id)
            unfolded = (number, shown.item.memory_id) in self._unfolded
            lines = memory_rows(shown, mark, unfolded=unfolded, folds=self._folds)
            rows += [_Row(line, shown, head=place == 0) for place, line in enumerate(lines)]
        return rows


def _wrapped(block: _Row, width: int) -> list[_Row]:
    """The row's lines, each as far to the right as the first."""
    plain = block.content.plain
    lead = min(len(plain) - len(plain.lstrip(" ")), width // 3)
    lines = block.content[lead:].wrap(width - lead) if plain else [Content("")]
    before = Content(" " * lead)
    return [_Row(before + line, block.shown, block.head and place == 0) for place, line in enumerate(lines)]


def _section(title: str, aside: str) -> list[Content]:
    return [Content(""), Content.assemble((title, "bold $text-secondary"), (f"  {aside}", "$foreground-muted"))]


def _findings(title: str, verdict: str, source: object) -> list[Content]:
    if not verdict:
        return []
    findings: tuple[Finding, ...] = getattr(source, "findings", ())
    blocks = _section(title, "approved" if verdict == "approve" else "wants a revision")
    if not findings:
        blocks.append(Content.styled("nothing to complain about", "$text-success"))
    for finding in worst_first(findings)[:MOST]:
        style = SEVERITY_STYLES.get(finding.severity, "$foreground")
        blocks.append(
            Content.assemble(
                (f"{finding.severity:<9}", style),
                inert_line(finding.title, 200),
                (place_mark(finding.path, finding.line), "$foreground-muted"),
            )
        )
        for text in (finding.category, finding.detail, finding.fix and f"→ {finding.fix}"):
            if text:
                blocks.append(Content.styled(f"  {inert_line(text, 400)}", "$foreground-muted"))
    return blocks + _more(len(findings))


def _scan_line(found: ScanFinding) -> Content:
    return Content.assemble(
        (f"{found.verdict.replace('_', ' ')} ", _VERDICTS.get(found.verdict, "$foreground")),
        (f"{inert_line(found.rule, 60)} ", "$foreground"),
        (f"{inert_line(found.path, 120)}:{found.line} ", "$foreground-muted"),
        (inert_line(found.message, 300), "$foreground"),
    )


def _more(count: int) -> list[Content]:
    return [Content.styled(f"… and {count - MOST:,} more", "$foreground-muted")] if count > MOST else []
