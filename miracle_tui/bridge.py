"""The one bridge from the engine's feed to Textual messages.

It folds what is recorded and posts at most one batch a frame, so that a run of thousands of events, or a test that
prints without end, costs the screen the same as a calm one.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from textual.message import Message

from engine.bus import Delta, Live, OutputText
from engine.events import Recorded
from engine.evolve import evolve
from engine.state import State
from miracle_tui.engine_port import EnginePort
from miracle_tui.messages import LiveItems, StateChanged

FRAME_S = 1 / 30
BREATH_S = 0.008
"""Longest time that folding a backlog keeps the loop from drawing and reading keys."""


@dataclass
class _Group:
    """Neighbours of one sort: their order against the other sort is kept, for output must not follow its own report."""

    recorded: list[Recorded] = field(default_factory=list)
    live: list[Live] = field(default_factory=list)
    state: State = field(default_factory=State)


@dataclass
class RunBridge:
    """Follows one run; made anew for every run that is shown."""

    engine: EnginePort
    post: Callable[[Message], object]
    state: State = field(default_factory=State)
    _groups: list[_Group] = field(default_factory=list)
    _timer: asyncio.TimerHandle | None = None

    async def follow(self, run_id: str) -> None:
        """Post what happens to the run until it is cancelled or the feed ends."""
        loop = asyncio.get_running_loop()
        breath = loop.time() + BREATH_S
        feed = self.engine.watch(run_id, self.state.seq)
        try:
            async for item in feed:
                self._take(item)
                if self._timer is None:
                    self._timer = loop.call_later(FRAME_S, self._flush)
                if loop.time() > breath:
                    await asyncio.sleep(0)
                    breath = loop.time() + BREATH_S
            self._flush()
        finally:
            if self._timer:
                self._timer.cancel()
                self._timer = None
            close = getattr(feed, "aclose", None)
            if close is not None:
                await close()

    def _take(self, item: Recorded | Live) -> None:
        if isinstance(item, Recorded):
            self.state = evolve(self.state, item)
            if not self._groups or self._groups[-1].live:
                self._groups.append(_Group())
            self._groups[-1].recorded.append(item)
            self._groups[-1].state = self.state
            return
        if not self._groups or self._groups[-1].recorded:
            self._groups.append(_Group())
        self._groups[-1].live.append(item)

    def _flush(self) -> None:
        self._timer = None
        groups, self._groups = self._groups, []
        for group in groups:
            if group.recorded:
                self.post(StateChanged(group.state, tuple(group.recorded)))
            else:
                self.post(LiveItems(group.live[0].run_id, tuple(joined(group.live))))


def joined(items: Iterable[Live]) -> Iterable[Live]:
    """The items with adjacent pieces of one text put together."""
    pieces: list[str] = []
    held: Delta | OutputText | None = None
    for item in items:
        if isinstance(item, Delta | OutputText):
            if held is not None and _continues(held, item):
                pieces.append(item.text)
                continue
            if held is not None:
                yield replace(held, text="".join(pieces))
            held, pieces = item, [item.text]
            continue
        if held is not None:
            yield replace(held, text="".join(pieces))
            held = None
        yield item
    if held is not None:
        yield replace(held, text="".join(pieces))


def _continues(held: Delta | OutputText, item: Delta | OutputText) -> bool:
    if isinstance(held, Delta):
        return isinstance(item, Delta) and item.session_id == held.session_id
    return isinstance(item, OutputText)
