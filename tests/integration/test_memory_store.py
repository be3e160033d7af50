"""The event log over a real PostgreSQL."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.errors import LeaseLost, RunUnknown
from memory.one_statement import MOST_EVENTS, MOST_ROWS, append_statement
from memory.projections import Projections
from memory.records import NewEvent, Row, StoredEvent
from memory.store import EventStore
from memory.tables import PROJECTIONS
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


async def rows_of(database: Database, run_id: str) -> dict[str, list[dict[str, object]]]:  # noqa: F811
    owner = {"tasks": "goal", "patterns": "project"}

    async def work(connection: AsyncConnection) -> dict[str, list[dict[str, object]]]:
        found = {}
        for name, table in PROJECTIONS.items():
            mine = select(table).where(table.columns[owner.get(name, "run_id")] == run_id)
            rows = (await connection.execute(mine)).mappings()
            found[name] = [{k: v for k, v in row.items() if k != "at" and not k.endswith("_at")} for row in rows]
        return found

    return await database.run(work)


def every_row(run_id: str) -> list[Row]:
    at = datetime.now(UTC)
    return [
        Row("tasks", {"task_id": f"task of {run_id}"}, {"goal": run_id, "iterations": 2**40, "finished_at": None}),
        Row(
            "runs", {"run_id": run_id}, {"title": "a\x00b \ud83d \x1a", "scripted": True, "cost_usd": 0.1, "tokens": 1}
        ),
        Row("iterations", {"run_id": run_id, "number": 1}, {"commit": "c1", "passed": 3, "started_at": at.isoformat()}),
        Row("iterations", {"run_id": run_id, "number": 1}, {"run_id": run_id, "passed": 4, "duration_seconds": 1}),
        Row("failures", {"failure_id": f"{run_id}.1"}, {"run_id": run_id, "fingerprint": b"\x00\xff", "helped": None}),
        Row("patterns", {"pattern_id": f"pattern of {run_id}"}, {"project": run_id, "language": "python"}),
        Row("metrics", {"run_id": run_id, "metric_type": "tokens", "at": at}, {"value": 2.5, "metadata": AWKWARD}),
        Row("approvals", {"approval_id": f"{run_id}.1"}, {"run_id": run_id, "detail": {"questions": []}, "by": "me"}),
        Row("recalls", {"run_id": run_id, "iteration": 1, "memory_id": "m", "role": "reflector"}),
    ]


def without(name: str, rows: dict[str, list[dict[str, object]]]) -> str:
    return repr(rows).replace(name, "")


async def test_an_append_in_one_statement_writes_what_a_careful_one_writes(
    store: EventStore,
    database: Database,  # noqa: F811
) -> None:
    await store.create_run("r2")
    await store.append("r2", [event("first")], lease=None, after=0)
    assert append_statement("r1", [event("x")], every_row("r1"), None, 0) is not None
    for repeated in range(2):
        at_once = await store.append("r1", [event(f"a{repeated}")], every_row("r1"), lease=None, after=repeated)
        careful = await store.append("r2", [event(f"b{repeated}")], every_row("r2"), lease=None, after=0)
        assert [one.seq for one in at_once] == [repeated + 1]
        assert [one.seq for one in careful] == list(range(1, repeated + 3))
        written = await rows_of(database, "r1")
        assert {name: len(rows) for name, rows in written.items() if len(rows) != 1} == (
            {"metrics": 2} if repeated else {}
        )
        assert without("r1", written) == without("r2", await rows_of(database, "r2"))


async def test_an_append_to_which_nothing_came_in_between_takes_the_short_way(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = await store.lease("r1", "me")

    async def careful(*_: object, **__: object) -> list[StoredEvent]:
        raise AssertionError("the append took the careful way")

    monkeypatch.setattr(EventStore, "_append_carefully", careful)
    row = Row("tasks", {"task_id": "t"}, {"goal": "g"})
    stored = await store.append("r1", [event("a"), event("b")], [row], lease=lease, after=0)
    assert [one.seq for one in stored] == [1, 2]
    await lease.release()


async def test_an_append_of_any_size_is_whole(store: EventStore) -> None:
    many = [event(f"e{n}") for n in range(MOST_EVENTS + 1)]
    key = {"run_id": "r1", "memory_id": "m", "role": "reflector"}
    rows = [Row("recalls", key | {"iteration": n}) for n in range(MOST_ROWS + 1)]
    assert await store.append("r1", many, rows, lease=None, after=0) == await store.read("r1")
    most = [event(f"f{n}") for n in range(MOST_EVENTS)]
    assert await store.append("r1", most, rows[1:], lease=None, after=len(many)) == await store.read("r1", len(many))
    twice = await store.append("r1", [event("g"), event("g")], lease=None, after=len(many) + len(most))
    assert [one.seq for one in twice] == [len(many) + len(most) + 1]
    assert await store.append("r1", [], rows, lease=None, after=await store.last_seq("r1")) == []


async def test_an_append_that_is_cut_off_leaves_no_connection_in_disorder(
    store: EventStore,
) -> None:
    def appended(number: int) -> "asyncio.Task[list[StoredEvent]]":
        return asyncio.create_task(store.append("r1", [event(f"e{number}")], lease=None, after=0))

    for number in range(60):
        cut = appended(number)
        await asyncio.sleep(number / 50_000)
        cut.cancel()
        await asyncio.gather(cut, return_exceptions=True)
    last = await store.append("r1", [event("last")], lease=None, after=0)
    assert [one.seq for one in last] == list(range(1, len(last) + 1))
    with pytest.raises(ValueError, match="column"):
        await store.append(
            "r1", [event("no")], [Row("runs", {"run_id": "r1"}, {"nope": 1})], lease=None, after=len(last)
        )
    assert await store.last_seq("r1") == len(last)


async def test_one_executor_at_a_time(store: EventStore) -> None:
    lease = await store.lease("r1", "the first")
    with pytest.raises(LeaseLost, match="the first"):
        await store.lease("r1", "the second")
    epoch = lease.epoch
    for _ in range(8):
        # At once: the server may not have heard yet that the connection is closed.
        await lease.release()
        second = await store.lease("r1", "the second")
        assert second.epoch == epoch + 1
        await second.release()
        lease = await store.lease("r1", "the first")
        epoch = lease.epoch
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
        every_run = await all_runs  # each run's in order; which run comes first is not told
        assert [one for one in every_run if one[0] == "r1"] == [("r1", 2), ("r1", 3)]
        assert ("r2", 1) in every_run
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
