"""Time travel: any moment of a run, running or past, in the panes of the run screen; forks and comparisons."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from engine.events import ProofFinished
from miracle_tui.host import Host, host_of
from miracle_tui.reel import Reel
from miracle_tui.screens.pane_grid import NARROW
from miracle_tui.screens.past_panes import PastPanes
from widgets.inert import inert_line
from widgets.line_input import LineInput
from widgets.timeline import TimelineBar, newest_at

if TYPE_CHECKING:
    from engine.calls import Call
    from miracle_tui.engine_port import EnginePort
    from widgets.plan_pane import PlanPane

Breakpoints = list[tuple[int, str]] | None
FRAME_S = 1 / 60
"""Pause in which the keys of a person who holds one down are gathered before the panes follow."""
JUMP = "a moment's number, i3 for iteration 3, or text to search for"
TOO_SMALL = "The timeline needs a terminal of at least 40 x 12."


class TimelineScreen(Screen[str | None]):
    """Scrubs through a run; leaves with the id of a fork that was made, to be shown.

    Args:
        engine: Where the log comes from.
        run_id: The run.
        at: The event to begin at; 0 for the newest.
        iteration: The iteration to begin at; 0 for none.
        fork: Ask for a fork as soon as the log is there.
    """

    CSS_PATH = "timeline_screen.tcss"
    AUTO_FOCUS = "TimelineBar"
    HORIZONTAL_BREAKPOINTS: ClassVar[Breakpoints] = [(0, "-tiny"), (40, "-narrow"), (NARROW, "-wide")]  # type: ignore[misc]
    VERTICAL_BREAKPOINTS: ClassVar[Breakpoints] = [(0, "-flat"), (12, "-low"), (30, "-tall")]  # type: ignore[misc]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "Moment", id="timeline.left", key_display="←→", priority=True),
        Binding("right", "step(1)", "Next moment", show=False, id="timeline.right", priority=True),
        Binding("up", "iteration(-1)", "Iteration", id="timeline.up", key_display="↑↓"),
        Binding("down", "iteration(1)", "Next iteration", show=False, id="timeline.down"),
        Binding("shift+left", "iteration(-1)", "Previous iteration", show=False, id="timeline.back", priority=True),
        Binding("shift+right", "iteration(1)", "Next iteration", show=False, id="timeline.on", priority=True),
        Binding("home", "edge(-1)", "First moment", show=False, id="timeline.first"),
        Binding("end", "edge(1)", "Newest moment", show=False, id="timeline.newest"),
        Binding("slash", "search", "Find", id="timeline.search", key_display="/"),
        Binding("n", "again(1)", "Next found", show=False, id="timeline.next-found"),
        Binding("N", "again(-1)", "Previous found", show=False, id="timeline.previous-found"),
        Binding("f", "fork", "Fork", id="timeline.fork"),
        Binding("c", "compare", "Compare", id="timeline.compare"),
        Binding("w", "prompt", "Prompt", id="timeline.prompt"),
        Binding("tab", "next_pane(1)", "Pane", id="timeline.pane", key_display="tab"),
        Binding("shift+tab", "next_pane(-1)", "Previous pane", show=False, id="timeline.previous-pane"),
        Binding("m", "maximise", "Maximise", show=False, id="timeline.maximise"),
        Binding("escape", "leave", "Back", id="timeline.leave"),
    ]

    def __init__(
        self, engine: "EnginePort", run_id: str, at: int = 0, *, iteration: int = 0, fork: bool = False
    ) -> None:
        super().__init__()
        self.engine = engine
        self.reel = Reel(engine, run_id)
        self.reel.grown.append(self._grown)
        self.past = PastPanes()
        self.bar = TimelineBar(id="timeline")
        self._at = at
        """The event to go to once the log is there."""
        self._iteration = iteration
        self._fork = fork
        self._shown = (-1, -1)
        """Place and event that the panes show."""
        self._waiting = False
        self._found = ""

    @property
    def miracle(self) -> Host:
        """The app, by its own type."""
        return host_of(self)

    def compose(self) -> ComposeResult:
        """Figures, panes, the line of moments."""
        yield self.past.status
        yield self.past.grid
        yield Static(id="call-line", markup=False)
        yield self.bar
        yield LineInput(id="jump", placeholder=JUMP, select_on_focus=False)
        yield Footer(compact=True, show_command_palette=False)
        yield Static(TOO_SMALL, id="too-small", markup=False)

    def on_mount(self) -> None:
        """Read the log."""
        self.miracle.perform(self.reel.follow, "read the log", group=self.reel.group)

    def on_unmount(self) -> None:
        """Read no more."""
        self.miracle.workers.cancel_group(self.miracle, self.reel.group)

    # Where one is

    def _grown(self) -> None:
        """The log grew: stay at the newest, or at the moment that is looked at."""
        if not self.is_attached:
            return
        moments = self.reel.moments
        follows = self.bar.following or not self.bar.moments
        self.bar.moments = moments
        newest = self.reel.state(self.reel.folds.end)
        self.bar.live = newest.outcome is None
        if self._at and self.reel.folds.end >= self._at:
            self.go(newest_at(moments, self._at))
            self._at = 0
            if self._fork:
                self._fork = False
                self.action_fork()
        elif self._iteration and (begun := self.bar.place_of(f"i{self._iteration}")) is not None:
            self._iteration = 0
            self.go(begun)
        elif follows and not self._at:
            self.go(len(moments) - 1)
        self.bar.refresh()

    @property
    def seq(self) -> int:
        """The event that the shown moment comes after; at the newest, the log's end."""
        moments, index = self.bar.moments, self.bar.index
        if not moments:
            return 0
        return self.reel.folds.end if index >= len(moments) - 1 else moments[index].seq

    def go(self, index: int) -> None:
        """Show a moment; the line moves at once, the panes as soon as the keys rest."""
        if not self.bar.moments:
            return
        self.bar.index = min(max(0, index), len(self.bar.moments) - 1)
        self.bar.following = self.bar.live and self.bar.index == len(self.bar.moments) - 1
        if not self._waiting:
            self._waiting = True
            self.set_timer(FRAME_S, self._show)

    def _show(self) -> None:
        self._waiting = False
        place, seq = self.bar.index, self.seq
        if not seq or (place, seq) == self._shown:
            return
        self._shown = (place, seq)
        moment = self.bar.moments[place]
        event = self.reel.folds.log[moment.seq - 1].event
        proof = event.report if isinstance(event, ProofFinished) else None
        self.past.show(self.reel.state(seq), moment.phase_id, proof)
        newest = self.reel.book.newest(seq)
        self.query_one("#call-line", Static).update(_call_line(self.reel.calls[newest] if newest >= 0 else None, seq))

    @on(TimelineBar.Picked)
    def _picked(self, event: TimelineBar.Picked) -> None:
        self.go(event.index)

    def on_plan_pane_iteration_chosen(self, event: "PlanPane.IterationChosen") -> None:
        """Go where that iteration began."""
        place = self.bar.place_of(f"i{event.number}")
        if place is not None:
            self.go(place)

    def on_plan_pane_edit_requested(self) -> None:
        """The past has the plan that it had; a fork may have another."""
        self.action_fork()

    # Keys

    @property
    def _jump(self) -> Input:
        return self.query_one("#jump", Input)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a number or a word is typed, the arrows move in it."""
        return not (action in ("step", "iteration") and self._jump.has_focus)

    def action_step(self, step: int) -> None:
        """The next or the previous moment."""
        self.go(self.bar.index + step)

    def action_iteration(self, step: int) -> None:
        """The beginning of the next or the previous iteration."""
        self.go(self.bar.iteration_step(step))

    def action_edge(self, step: int) -> None:
        """The first moment, or the newest and whatever comes after it."""
        self.go(0 if step < 0 else len(self.bar.moments) - 1)

    def action_next_pane(self, by: int) -> None:
        """From the line to the panes, round all of them, and back to the line."""
        grid = self.past.grid
        order = grid.ORDER
        if not grid.focused_pane:
            grid.go(order[0] if by > 0 and not self.has_class("-narrow") else grid.current)
        elif grid.focused_pane == (order[-1] if by > 0 else order[0]):
            grid.current = order[0] if by > 0 else order[-1]
            self.bar.focus()
        else:
            grid.go(grid.step(by))

    def action_maximise(self) -> None:
        """Give the current pane the whole room, or give it back."""
        self.past.grid.maximised = not self.past.grid.maximised

    def action_leave(self) -> None:
        """From the pane to the line, from one pane to all, from here to where one came from."""
        if self._jump.has_focus:
            self._close_jump()
        elif self.past.grid.focused_pane:
            self.bar.focus()
        elif self.past.grid.maximised:
            self.past.grid.maximised = False
        else:
            self.dismiss(None)

    # Jump and search

    def on_key(self, event: events.Key) -> None:
        """A digit begins the number of a moment."""
        if event.character and event.character.isascii() and event.character.isdigit() and not self._jump.has_focus:
            event.stop()
            event.prevent_default()
            self._open_jump(event.character)

    def action_search(self) -> None:
        """Open the line for what to search for."""
        self._open_jump("")

    def _open_jump(self, text: str) -> None:
        line = self._jump
        line.value = text
        line.add_class("-on")
        line.focus()
        line.cursor_position = len(text)

    def _close_jump(self) -> None:
        self._jump.remove_class("-on")
        self.bar.focus()

    @on(Input.Submitted, "#jump")
    def _jump_there(self, event: Input.Submitted) -> None:
        event.stop()
        self._close_jump()
        text = event.value.strip()
        if not text:
            return
        place = self.bar.place_of(text)
        if place is not None:
            self.go(place)
        elif text.isdigit():
            self.notify(f"There are {len(self.bar.moments)} moments.", severity="warning", timeout=3)
        else:
            self._found = text
            self._seek(self.bar.index, 1)

    def action_again(self, step: int) -> None:
        """The next or the previous moment that was searched for."""
        if self._found:
            self._seek(self.bar.index + step, step)
        else:
            self.action_search()

    def _seek(self, start: int, step: int) -> None:
        place = self.bar.find(self._found, start, step)
        if place is None:
            self.notify(f"No moment tells of {self._found!r}.", severity="warning", markup=False, timeout=3)
        else:
            self.go(place)

    # From here

    def action_fork(self) -> None:
        """Begin another run as this one was at the shown moment."""
        if self.bar.moments:
            from miracle_tui.screens.forking import fork_from

            fork = partial(fork_from, self.miracle, self.reel, self.seq, self._leave_for)
            self.miracle.perform(fork, "fork the run", group="dialog")

    def _leave_for(self, run_id: str) -> None:
        if self.is_attached:
            self.dismiss(run_id)

    def action_compare(self) -> None:
        """Set this run beside another one."""
        from miracle_tui.screens.comparing import compare_with_another

        self.miracle.perform(
            partial(compare_with_another, self.miracle, self.engine, self.reel.run_id), "compare", group="dialog"
        )

    def action_prompt(self) -> None:
        """Read what the model was told by the newest call of the moment."""
        from miracle_tui.screens.prompt_screen import PromptScreen

        def gone_to(seq: int | None) -> None:
            if seq:
                self.go(newest_at(self.bar.moments, seq))

        self.app.push_screen(PromptScreen(self.reel, self.seq), gone_to)


def _call_line(call: "Call | None", seq: int) -> Content:
    """The newest call before the moment: who asked whom, and what it took."""
    if call is None:
        return Content.styled("no model was called yet", "$foreground-disabled")
    asked = Content.assemble(
        ("w ", "bold $foreground"), (inert_line(call.role, 20), "$text-primary"), (" asks ", "$foreground-muted"),
        (inert_line(call.model, 40), "$foreground"),
    )  # fmt: skip
    answered = call.answer is not None and call.ended_seq <= seq
    if call.answer is None or not answered:
        failed = call.error and call.ended_seq <= seq
        words = f"  failed: {inert_line(call.error, 80)}" if failed else "  …"
        return asked.append(Content.styled(words, "$text-error" if failed else "$text-primary"))
    usage = call.answer.usage
    cost = "price unknown" if call.answer.cost_usd is None else f"${call.answer.cost_usd:.4f}"
    return asked.append(
        Content.styled(f"  {usage.input_tokens:,} in → {usage.output_tokens:,} out · {cost}", "$foreground-muted")
    )
