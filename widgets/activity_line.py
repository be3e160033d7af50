"""One line that says what is going on right now: where in the loop, who does what, since when, or what it waits for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget

from config.amounts import clock
from widgets.inert import inert_line
from widgets.marks import SPINNER, STAGE_STYLES

if TYPE_CHECKING:
    from engine.state import Approval, Session, State

FRAME_S = 0.2
NOTICE_S = 12.0
"""How long a notice stands where what it tells of does not end sooner."""
SHOWN_FROM_S = 3
"""A wait that is longer says how long it is."""
NARROW = 64
"""Columns below which only the stage that is on is named."""

_RAIL = (
    ("plan", ("INIT", "PLANNING")),
    ("code", ("CODING",)),
    ("review", ("REVIEW",)),
    ("audit", ("AUDIT",)),
    ("test", ("TESTING",)),
    ("reflect", ("REFLECTING",)),
)
_TOOL_WORDS = {
    "create_file": "writes",
    "edit_file": "changes",
    "read_file": "reads",
    "list_files": "looks at",
    "search": "searches",
    "run_command": "runs",
    "ask_person": "asks you",
}
_ASKED = {"questions": "Questions wait for your answers", "plan": "The plan waits for you"}
_WITHOUT_AGENT = {
    "INIT": "making the worktree",
    "PLANNING": "the plan is there",
    "CODING": "beginning the iteration",
    "REVIEW": "keeping the review",
    "AUDIT": "keeping the audit",
    "TESTING": "testing in the sandbox",
    "REFLECTING": "looking for failures like it",
}


class ActivityLine(Widget):
    """The stages of the loop with the one that is on, and beside it what is being done."""

    DEFAULT_CSS = """
    ActivityLine { height: 1; padding: 0 1; background: $panel; }
    """

    state: reactive[State | None] = reactive(None)
    """The run to show."""
    unfinished: reactive[str] = reactive("")
    """Which runs wait for a person; said while no run is shown."""
    held: reactive[bool] = reactive(True)
    """Whether somebody, here or elsewhere, works on the run; an interrupted one waits for a person."""
    writing: reactive[bool] = reactive(False)
    """Whether a person is in the line to write in, where a letter is a letter and escape comes before a key."""
    still: reactive[bool] = reactive(False)
    """Show no spinner and no time, for pictures."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._doing = ""
        self._since = 0.0
        self._done = ""
        self._notice = ""
        self._notice_until = 0.0
        self._ticker: Timer | None = None

    def on_mount(self) -> None:
        """Let the spinner turn while there is work."""
        self._ticker = self.set_interval(FRAME_S, self._tick)

    def _tick(self) -> None:
        if self._notice and time.monotonic() > self._notice_until:
            self._notice = ""
            self.refresh()
        elif self.works and not self.still:
            self.refresh()

    @property
    def works(self) -> bool:
        """Whether something is being done."""
        state = self.state
        return bool(state and self.held and str(state.status) == "running" and state.started_at)

    def notice(self, text: str) -> None:
        """Show a line that is about this moment: a retry, a wait, something being made ready."""
        self._notice_until = time.monotonic() + NOTICE_S
        if text != self._notice:
            self._notice = inert_line(text, 300)
            self.refresh()

    def tool_done(self, name: str, target: str, *, ok: bool) -> None:
        """Keep in sight what an agent did last."""
        self._done = inert_line(f"{'✓' if ok else '✗'} {_tool_word(name)} {target}", 90).rstrip()
        self.refresh()

    def forget(self) -> None:
        """Another run is shown."""
        self._doing = self._done = self._notice = ""

    def watch_state(self, before: State | None, state: State | None) -> None:
        """What was said about an earlier step is over with it."""
        doing = _doing(state) if state else ""
        if doing != self._doing:
            self._doing, self._since = doing, time.monotonic()
        if before is None or state is None or before.stage != state.stage:
            self._done = self._notice = ""

    def render(self) -> Content:
        """The stages, and as much of what is done as fits."""
        width = self.content_size.width
        state = self.state
        if state is None:
            return self._idle().truncate(max(1, width), ellipsis=True)
        rail = self._stages(state, width)
        words = self._words(state)
        return Content.assemble(rail, "  ", words).truncate(max(1, width), ellipsis=True)

    def _idle(self) -> Content:
        if self._notice:
            return Content.styled(self._notice, "$foreground-muted")
        if self.unfinished:
            words = Content.styled(f"‖ {self.unfinished}   ", "bold $text-warning")
            return Content.assemble(words, self._key("r", "lists them"))
        return Content.assemble(
            ("enter", "bold $foreground"), (" begins  ", "$foreground-muted"), self._key("n", "opens the form  "),
            self._key("h", "history"),
        )  # fmt: skip

    def _stages(self, state: State, width: int) -> Content:
        here = str(state.stage)
        task = state.task
        wanted = {"review": bool(task and task.review), "audit": bool(task and task.audit)}
        names = [(name, stages) for name, stages in _RAIL if wanted.get(name, True)]
        if state.outcome:
            style = STAGE_STYLES.get(here, "$foreground")
            return Content.styled(f" {here.lower()} ", f"bold {style}")
        parts = []
        for name, stages in names:
            on = here in stages
            if on:
                colour = STAGE_STYLES[here].replace("$text-", "$")
                parts.append(Content.styled(f" {name.upper()} ", f"bold $background on {colour}"))
            elif width >= NARROW:
                parts.append(Content.styled(f" {name} ", "$foreground-disabled"))
        return Content.styled("›", "$foreground 30%").join(parts)

    def _words(self, state: State) -> Content:
        if state.outcome:
            return self._ended(state)
        if state.paused is not None:
            about = " ".join(inert_line(text, 200) for text in (state.paused.detail, state.paused.hint) if text)
            return Content.assemble(
                ("‖ paused  ", "bold $text-warning"), ("space", "bold $foreground"), (" goes on", "$foreground-muted"),
                (f"  {about}" if about and state.paused.reason != "person" else "", "$foreground"),
            )  # fmt: skip
        if state.pending_approvals:
            return self._asked(state.pending_approvals[0])
        if self._notice:
            return self._working(Content.styled(self._notice, "$text-warning"))
        if not self.held:
            return Content.assemble(
                ("‖ interrupted  ", "bold $text-warning"), ("space", "bold $foreground"),
                (" goes on where it stopped", "$foreground-muted"),
            )  # fmt: skip
        done = Content.styled(f"  {self._done}", "$foreground-muted") if self._done else Content("")
        return self._working(Content.styled(self._doing, "$foreground"), done)

    def _asked(self, approval: Approval) -> Content:
        words = _ASKED.get(approval.request.topic) or inert_line(approval.request.title, 120)
        return Content.assemble((f"◆ {words}   ", "bold $text-accent"), self._key("a", "opens it"))

    def _ended(self, state: State) -> Content:
        if state.outcome != "success":
            reason = f"{inert_line(state.reason, 200)}  " if state.reason else ""
            return Content.assemble((reason, "$foreground"), self._key("n", "starts another run"))
        if state.promoted is not None and state.undone is None:
            return Content.styled(f"taken: {state.promoted.how}", "$foreground-muted")
        return Content.assemble(("proved by its tests  ", "$text-success"), self._key("P", "takes the result"))

    def _key(self, key: str, does: str) -> Content:
        name = f"esc {key}" if self.writing else key
        return Content.assemble((name, "bold $foreground"), (f" {does}", "$foreground-muted"))

    def _working(self, words: Content, after: Content | None = None) -> Content:
        seconds = time.monotonic() - self._since
        spinner = SPINNER[0 if self.still else int(time.monotonic() / FRAME_S) % len(SPINNER)]
        took = f" {clock(seconds)}" if seconds >= SHOWN_FROM_S and not self.still else ""
        return Content.assemble(
            (f"{spinner} ", "$text-accent"), words, (took, "$foreground-disabled"), after or Content("")
        )


def _doing(state: State) -> str:
    session = state.session
    if session is not None:
        return _agent(session)
    last = state.iteration
    if last is not None and last.report is not None and last.report.green:
        return "proving it: all tests again, in a fresh sandbox"
    return _WITHOUT_AGENT.get(str(state.stage), "")


def _agent(session: Session) -> str:
    if session.pending:
        return inert_line(f"{session.role} {_tool_word(session.pending[0].name)}", 120)
    return inert_line(f"{session.role} thinks", 120)


def _tool_word(name: str) -> str:
    return _TOOL_WORDS.get(name, name.replace("_", " "))
