"""How many runs are at work at a time: a run takes a place while one of its steps does, and none while it waits."""

import asyncio
from types import TracebackType


class Place:
    """One run's place; its steps enter it side by side, and the last one out gives it back."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._turn = asyncio.Lock()
        self._inside = 0

    async def __aenter__(self) -> None:
        async with self._turn:
            if self._inside == 0:
                await self._places.acquire()
            self._inside += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside -= 1
        if self._inside == 0:
            self._places.release()
