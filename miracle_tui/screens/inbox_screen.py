"""The inbox: every run's questions and the standing rules; answered, looked at and taken back from here."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from config.amounts import times
from engine.gates.rules import Rule
from engine.state import State
from miracle_tui.screens.asking import Asking, time_note
from miracle_tui.screens.desk import Desk
from miracle_tui.trouble import trouble_of
from widgets.history_list import when
from widgets.inbox_list import InboxList
from widgets.inert import inert, inert_line
from widgets.reach import reach_lines
from widgets.rehearsal_lines import rehearsal_lines

if TYPE_CHECKING:
    from engine.summary import PendingApproval

SHOWN_CHARACTERS = 4000


class InboxScreen(Screen[str | None]):
    """Leaves with the id of the run to show.

    Args:
        desk: What acts on runs.
        asking: Opens the dialogs of questions.
    """

    CSS_PATH = "inbox_screen.tcss"
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-narrow"), (100, "-wide")]  # type: ignore[misc]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="inbox.leave"),
        Binding("g", "go", "Go to the run", id="inbox.go"),
        Binding("x,delete", "remove", "Remove rule", id="inbox.remove"),
    ]

    def __init__(self, desk: Desk, asking: Asking) -> None:
        super().__init__()
        self.desk = desk
        self.asking = asking

    def compose(self) -> ComposeResult:
        """Rows and what the current one is about."""
        title = "INBOX  questions of all runs and standing rules; enter answers"
        yield Static(title, id="inbox-title", markup=False)
        with Horizontal(id="inbox-body"):
            yield InboxList(id="inbox-list")
            with VerticalScroll(id="inbox-preview"):
                yield Static(id="inbox-text", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Read, and again whenever a run changes."""
        self._follow()

    @work(group="inbox", exclusive=True, description="follow the questions", exit_on_error=False)
    async def _follow(self) -> None:
        try:
            await self.reload()
            async for run_id in self.desk.engine.changes():
                await self.reload()
                if run_id:
                    self.asking.close_answered(await self.desk.engine.state(run_id))
        except Exception as exc:  # noqa: BLE001  a worker's edge: every error becomes words on the screen
            self.app.post_message(trouble_of(exc, "read the questions"))

    async def reload(self) -> None:
        """Read the questions and the rules."""
        questions, rules = await self.desk.engine.approvals(), await self.desk.engine.rules()
        titles = {run.run_id: run.title for run in await self.desk.engine.runs()} if questions else {}
        if self.is_attached:
            self.query_one(InboxList).show(questions, rules, titles)
            self.query_one(InboxList).focus()
            self._preview()

    @on(InboxList.OptionHighlighted)
    def _highlighted(self) -> None:
        self._preview()

    @on(InboxList.Chosen)
    def _chosen(self, event: InboxList.Chosen) -> None:
        if not isinstance(event.item, Rule):
            ask = partial(self.asking.ask_by_id, event.item.run_id, event.item.approval_id)
            self.desk.screen.miracle.perform(ask, "ask", group="dialog")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Each key is offered where it does something."""
        if action in ("go", "remove") and self.is_mounted:
            item = self.query_one(InboxList).current
            return isinstance(item, Rule) if action == "remove" else item is not None and not isinstance(item, Rule)
        return True

    def _preview(self) -> None:
        item = self.query_one(InboxList).current
        frame = self.query_one("#inbox-preview")
        self.refresh_bindings()
        if item is None:
            frame.border_title = ""
            self.query_one("#inbox-text", Static).update(Content(""))
        elif isinstance(item, Rule):
            frame.border_title = Content(f"rule {item.rule_id}")
            self._load_rule(item)
        else:
            frame.border_title = Content(inert_line(item.approval_id, 60))
            self._load_question(item)

    @work(group="inbox-preview", exclusive=True, description="read a question", exit_on_error=False)
    async def _load_question(self, question: "PendingApproval") -> None:
        lines = [Content.styled(inert_line(question.title, 300), "bold $text-warning"), Content("")]
        lines += reach_lines(question.blast_radius)
        try:
            lines += asked(await self.desk.engine.state(question.run_id), question.approval_id)
        except Exception as exc:  # noqa: BLE001  a worker's edge: a preview that cannot be had is said in its place
            lines.append(Content.styled(inert(trouble_of(exc, "read the run").title), "$text-error"))
        self._show(lines)

    @work(group="inbox-preview", exclusive=True, description="rehearse a rule", exit_on_error=False)
    async def _load_rule(self, rule: Rule) -> None:
        lines = told(rule)
        self._show(lines)
        try:
            (rehearsal,) = await self.desk.engine.rehearse(rule)
        except Exception as exc:  # noqa: BLE001  a worker's edge: a preview that cannot be had is said in its place
            lines.append(Content.styled(inert(trouble_of(exc, "rehearse the rule").title), "$text-error"))
        else:
            lines += [Content(""), *rehearsal_lines(rehearsal)]
        self._show(lines)

    def _show(self, lines: list[Content]) -> None:
        if self.is_attached:
            self.query_one("#inbox-text", Static).update(Content("\n").join(lines))

    def action_go(self) -> None:
        """Show the run that asks."""
        item = self.query_one(InboxList).current
        if item is not None and not isinstance(item, Rule):
            self.dismiss(item.run_id)

    def action_remove(self) -> None:
        """Take the current rule back."""
        item = self.query_one(InboxList).current
        if isinstance(item, Rule):
            self.desk.screen.miracle.perform(partial(self._remove, item), "remove the rule", group="dialog")

    async def _remove(self, rule: Rule) -> None:
        if await self.desk.confirm("Take this rule back?", f"{rule.describe()}\nYou will be asked again."):
            await self.desk.engine.remove_rule(rule.rule_id)
            await self.reload()

    def action_leave(self) -> None:
        """Back to the run."""
        self.dismiss(None)


def asked(state: State, approval_id: str) -> list[Content]:
    """What a question is about and where its run stands."""
    found = next((one for one in state.approvals if one.request.approval_id == approval_id), None)
    lines = [Content("")]
    if found is not None:
        request = found.request
        phase = next((one.subtask.title for one in state.phases if one.id == request.phase_id), "")
        detail = "\n".join(request.questions) or request.detail or request.subject
        lines = [
            _pair("run", state.title),
            *([_pair("parked", phase)] if phase else []),
            _pair("asked", when(found.asked_at)),
            *([Content.styled(note, "$text-warning")] if (note := time_note(state, found)) else []),
            Content(""),
            Content(inert(detail[:SHOWN_CHARACTERS])),
        ]
    return lines


def told(rule: Rule) -> list[Content]:
    """A rule in a few lines."""
    used = times(rule.uses) + (f", last {when(rule.used_at)}" if rule.used_at else "")
    return [
        Content.styled(inert_line(rule.describe(), 400), "bold $text-success"),
        _pair("in", rule.project or "all projects"),
        _pair("made", f"{when(rule.created_at) if rule.created_at else '-'} by {rule.created_by or '-'}"),
        _pair("used", used),
    ]


def _pair(name: str, value: str) -> Content:
    return Content.assemble((f"{name:<14} ", "$foreground-muted"), inert_line(value, 300))
