"""What the models were told: every call of a run, and the whole conversation that each carried."""

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from miracle_tui.host import Host, host_of
from miracle_tui.reel import Reel
from miracle_tui.screens.pane_grid import NARROW
from widgets.call_list import CallList
from widgets.inert import inert_line
from widgets.prompt_view import PromptView

if TYPE_CHECKING:
    from engine.calls import Call


class PromptScreen(Screen[int | None]):
    """Shows one call at a time; leaves with the event of a call whose moment a person wants to see.

    Args:
        reel: The run's log.
        at: Begin with the newest call at or before this event; 0 for the newest of all.
        follow: Read the log here; it is not read by somebody else already.
    """

    CSS_PATH = "prompt_screen.tcss"
    AUTO_FOCUS = "PromptView"
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-narrow"), (NARROW, "-wide")]  # type: ignore[misc]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,p", "call(-1)", "Call", id="prompts.previous", key_display="←→", priority=True),
        Binding("right,n", "call(1)", "Next call", show=False, id="prompts.next", priority=True),
        Binding("tab", "app.focus_next", "Calls", id="prompts.list", key_display="tab"),
        Binding("t", "moment", "Its moment", id="prompts.moment"),
        Binding("escape", "leave", "Back", id="prompts.leave"),
    ]

    def __init__(self, reel: Reel, at: int = 0, *, follow: bool = False) -> None:
        super().__init__()
        self.reel = reel
        self._at = at
        self._follow = follow
        self._place = -1
        self._ended = -1
        self._arrived = False
        reel.grown.append(self._grown)

    @property
    def miracle(self) -> Host:
        """The app, by its own type."""
        return host_of(self)

    def compose(self) -> ComposeResult:
        """The calls, and the one at the cursor."""
        yield Static(id="prompt-title", markup=False)
        with Horizontal(id="prompt-body"):
            yield CallList(id="calls")
            yield PromptView(id="prompt")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Show what is known, and read on."""
        self.query_one(CallList).border_title = "CALLS"
        if self._follow:
            self.miracle.perform(self.reel.follow, "read the log", group=self.reel.group)
        self._grown()

    def on_unmount(self) -> None:
        """Read no more."""
        self.reel.grown.remove(self._grown)
        if self._follow:
            self.miracle.workers.cancel_group(self.miracle, self.reel.group)

    def _grown(self) -> None:
        """The log grew: the call that is read stays."""
        if not self.is_attached:
            return
        calls = self.reel.calls
        wanted = self.reel.book.newest(self._at) if self._at else len(calls) - 1
        if self._place < 0 or not self._arrived:
            # A log comes in pieces: the call that is wanted may not be in the first.
            self._place = wanted
            self._arrived = not self._follow or self.reel.folds.end >= self._at
        rows = self.query_one(CallList)
        if rows.calls != calls:
            rows.show(calls, self._place)
        self.go(self._place)

    def go(self, place: int) -> None:
        """Show a call."""
        calls = self.reel.calls
        view = self.query_one(PromptView)
        if not calls:
            view.show(None)
            self._show_name("no model was called yet")
            return
        place = min(max(0, place), len(calls) - 1)
        call = calls[place]
        first = view.border_title is None
        view.border_title = Content(f"CALL {place + 1} of {len(calls)}")
        if first or (place, call.ended_seq) != (self._place, self._ended):
            self._place, self._ended = place, call.ended_seq
            view.show(call, self.reel.told(call))
            self._show_name(_named(call))
        rows = self.query_one(CallList)
        rows.stand_on(place)

    def _show_name(self, text: str) -> None:
        head = Content.assemble(("WHAT THE MODEL WAS TOLD  ", "bold $text-primary"), (text, "$text-muted"))
        self.query_one("#prompt-title", Static).update(head)

    @on(CallList.Moved)
    def _moved(self, event: CallList.Moved) -> None:
        self.go(event.index)

    @on(CallList.Chosen)
    def _chosen(self, event: CallList.Chosen) -> None:
        self.go(event.index)
        self.query_one(PromptView).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a search is typed, every key belongs to it."""
        return not (action in ("call", "moment") and self.query_one(PromptView).typing)

    def action_call(self, step: int) -> None:
        """The next or the previous call."""
        self.go(self._place + step)

    def action_moment(self) -> None:
        """Show what else was so when this call was made."""
        calls = self.reel.calls
        self.dismiss(calls[self._place].seq if 0 <= self._place < len(calls) else None)

    def action_leave(self) -> None:
        """Back to where one came from."""
        self.dismiss(None)


def _named(call: "Call") -> str:
    where = f" · iteration {call.iteration}" if call.iteration else ""
    phase = f" · {inert_line(call.phase_id, 32)}" if call.phase_id else ""
    return f"{inert_line(call.role, 20)} · {inert_line(call.model, 40)}{phase}{where}"
