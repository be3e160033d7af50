"""Stays with a run until it is over, paused, or waits for a person, and shows what happens."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from engine.decide import decide
from engine.errors import EngineError
from engine.events import Recorded
from engine.evolve import evolve
from engine.state import State, Status
from memory.errors import MemoryStoreError
from miracle_tui.cli.asking import Answerer
from miracle_tui.cli.console import tell
from miracle_tui.cli.outcomes import exit_status
from miracle_tui.cli.problems import INTERRUPTED
from miracle_tui.cli.signals import Interrupted, Interrupts, interrupts
from miracle_tui.cli.views import View

if TYPE_CHECKING:
    from engine.bus import Live
    from engine.engine import Engine

PAUSE_S = 10.0
"""Seconds that an interrupted run waits for the answer of a model that is paid for."""
BREATH_S = 0.02


async def attend(engine: "Engine", run_id: str, view: View, answerer: Answerer, *, known: State | None = None) -> int:
    """Drive a run in this process and follow it.

    Args:
        engine: the open engine.
        run_id: the run, which is or can be driven here.
        view: where it is shown.
        answerer: settles questions, where it can.
        known: the state from which on events are shown; the beginning by default.

    Returns:
        The exit status.
    """
    state = known or State(run_id=run_id)
    with interrupts() as signals:
        try:
            while True:
                engine.drive(run_id)
                state = await signals.race(follow(engine, run_id, view, state))
                if decide(state):
                    # Something is still to be done: a policy answers a question that nobody else has to.
                    await signals.race(asyncio.sleep(BREATH_S))
                    continue
                if state.status is Status.WAITING and await signals.race(answerer.settle(engine, state)):
                    continue
                view.left(state)
                return exit_status(state)
        except Interrupted:
            return await _pause(engine, run_id, signals)


async def follow(engine: "Engine", run_id: str, view: View, state: State) -> State:
    """Show a run until it settles.

    Args:
        engine: the open engine.
        run_id: the run.
        view: where it is shown.
        state: what is known already; events after it are shown.

    Returns:
        The state in which it settled, with everything before it shown.
    """
    feed = engine.watch(run_id, state.seq)
    settled = asyncio.ensure_future(engine.settled(run_id))
    coming = asyncio.ensure_future(_next(feed))
    try:
        while not (settled.done() and state.seq >= settled.result().seq):
            await asyncio.wait({coming} if settled.done() else {coming, settled}, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                continue
            item = coming.result()
            if item is None:
                return await settled
            state = _show(view, item, state)
            coming = asyncio.ensure_future(_next(feed))
        return state
    finally:
        for future in (settled, coming):
            future.cancel()
        await asyncio.gather(settled, coming, return_exceptions=True)
        if close := getattr(feed, "aclose", None):
            await close()


def _show(view: View, item: "Recorded | Live", state: State) -> State:
    if not isinstance(item, Recorded):
        view.live(item)
        return state
    if item.seq <= state.seq:
        return state
    state = evolve(state, item)
    view.recorded(item, state)
    return state


async def _next(feed: "AsyncIterator[Recorded | Live]") -> "Recorded | Live | None":
    """The next item, or None at the feed's end: StopAsyncIteration cannot pass through a task."""
    return await anext(feed, None)


async def _pause(engine: "Engine", run_id: str, signals: Interrupts) -> int:
    """Bring an interrupted run to a stop that it can be resumed from."""
    tell(["! Interrupted: pausing the run. Once more stops at once."])
    with suppress(Interrupted, TimeoutError, EngineError, MemoryStoreError):
        await signals.race(asyncio.wait_for(_stop(engine, run_id), PAUSE_S))
    tell([f"→ go on:  miracle resume {run_id}"])
    return INTERRUPTED


async def _stop(engine: "Engine", run_id: str) -> None:
    """Pause the run, and wait until no answer of a model is under way."""
    await engine.pause(run_id)
    state = await engine.state(run_id)
    async with aclosing(_events(engine, run_id, state.seq)) as feed:
        while any(session.calling for session in state.sessions):
            state = evolve(state, await anext(feed))


async def _events(engine: "Engine", run_id: str, after: int) -> AsyncGenerator[Recorded, None]:
    async for item in engine.watch(run_id, after):
        if isinstance(item, Recorded):
            yield item
