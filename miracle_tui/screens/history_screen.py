"""The history: search as you type over runs, iterations, failures and solutions, and what can be done with each."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from memory.hits import EVERYTHING, MEMORIES, Entry, Filters, Hit, Kind, is_cut, kind_name, words_of
from miracle_tui.host import Host, host_of
from miracle_tui.screens.history_acts import HistoryActs
from miracle_tui.screens.history_finding import Finding, Results
from widgets.history_chips import CHIPS, HistoryChips
from widgets.history_list import HistoryList
from widgets.history_preview import HistoryPreview
from widgets.history_query import HistoryQuery
from widgets.inert import inert_line

if TYPE_CHECKING:
    from miracle_tui.engine_port import EnginePort

PREVIEW_S = 0.06
"""Time for which the cursor rests before its row is read."""
TITLE = "HISTORY  runs, iterations, failures and solutions"
_IN_RESULTS = ("open", "like", "timeline", "begin", "export", "pin", "forget", "kind", "query")


class HistoryScreen(Screen[str | Entry | None]):
    """Leaves with the id of the run to open, or with the solution that a new task begins from.

    Args:
        engine: What is searched.
    """

    CSS_PATH = "history_screen.tcss"
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-narrow"), (100, "-wide")]  # type: ignore[misc]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="history.leave"),
        Binding("o,ctrl+o", "open", "Run", id="history.open"),
        Binding("t,ctrl+t", "timeline", "Timeline", id="history.timeline"),
        Binding("m", "like", "Like it", id="history.like"),
        Binding("n", "begin", "New task", id="history.begin"),
        Binding("e", "export", "Export", id="history.export"),
        Binding("p", "pin", "Pin", id="history.pin"),
        Binding("d", "forget", "Forget", id="history.forget"),
        Binding("slash", "query", "Query", id="history.query", key_display="/", show=False),
        Binding("f3,f", "filters", "Filters", id="history.filters", key_display="f3"),
        *(
            Binding(str(place), f"kind({kind!r})", f"Only {word}", show=False, id=f"history.only-{word}")
            for place, (kind, word) in enumerate((("", "everything"), *CHIPS))
        ),
    ]

    def __init__(self, engine: "EnginePort") -> None:
        super().__init__()
        self.engine = engine
        self.filters = EVERYTHING
        self.finding = Finding(engine, self._found)
        self.acts = HistoryActs(self)
        self.words: tuple[str, ...] = ()
        """What the shown results were looked for by."""
        self._offered = (False, "", False)

    @property
    def miracle(self) -> Host:
        """The app, by its own type."""
        return host_of(self)

    @property
    def rows(self) -> HistoryList:
        """The results."""
        return self.query_one(HistoryList)

    def compose(self) -> ComposeResult:
        """Query, kinds, results, preview."""
        yield Static(TITLE, id="history-title", markup=False)
        yield HistoryQuery(id="history-query")
        yield HistoryChips()
        with Horizontal(id="history-body"):
            yield HistoryList(id="history-hits")
            yield HistoryPreview(id="history-preview")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Everything, newest first, before a word is typed."""
        self.rows.say("Looking…")
        self._search()

    # Finding

    @on(Input.Changed, "#history-query")
    def _typed(self) -> None:
        self.finding.like = None
        self._search()

    def _search(self) -> None:
        """Ask for what is wanted now; a search that is under way goes on to it when it ends."""
        if self.finding.want(self.query_one("#history-query", Input).value, self.filters):
            self._find()

    @work(group="history-search", description="search the history", exit_on_error=False)
    async def _find(self) -> None:
        await self.finding.work()

    def _found(self, results: Results) -> None:
        """Show what was found, or why nothing was."""
        if not self.is_attached:
            return
        if results.trouble:
            self.rows.say(results.trouble, "$text-error")
        elif results.more:
            self.rows.append(results.hits)
        else:
            self.words = tuple(words_of(results.query)) if results.like is None else ()
            self.rows.show(results.hits, words=self.words, empty=self._nothing(results))
        self._count(results)
        if self.rows.current is None:
            self._preview()

    def _nothing(self, results: Results) -> str:
        narrowed = replace(self.filters, forgotten=False) != EVERYTHING
        if results.like is not None:
            return "Memory has nothing like it.\nesc goes back."
        if narrowed:
            return "Nothing within these filters.\n0 shows all kinds, f3 changes the others."
        if results.query.strip():
            return "Nothing has all these words.\nFewer or shorter ones find more."
        return "Nothing happened here yet.\nesc, then write a goal; or see one at work:\nmiracle demo"

    def _count(self, results: Results) -> None:
        count = len(self.rows.hits)
        words = f" {count}{'+' if self.finding.has_more else ''} found " if count else ""
        if results.like is not None:
            words = f" like {inert_line(results.like.title, 40)} "
        elif is_cut(results.query):
            words += "· only the first 8 words count "
        self.rows.border_subtitle = Content(words)

    @on(HistoryList.OptionHighlighted)
    def _highlighted(self) -> None:
        self._preview()
        if self.rows.near_end and self.finding.want_more():
            self._find()

    # The current result

    def _preview(self) -> None:
        hit = self.rows.current
        preview = self.query_one(HistoryPreview)
        preview.border_title = Content(inert_line(f"{kind_name(hit.kind)} {hit.id}" if hit else "", 60))
        self._offer()
        self.workers.cancel_group(self, "history-preview")
        if hit is None:
            preview.say("")
        else:
            self._load(hit)

    @work(group="history-preview", exclusive=True, description="read a result", exit_on_error=False)
    async def _load(self, hit: Hit) -> None:
        await self.acts.preview(hit, PREVIEW_S)

    @on(HistoryList.Chosen)
    def _chosen(self, event: HistoryList.Chosen) -> None:
        event.stop()
        self.action_detail()

    def marked(self, hit: Hit, *, pinned: bool, forgotten: bool) -> None:
        """Show what a person thinks of a memory now."""
        if forgotten and not self.filters.forgotten:
            self.rows.drop(hit)
        else:
            self.rows.change(hit, replace(hit, pinned=pinned, forgotten=forgotten))
        self._preview()

    # Filters

    @on(HistoryChips.Chosen)
    def _chip(self, event: HistoryChips.Chosen) -> None:
        self.action_kind(event.kind)

    def action_kind(self, kind: "Kind | str") -> None:
        """Show a kind or hide it again; the empty one shows all."""
        kinds = tuple(one for one, _ in CHIPS if (one in self.filters.kinds) != (one == kind)) if kind else ()
        self.use(replace(self.filters, kinds=kinds))  # type: ignore[arg-type]

    def action_filters(self) -> None:
        """Choose what is shown."""
        self.miracle.perform(self.acts.choose_filters, "choose filters", group="dialog")

    def use(self, filters: Filters) -> None:
        """Search with these filters."""
        self.filters = filters
        chips = self.query_one(HistoryChips)
        chips.kinds = filters.kinds
        since = f"since {filters.since:%Y-%m-%d %H:%M}" if filters.since else ""
        until = f"until {filters.until:%Y-%m-%d %H:%M}" if filters.until else ""
        project = "one project" if filters.project else ""
        chips.only = tuple(word for word in (filters.language, project, filters.outcome, since, until) if word)
        chips.also = "forgotten ones too" if filters.forgotten else ""
        self._search()

    # Keys

    @on(events.DescendantFocus)
    def _focus_moved(self) -> None:
        # Where there is little room, what is read has it all.
        self.set_class(self.query_one(HistoryPreview).has_focus, "-reading")
        self._offer()

    def _offer(self) -> None:
        """Show the keys anew where others do something now; it draws the whole screen, so not at every keystroke."""
        hit, typing = self.rows.current, self.query_one("#history-query").has_focus
        offered = (typing, hit.kind if hit and not typing else "", bool(hit and hit.run_id))
        if offered != self._offered:
            self._offered = offered
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters belong to the query while it is typed in; each key is offered where it does something."""
        if not self.is_mounted:
            return True
        typing = self.query_one("#history-query").has_focus
        hit = self.rows.current
        if action in ("open", "timeline"):
            return hit is not None and bool(hit.run_id)
        if action in _IN_RESULTS and (typing or (hit is None and action not in ("kind", "query"))):
            return False
        if action in ("pin", "forget"):
            return hit is not None and hit.kind in MEMORIES
        if action == "begin":
            return hit is not None and hit.kind == "pattern"
        return True

    @on(Input.Submitted, "#history-query")
    def action_results(self) -> None:
        """From the query to the results, at once: the next key may be meant for them already."""
        self.set_focus(self.rows)

    def action_query(self) -> None:
        """From the results to the query."""
        self.query_one("#history-query").focus()

    def action_detail(self) -> None:
        """Look closer: an iteration with all that it left; else the preview."""
        hit = self.rows.current
        if hit is None:
            return
        number = hit.id.rpartition("#" if hit.kind == "iteration" else ".")[2]
        if hit.kind == "run":
            self.dismiss(hit.run_id)
        elif hit.kind in ("iteration", "failure") and hit.run_id and number.isdigit():
            from miracle_tui.screens.iteration_screen import IterationScreen

            self.app.push_screen(IterationScreen(self.engine, hit.run_id, int(number)), self._gone_on)
        else:
            self.query_one(HistoryPreview).focus()

    def action_open(self) -> None:
        """Open the run of the current row."""
        hit = self.rows.current
        if hit is not None and hit.run_id:
            self.dismiss(hit.run_id)

    def action_timeline(self) -> None:
        """Go through the moments of the current row's run; an iteration's row begins with that iteration."""
        hit = self.rows.current
        if hit is None or not hit.run_id:
            return
        from miracle_tui.screens.timeline_screen import TimelineScreen

        number = hit.id.rpartition("#" if hit.kind == "iteration" else ".")[2] if hit.kind != "run" else ""
        begin = int(number) if number.isdigit() else 0
        self.app.push_screen(TimelineScreen(self.engine, hit.run_id, iteration=begin), self._gone_on)

    def _gone_on(self, run_id: str | None) -> None:
        if run_id and self.is_attached:
            self.dismiss(run_id)

    def action_like(self) -> None:
        """Show what is like the current row."""
        self.finding.like = self.rows.current
        self._search()

    def action_begin(self) -> None:
        """Begin a new task from the current solution."""
        self._act(self.acts.begin, "read the solution")

    def action_export(self) -> None:
        """Write the current row into a file."""
        self._act(self.acts.export, "export")

    def action_pin(self) -> None:
        """Recall the current memory first, or take that back."""
        self._act(self.acts.pin, "pin the memory")

    def action_forget(self) -> None:
        """Never recall the current memory again, or take that back."""
        self._act(self.acts.forget, "forget the memory")

    def _act(self, act: "HistoryActs.Act", name: str) -> None:
        if (hit := self.rows.current) is not None:
            self.miracle.perform(partial(act, hit), name, group="dialog")

    def action_leave(self) -> None:
        """From likeness to the search, from the preview to the results, to the query, to where one came from."""
        if self.finding.like is not None:
            self.finding.like = None
            self._search()
        elif self.query_one(HistoryPreview).has_focus:
            self.remove_class("-reading")
            self.set_focus(self.rows)
        elif self.rows.has_focus:
            self.action_query()
        else:
            self.dismiss(None)
