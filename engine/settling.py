"""Waiting until a run needs nobody but a person, or nobody at all."""

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from engine.decide import decide
from engine.evolve import evolve
from engine.run_log import recorded
from engine.state import State

if TYPE_CHECKING:
    from memory.store import EventStore


async def wait_settled(store: "EventStore", run_id: str, worker: "asyncio.Task[Any] | None") -> None:
    """Wait until the run is over, paused, or waits for a person, or until the worker stops working on it.

    Args:
        store: the log.
        run_id: the run.
        worker: this process's work on it; None when another process works on it, or nobody does.

    Raises:
        MemoryStoreError, EngineError: what ended the work.
    """
    following = asyncio.create_task(_follow_until_settled(store, run_id), name=f"settle {run_id}")
    try:
        await asyncio.wait({following, worker} if worker else {following}, return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()
        elif worker is not None and not worker.cancelled():
            worker.result()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _follow_until_settled(store: "EventStore", run_id: str) -> None:
    state = State(run_id=run_id)
    async with aclosing(store.feed(run_id)) as feed:
        async for stored in feed:
            state = evolve(state, recorded(stored))
            if not decide(state) and state.seq >= await store.last_seq(run_id):
                return
