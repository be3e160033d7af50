"""One run's log as its executor sees it: appended under the lease, folded at once, kept up with what others append."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from typing import Never, Protocol
from uuid import uuid4

from engine.decide import decide
from engine.events import Event, Recorded, from_body, to_body
from engine.evolve import evolve
from engine.gates.secrets import without_secrets
from engine.projection import project, project_log
from engine.state import State
from memory.errors import DatabaseUnavailable
from memory.lease import Lease
from memory.records import NewEvent, Row, StoredEvent


class Store(Protocol):
    """What the log needs of an event store; `memory.store.EventStore` is one."""

    async def append(
        self,
        run_id: str,
        events: Sequence[NewEvent],
        rows: Sequence[Row] = (),
        *,
        lease: Lease | None,
        after: int,
        rows_of: Callable[[Sequence[StoredEvent]], Sequence[Row]] | None = None,
    ) -> list[StoredEvent]: ...
    async def last_seq(self, run_id: str) -> int: ...
    async def read(self, run_id: str, after: int = 0, limit: int | None = None) -> list[StoredEvent]: ...
    def feed(self, run_id: str, after: int = 0) -> AsyncGenerator[StoredEvent, None]: ...
    def ends(self, run_id: str) -> AsyncGenerator[int | None, None]: ...


def recorded(stored: StoredEvent) -> Recorded:
    """A stored row as the event it holds."""
    return Recorded(run_id=stored.run_id, seq=stored.seq, at=stored.at, event=from_body(stored.kind, stored.body))


def _now_after(state: State) -> datetime:
    """The time, later than that of every event before: equal times tell that events were appended together."""
    now = datetime.now(UTC)
    return now if state.updated_at is None else max(now, state.updated_at + timedelta(microseconds=1))


class RunLog:
    """The log of one run with its folded state."""

    def __init__(self, store: Store, run_id: str, lease: Lease | None = None, *, secrets: tuple[str, ...] = ()) -> None:
        self.run_id = run_id
        self.state = State(run_id=run_id)
        self._store = store
        self._lease = lease
        self._secrets = secrets
        self._turn = asyncio.Lock()
        self._moved = asyncio.Condition()

    @property
    def doubtful(self) -> bool:
        """Whether another executor may have the run by now."""
        return self._lease is not None and self._lease.doubtful

    async def load(self) -> State:
        """Fold everything that is stored."""
        await self._fold(await self._store.read(self.run_id, after=self.state.seq))
        return self.state

    async def wait_settled(self) -> State:
        """The state once there is nothing to be done: the run is over, paused, or waits for a person."""
        while True:
            seen = self.state
            # A wish that a person just appended may not have come through yet.
            if not decide(seen) and seen.seq >= await self._store.last_seq(self.run_id):
                return seen
            await self.wait_past(seen.seq)

    async def append(self, *events: Event) -> State:
        """Append events and their projections in one transaction, and fold them with what others appended meanwhile.

        Raises:
            LeaseLost: another executor has the run; nothing was written.
            MemoryStoreError: the store cannot be written.
        """
        async with self._turn:
            return await self._append(events)

    async def append_at(self, seq: int, *events: Event) -> bool:
        """Append what was decided on the state of this number; nothing, and False, when the log has moved since.

        Raises:
            LeaseLost, MemoryStoreError: as `append`.
        """
        async with self._turn:
            if self.state.seq != seq:
                return False
            await self._append(events)
            return True

    async def _append(self, events: tuple[Event, ...]) -> State:
        before = self.state
        events = tuple(without_secrets(event, self._secrets) for event in events)
        at = _now_after(before)
        fresh = [NewEvent(event_id=str(uuid4()), kind=event.kind, body=to_body(event), at=at) for event in events]
        stored = await self._store.append(
            self.run_id,
            fresh,
            project(before, events, at),
            lease=self._lease,
            after=before.seq,
            # Where others appended in between, the rows above were made from a state that was already old.
            rows_of=lambda everything: project_log(before, [recorded(one) for one in everything]),
        )
        await self._fold(stored)
        return self.state

    async def follow(self) -> Never:
        """Fold what others append, for ever; run it as a task beside the work.

        Raises:
            MemoryStoreError: the store cannot be read.
        """
        async with aclosing(self._store.ends(self.run_id)) as ends:
            async for end in ends:
                # An append of our own that is under way folds what it wrote: nothing is read that is known in a moment.
                async with self._turn:
                    if end is None or end > self.state.seq:
                        with suppress(DatabaseUnavailable):  # the next notice comes, or the silence ends
                            await self.load()
        raise DatabaseUnavailable("The feed of the log ended", "Resume the run.")

    async def wait_past(self, seq: int) -> State:
        """The state once an event after `seq` is folded."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.state.seq > seq)
            return self.state

    async def _fold(self, stored: Sequence[StoredEvent]) -> None:
        async with self._moved:
            for one in stored:
                self.state = evolve(self.state, recorded(one))
            self._moved.notify_all()
