"""The event log over a real PostgreSQL."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

import psycopg
import pytest

from memory.database import Database
from memory.errors import LeaseLost, RunUnknown
from memory.projections import Projections
from memory.records import NewEvent, Row, StoredEvent
from memory.store import EventStore
from tests.database_fixtures import database, database_url, postgres_server  # noqa: F401

AWKWARD = {"text": "nul \x00, surrogate \ud83d, mark \x1a0041, pair 😀", "n": [1, 2.5, None, True], "\x00key": {}}


def event(name: str, **body: object) -> NewEvent:
    return NewEvent(name, "noted", dict(body))


@pytest.fixture
async def store(database: Database) -> EventStore:  # noqa: F811
    store = EventStore(database)
    await store.create_run("r1")
    return store


async def take(feed: AsyncGenerator[StoredEvent, None], count: int) -> list[tuple[str, int]]:
    taken = []
    async with asyncio.timeout(20):
        async for stored in feed:
            taken.append((stored.run_id, stored.seq))
            if len(taken) == count:
                break
    return taken


async def next_of(ids: AsyncGenerator[str, None]) -> str:
    return await anext(ids)


async def test_appended_events_come_back_in_order_with_whatever_they_hold(store: EventStore) -> None:
    stored = await store.append("r1", [event("a", **AWKWARD), event("b")], lease=None, after=0)
    assert [(one.seq, one.event_id, one.kind) for one in stored] == [(1, "a", "noted"), (2, "b", "noted")]
    assert stored[0].body == AWKWARD
    assert await store.read("r1") == stored
    assert await store.read("r1", after=1) == stored[1:]
    assert await store.read("r1", limit=1) == stored[:1]
    assert await store.last_seq("r1") == 2


async def test_a_repeated_append_adds_nothing(store: EventStore) -> None:
    await store.append("r1", [event("a")], lease=None, after=0)
    again = await store.append("r1", [event("a"), event("b")], lease=None, after=0)
    assert [(one.seq, one.event_id) for one in again] == [(1, "a"), (2, "b")]
    assert await store.append("r1", [event("b"), event("a")], lease=None, after=2) == []
    mixed = await store.append("r1", [event("c"), event("b")], lease=None, after=2)
    assert [(one.seq, one.event_id) for one in mixed] == [(3, "c")]
    assert await store.last_seq("r1") == 3


async def test_an_append_returns_what_others_appended(store: EventStore) -> None:
    lease = await store.lease("r1", "runner")
    await store.append("r1", [event("mine")], lease=lease, after=0)
    await store.append("r1", [event("pause please")], lease=None, after=0)
    seen = await store.append("r1", [event("mine too")], lease=lease, after=1)
    assert [one.event_id for one in seen] == ["pause please", "mine too"]
    await lease.release()


async def test_concurrent_appends_leave_no_gap(store: EventStore) -> None:
    await asyncio.gather(*(store.append("r1", [event(f"e{n}")], lease=None, after=0) for n in range(40)))
    assert [one.seq for one in await store.read("r1")] == list(range(1, 41))


async def test_an_unknown_run_and_a_known_one_are_refused(store: EventStore) -> None:
    with pytest.raises(RunUnknown):
        await store.append("none", [event("a")], lease=None, after=0)
    with pytest.raises(RunUnknown):
        await store.lease("none", "runner")
    with pytest.raises(RunUnknown):
        await store.last_seq("none")
    await store.create_run("r1")
    await store.append("r1", [event("a")], lease=None, after=0)
    with pytest.raises(ValueError, match="exists already"):
        await store.create_run("r1")


async def test_an_event_of_another_run_is_refused(store: EventStore) -> None:
    await store.create_run("r2")
    await store.append("r1", [event("a")], lease=None, after=0)
    assert await store.read("r2") == []
    with pytest.raises(ValueError, match="another run"):
        await store.append("r2", [event("a")], lease=None, after=0)


async def test_rows_and_events_are_one_transaction(store: EventStore, database: Database) -> None:  # noqa: F811
    await store.append(
        "r1", [event("a")], [Row("runs", {"run_id": "r1"}, {"title": "a\x00b", "stage": "CODING"})], lease=None, after=0
    )
    with pytest.raises(ValueError, match="no column"):
        await store.append("r1", [event("b")], [Row("runs", {"run_id": "r1"}, {"nope": 1})], lease=None, after=0)
    assert await store.last_seq("r1") == 1
    await store.append("r1", [event("c")], [Row("runs", {"run_id": "r1"}, {"stage": "TESTING"})], lease=None, after=0)
    run = await Projections(database).run("r1")
    assert run is not None
    assert (run["title"], run["stage"]) == ("a␀b", "TESTING")


async def test_one_executor_at_a_time(store: EventStore) -> None:
    lease = await store.lease("r1", "the first")
    with pytest.raises(LeaseLost, match="the first"):
        await store.lease("r1", "the second")
    await lease.release()
    second = await store.lease("r1", "the second")
    assert second.epoch == lease.epoch + 1
    with pytest.raises(LeaseLost, match="the second"):
        await store.append("r1", [event("late")], lease=lease, after=0)
    assert lease.lost
    assert await store.read("r1") == []
    await second.release()


async def test_whether_a_run_is_held_is_seen_without_disturbing_it(store: EventStore) -> None:
    for run_id in ("r1", *(f"run-{n}" for n in range(8))):  # some of the names hash to negative numbers
        await store.create_run(run_id)
        assert not await store.is_leased(run_id)
        lease = await store.lease(run_id, "the first")
        assert await store.is_leased(run_id)
        await store.append(run_id, [event(f"{run_id} a")], lease=lease, after=0)
        await lease.release()
        async with asyncio.timeout(10):  # the server sees a moment later that the connection has gone
            while await store.is_leased(run_id):  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.01)


async def test_a_feed_gives_the_past_and_then_the_present(store: EventStore) -> None:
    await store.append("r1", [event("a"), event("b")], lease=None, after=0)
    async with aclosing(store.feed("r1", after=1)) as feed:
        assert await take(feed, 1) == [("r1", 2)]


async def test_feeds_follow_appends(store: EventStore) -> None:
    await store.create_run("r2")
    await store.append("r1", [event("old")], lease=None, after=0)
    async with aclosing(store.feed("r1")) as one, aclosing(store.feed(None)) as every, aclosing(store.changes()) as ids:
        first = asyncio.create_task(take(one, 3))
        all_runs = asyncio.create_task(take(every, 3))
        changed = asyncio.create_task(next_of(ids))
        await asyncio.sleep(0.3)
        await store.append("r1", [event("a")], lease=None, after=0)
        await store.append("r2", [event("b")], lease=None, after=0)
        await store.append("r1", [event("c")], lease=None, after=0)
        assert await first == [("r1", 1), ("r1", 2), ("r1", 3)]
        assert await all_runs == [("r1", 2), ("r2", 1), ("r1", 3)]
        assert await changed == "r1"


async def test_a_lost_connection_costs_nothing(store: EventStore, database_url: str) -> None:  # noqa: F811
    lease = await store.lease("r1", "runner")
    async with aclosing(store.feed("r1")) as feed:
        following = asyncio.create_task(take(feed, 20))
        for number in range(20):
            if number % 5 == 2:
                cut_connections(database_url)
            await store.append("r1", [event(f"e{number}")], lease=lease, after=number)
        assert await following == [("r1", seq) for seq in range(1, 21)]
    with pytest.raises(LeaseLost, match="runner"):
        await store.lease("r1", "another")
    await lease.release()


def cut_connections(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection, contextlib.suppress(psycopg.Error):
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
