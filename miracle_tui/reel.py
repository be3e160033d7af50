"""A run's whole log while a person looks through it: its moments, its calls, and what was so at any of them."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from engine.calls import Call, CallBook
from engine.context.fit import sent
from engine.events import Recorded
from engine.moments import EVERY, Folds, Moment, Timeline
from engine.state import State

if TYPE_CHECKING:
    from engine.llm.protocol import Message
    from miracle_tui.engine_port import EnginePort

FRAME_S = 1 / 20
BACKLOG_FRAME_S = 0.4
"""Between two looks at a log that is still being read: drawing each step would take longer than the reading."""
MANY = 200
"""Events in one frame that no running run writes: a backlog."""
BREATH_S = 0.008
"""Longest time that taking up a backlog keeps the loop from drawing and reading keys."""


class Reel:
    """Takes up a log as it comes, from the first event on; a running run's grows at the end."""

    def __init__(self, engine: "EnginePort", run_id: str) -> None:
        self.engine = engine
        self.run_id = run_id
        self.folds = Folds()
        self.timeline = Timeline()
        self.book = CallBook()
        self.grown: list[Callable[[], None]] = []
        """Called, at most once a frame, after events came."""
        self.group = f"reel-{id(self)}"
        """Names the worker that follows the log."""
        self._timer: asyncio.TimerHandle | None = None
        self._moments: tuple[Moment, ...] = ()
        self._last = self._last_but_one = 0
        """The end of the log at the last two looks."""

    @property
    def moments(self) -> tuple[Moment, ...]:
        """All so far; the tuple is another one exactly when there are more."""
        return self._moments

    @property
    def calls(self) -> list[Call]:
        """The model calls so far."""
        return self.book.calls

    def state(self, seq: int) -> State:
        """What was so right after an event."""
        return self.folds.state(seq)

    def told(self, call: Call) -> "Callable[[], tuple[Message, ...]]":
        """What gives the messages of a call as the server got them; made for a thread, for a long one takes a while."""
        state = self.folds.state(call.seq)
        session = state.session_by(call.session_id)
        return tuple if session is None else partial(sent, state, session)

    async def follow(self) -> None:
        """Take up what is recorded until this is cancelled."""
        loop = asyncio.get_running_loop()
        breath = loop.time() + BREATH_S
        feed = self.engine.watch(self.run_id, self.folds.end)
        try:
            async for item in feed:
                if isinstance(item, Recorded):
                    self._take(item)
                    if self._timer is None:
                        backlog = self._last - self._last_but_one > MANY
                        self._timer = loop.call_later(BACKLOG_FRAME_S if backlog else FRAME_S, self._tell)
                if loop.time() > breath:
                    await asyncio.sleep(0)
                    breath = loop.time() + BREATH_S
            self._tell()
        finally:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            close = getattr(feed, "aclose", None)
            if close is not None:
                await close()

    def _take(self, recorded: Recorded) -> None:
        self.folds.add(recorded)
        self.timeline.add(recorded)
        self.book.add(recorded)
        if self.folds.end % EVERY == 0:
            # Folded as it comes, a few events at a time, any place is near a state that is kept.
            self.folds.state(self.folds.end)

    def _tell(self) -> None:
        self._timer = None
        self._last_but_one, self._last = self._last, self.folds.end
        found = self.timeline.moments
        if len(found) != len(self._moments):
            self._moments = found
        for grown in self.grown:
            grown()
