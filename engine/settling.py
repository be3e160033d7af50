"""Waiting until a run needs nobody but a person, or nobody at all."""

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from engine.decide import decide
from engine.evolve import evolve
from engine.fleet import Fleet
from engine.run_log import recorded
from engine.state import State
from memory.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from memory.store import EventStore


async def wait_settled(store: "EventStore", run_id: str, fleet: Fleet) -> State | None:
    """Wait until the run is over, paused, or waits for a person, or until this process stops working on it.

    Args:
        store: the log of a run that another process works on, or nobody.
        run_id: the run.
        fleet: what this process works on; a run of it is followed without asking the database.

    Returns:
        The state then; None where the work was stopped, so that nobody here knows.

    Raises:
        MemoryStoreError, EngineError: what ended the work.
    """
    worker = fleet.task(run_id)
    here = worker is not None and not worker.done()
    waiting = asyncio.create_task(_settled_here(fleet, run_id) if here else _settled_elsewhere(store, run_id))
    try:
        await asyncio.wait({waiting, worker} if worker else {waiting}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        return worker.result() if worker is not None and not worker.cancelled() else None
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def _settled_here(fleet: Fleet, run_id: str) -> State:
    log = await fleet.log(run_id)
    return await log.wait_settled()


async def _settled_elsewhere(store: "EventStore", run_id: str) -> State:
    state = State(run_id=run_id)
    async with aclosing(store.feed(run_id)) as feed:
        async for stored in feed:
            state = evolve(state, recorded(stored))
            if not decide(state) and state.seq >= await store.last_seq(run_id):
                return state
    raise DatabaseUnavailable("The feed of the log ended", "Check the database, then try again.")
