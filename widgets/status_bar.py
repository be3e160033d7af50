"""The line at the top: which run, how far, what it does, what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget

from config.amounts import clock, short_count
from widgets.inert import inert_line
from widgets.marks import STAGE_STYLES

if TYPE_CHECKING:
    from engine.state import Session, State

_DOTS = {
    "ok": ("●", "$text-success"),
    "failed": ("●", "$text-error"),
    "starting": ("◌", "$text-warning"),
    "": ("○", "$foreground-disabled"),
}
SERVICES = ("database", "sandbox", "model")


@dataclass(frozen=True)
class _Part:
    content: Content
    rank: int
    """The higher, the sooner it goes where room is short; 0 never goes."""
    short: Content | None = None
    """A shorter form, taken where the long one does not fit."""


class StatusBar(Widget):
    """One line that fits any width by dropping parts; a second, lasting one when the run is not sandboxed."""

    DEFAULT_CSS = """
    StatusBar { height: auto; dock: top; padding: 0 1; background: $panel; }
    """

    state: reactive[State | None] = reactive(None)
    """The run to show."""
    scripted: reactive[bool] = reactive(False)
    """The model is a script, whatever run is shown."""
    unsafe_local: reactive[bool] = reactive(False, layout=True)
    """Commands run on this machine without a sandbox."""
    services: reactive[dict[str, str]] = reactive({}, init=False)
    """Service to `starting`, `ok` or `failed`."""
    now: reactive[datetime | None] = reactive(None)
    """A fixed clock for tests; None for the real one."""

    _ticker: Timer | None = None

    def on_mount(self) -> None:
        """Keep the running time going."""
        self._ticker = self.set_interval(1.0, self.refresh)

    def watch_state(self, before: State | None, after: State | None) -> None:
        """The banner takes a line of its own; nothing else changes the height, and a new layout is dear."""
        if _unsafe(before) != _unsafe(after):
            self.refresh(layout=True)

    def set_service(self, service: str, service_state: str) -> None:
        """Say that a service is `starting`, `ok` or `failed`."""
        self.services = {**self.services, service: service_state}

    def render(self) -> Content:
        """The line, and the banner above it."""
        width = self.content_size.width
        line = self._fit(width)
        unsafe = self.unsafe_local or _unsafe(self.state)
        if not unsafe:
            return line
        banner = Content.styled(
            " UNSAFE: NOT SANDBOXED  the code of the model runs as you, on this machine ".ljust(width),
            "bold $text on $error",
        )
        return Content("\n").join([banner.truncate(max(1, width)), line])

    def _fit(self, width: int) -> Content:
        """The most important parts that fit, in their places; a part may have a shorter form."""
        left, right = self._left(), self._right()
        chosen: dict[int, Content] = {}
        line = Content("")
        for part in sorted((*left, *right), key=lambda part: part.rank):
            for content in (part.content, part.short):
                if content is None:
                    continue
                attempt = {**chosen, id(part): content}
                longer = self._joined(attempt, left, right, width)
                if longer is not None:
                    chosen, line = attempt, longer
                    break
        needed = [part for part in (*right, *left) if not part.rank]
        if all(id(part) in chosen for part in needed):
            return line
        return Content(" ").join([part.content for part in needed]).truncate(max(1, width), ellipsis=True)

    @staticmethod
    def _joined(chosen: dict[int, Content], left: list[_Part], right: list[_Part], width: int) -> Content | None:
        line = Content.styled(" · ", "$foreground 30%").join([chosen[id(part)] for part in left if id(part) in chosen])
        tail = Content("  ").join([chosen[id(part)] for part in right if id(part) in chosen])
        space = width - line.cell_length - tail.cell_length
        return line + Content(" " * space) + tail if space >= (1 if tail else 0) else None

    def _left(self) -> list[_Part]:
        state = self.state
        parts = [_Part(Content.styled("Miracle", "bold $text-primary"), 7)]
        if state is None:
            return [*parts, _Part(Content.styled("give it a goal", "$foreground-muted"), 9)]
        if state.title:
            title = inert_line(state.title, 200)
            wide = self.content_size.width > 100
            room = 44 if wide else 24
            parts.append(
                _Part(Content.styled(title if len(title) <= room else title[: room - 1] + "…", "$foreground"), 6)
            )
        if state.phases:
            green = sum(phase.state == "green" for phase in state.phases)
            here = min(green + 1, len(state.phases))
            parts.append(_Part(_pair("phase", f"{here}/{len(state.phases)}"), 5))
        if state.iterations:
            most = state.max_iterations or (state.task.max_iterations if state.task else 0)
            near = bool(state.task and len(state.iterations) >= state.task.warn_iteration)
            number = f"{len(state.iterations)}/{most}" if most else str(len(state.iterations))
            parts.append(_Part(_pair("iteration", number, "$text-warning" if near else "$foreground"), 4))
        stage = str(state.stage)
        parts.append(_Part(Content.styled(stage, f"bold {STAGE_STYLES.get(stage, '$text')}"), 0))
        return [*parts, *self._spent(state)]

    def _spent(self, state: State) -> list[_Part]:
        budget = state.budget_usd or (state.task.budget_usd if state.task else 0.0)
        near = bool(budget and state.task and state.spend.usd >= budget * state.task.warn_percentage / 100)
        free = "+?" if state.spend.unpriced_calls else ""
        cost = f"${state.spend.usd:.2f}{free}" + (f"/{budget:.2f}" if budget else "")
        parts = [_Part(Content.styled(cost, "$text-warning" if near else "$foreground"), 5)]
        parts.append(_Part(Content.styled(f"{short_count(state.spend.tokens)} tok", "$foreground-muted"), 9))
        if windows := _windows(state):
            parts.append(windows)
        if state.started_at is not None:
            end = state.updated_at if state.outcome else self.now or datetime.now(UTC)
            seconds = ((end or state.started_at) - state.started_at).total_seconds()
            parts.append(_Part(Content.styled(clock(seconds), "$foreground-muted"), 8))
        return parts

    def _right(self) -> list[_Part]:
        parts: list[_Part] = []
        state = self.state
        if state is not None and state.outcome is None:
            if state.paused is not None:
                why = "" if state.paused.reason == "person" else f"{inert_line(state.paused.reason, 20)} "
                parts.append(_Part(Content.styled(f" PAUSED {why}", "$text on $warning 45% bold"), 0))
            elif state.pending_approvals:
                parts.append(
                    _Part(Content.styled(f" WAITING {len(state.pending_approvals)} ", "$text on $accent 45% bold"), 0)
                )
        if self.scripted or bool(state and state.task and state.task.scripted):
            parts.append(_Part(Content.styled(" SCRIPTED MODEL ", "$text on $secondary 40% bold"), 0))
        if self.services:
            parts.insert(0, self._dots())
        return parts

    def _dots(self) -> _Part:
        """A dot for each service; the short form names only those that are not up."""
        marks = [(service, self.services.get(service, "")) for service in SERVICES]
        dots = [(service, known, Content.styled(*_DOTS.get(known, _DOTS[""]))) for service, known in marks]
        whole = Content(" ").join([dot + Content.styled(f" {name}", "$foreground-muted") for name, _, dot in dots])
        short = Content(" ").join(
            [dot if known == "ok" else dot + Content.styled(f" {name}", "$foreground") for name, known, dot in dots]
        )
        failed = any(known == "failed" for _, known, _ in dots)
        return _Part(short, 5) if failed else _Part(whole, 8, short)


def _windows(state: State) -> _Part | None:
    """How full the windows of the models at work are; the short form tells of the fullest alone."""
    at_work = [session for session in state.sessions if session.window_tokens] if state.outcome is None else []
    if not at_work:
        return None
    fullest = max(at_work, key=lambda session: session.prompt_tokens / session.window_tokens)
    one = _pair("ctx", _filled(fullest), _window_style(fullest))
    if len(at_work) == 1:
        return _Part(one, 8)
    every = [Content.styled(_filled(session), _window_style(session)) for session in at_work]
    return _Part(Content.styled("ctx ", "$foreground-muted") + Content(" ").join(every), 8, one)


def _filled(session: Session) -> str:
    return f"{short_count(session.prompt_tokens)}/{short_count(session.window_tokens)}"


def _window_style(session: Session) -> str:
    return "$text-warning" if session.nearly_full else "$foreground"


def _unsafe(state: State | None) -> bool:
    return bool(state and state.task and state.task.unsafe_local)


def _pair(word: str, value: str, style: str = "$foreground") -> Content:
    return Content.assemble((f"{word} ", "$foreground-muted"), (value, style))
