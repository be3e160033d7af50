"""A lease gives signs of life; one without them is taken over, and its holder cannot write any more."""

import asyncio
import time

import psycopg
import pytest

from memory import lease as leases
from memory.database import Database
from memory.errors import LeaseLost
from memory.lease import Lease
from memory.records import NewEvent
from memory.store import EventStore


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_S", 0.1)
    monkeypatch.setattr(leases, "DOUBT_S", 0.5)
    monkeypatch.setattr(leases, "STALE_S", 0.7)


@pytest.fixture
async def store(database: Database) -> EventStore:
    store = EventStore(database)
    await store.create_run("r1")
    return store


async def frozen(store: EventStore) -> Lease:
    """A lease whose holder gives no sign of life."""
    lease = await store.lease("r1", "frozen")
    assert lease._beat is not None
    lease._beat.cancel()
    await asyncio.gather(lease._beat, return_exceptions=True)
    return lease


async def test_a_holder_that_gives_signs_of_life_keeps_the_run(store: EventStore) -> None:
    lease = await store.lease("r1", "alive")
    await asyncio.sleep(1.0)
    assert not lease.doubtful
    with pytest.raises(LeaseLost, match="alive"):
        await store.lease("r1", "other")
    await store.append("r1", [NewEvent("a", "noted", {})], lease=lease, after=0)
    await lease.release()


async def test_a_silent_holder_doubts_first_then_loses_the_run_and_cannot_write(store: EventStore) -> None:
    old = await frozen(store)
    with pytest.raises(LeaseLost):
        await store.lease("r1", "too soon")
    deadline = time.monotonic() + 5
    while not old.doubtful:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    new = await store.lease("r1", "fresh")
    with pytest.raises(LeaseLost, match="fresh"):
        await store.append("r1", [NewEvent("a", "noted", {})], lease=old, after=0)
    assert old.lost
    await store.append("r1", [NewEvent("b", "noted", {})], lease=new, after=0)
    assert [one.event_id for one in await store.read("r1")] == ["b"]
    await old.release()
    await new.release()


async def test_a_thawed_holder_learns_at_its_next_sign_of_life_that_the_run_is_gone(store: EventStore) -> None:
    old = await frozen(store)
    await asyncio.sleep(0.8)
    new = await store.lease("r1", "fresh")
    with pytest.raises(LeaseLost, match="fresh"):
        await old.renew()
    assert (old.lost, old.doubtful, new.doubtful) == (True, True, False)
    await old.release()
    await new.release()


async def test_a_lock_that_was_lost_with_its_connection_is_taken_again_by_itself(
    store: EventStore, database_url: str
) -> None:
    lease = await store.lease("r1", "runner")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_locks where locktype = 'advisory' and classid = %s",
            (leases.LOCK_CLASS,),
        )
    deadline = time.monotonic() + 10
    while not await store.is_leased("r1"):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    await store.append("r1", [NewEvent("a", "noted", {})], lease=lease, after=0)
    await lease.release()
