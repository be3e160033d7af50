"""A log that begins as another's: all of the prefix and what follows it, or nothing."""

import asyncio
from uuid import uuid4

import pytest

from memory.database import Database
from memory.errors import RunUnknown
from memory.forked_log import copy_log
from memory.projections import Projections
from memory.records import NewEvent, Row
from memory.store import EventStore


def _new(kind: str = "forked", **body: object) -> NewEvent:
    return NewEvent(event_id=str(uuid4()), kind=kind, body=body)


async def _log(store: EventStore, run_id: str, count: int) -> None:
    await store.create_run(run_id)
    await store.append(run_id, [_new("said", n=n, text="a\x00b") for n in range(count)], lease=None, after=0)


async def test_a_prefix_is_copied_with_its_times_under_new_ids_and_goes_its_own_way(database: Database) -> None:
    store = EventStore(database)
    await _log(store, "source", 30)
    row = Row("runs", {"run_id": "fork"}, {"title": "the fork"})
    await copy_log(database, "source", "fork", 20, [_new(at=20)], [row])
    source, fork = await store.read("source"), await store.read("fork")
    assert [(one.seq, one.at, one.kind, one.body) for one in fork[:20]] == [
        (one.seq, one.at, one.kind, one.body) for one in source[:20]
    ]
    assert not {one.event_id for one in fork} & {one.event_id for one in source}
    assert (fork[20].seq, fork[20].kind, fork[20].body) == (21, "forked", {"at": 20})
    assert await store.last_seq("fork") == 21
    listed = await Projections(database).run("fork")
    assert listed is not None
    assert listed["title"] == "the fork"
    lease = await store.lease("fork", "here")
    try:
        await store.append("fork", [_new("said")], lease=lease, after=21)
    finally:
        await lease.release()
    assert await store.last_seq("source") == 30


async def test_a_copy_whose_answer_got_lost_may_be_repeated_and_a_taken_name_is_refused(database: Database) -> None:
    store = EventStore(database)
    await _log(store, "source", 5)
    forked = _new()
    await copy_log(database, "source", "fork", 5, [forked])
    await copy_log(database, "source", "fork", 5, [forked])
    assert await store.last_seq("fork") == 6
    with pytest.raises(ValueError, match="exists already"):
        await copy_log(database, "source", "fork", 5, [_new()])
    with pytest.raises(ValueError, match="exists already"):
        await copy_log(database, "source", "source", 5, [_new()])
    assert len(await store.read("fork")) == 6


async def test_a_prefix_that_is_not_there_leaves_nothing_behind(database: Database) -> None:
    store = EventStore(database)
    await _log(store, "source", 5)
    for source, upto in (("source", 6), ("nowhere", 1)):
        with pytest.raises(RunUnknown):
            await copy_log(database, source, "fork", upto, [_new()])
        with pytest.raises(RunUnknown):
            await store.last_seq("fork")


async def test_who_follows_all_runs_hears_of_the_copy(database: Database) -> None:
    store = EventStore(database)
    await _log(store, "source", 5)
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def listen() -> None:
        async for run_id in store.changes():
            heard.put_nowait(run_id)

    listening = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(20):
            while heard.empty():
                # The listener says nothing once it listens: other runs are made until it hears of one.
                await copy_log(database, "source", f"fork-{uuid4().hex}", 5, [_new()])
                await asyncio.sleep(0.02)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert heard.get_nowait().startswith("fork-")
