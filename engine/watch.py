"""The feed of one run: stored events from the database, live items from this process, in one stream."""

import asyncio
from collections.abc import AsyncIterator

from engine.bus import Bus, Live
from engine.events import Recorded
from engine.run_log import Store, recorded


async def watch(store: Store, bus: Bus, run_id: str, after: int) -> AsyncIterator[Recorded | Live]:
    """Events after a place in order, without gap or repetition; live items as they are published.

    Raises:
        MemoryStoreError: the database stayed away.
    """
    with bus.subscribe(run_id) as live:
        log = store.feed(run_id, after=after)
        waiting: dict[str, asyncio.Task[object]] = {}
        try:
            while True:
                if "log" not in waiting:
                    waiting["log"] = asyncio.ensure_future(anext(log))
                if "live" not in waiting:
                    waiting["live"] = asyncio.ensure_future(live.get())
                await asyncio.wait(waiting.values(), return_when=asyncio.FIRST_COMPLETED)
                for name in [name for name, task in waiting.items() if task.done()]:
                    item = waiting.pop(name).result()
                    yield recorded(item) if name == "log" else item  # type: ignore[arg-type,misc]
                while not live.empty():
                    yield live.get_nowait()
        finally:
            for task in waiting.values():
                task.cancel()
            await asyncio.gather(*waiting.values(), return_exceptions=True)
            await log.aclose()
