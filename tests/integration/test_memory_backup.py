"""Backups: what goes in comes out, bit for bit, or nothing is changed and the error says why."""

import asyncio
import json
import os
import random
import stat
import struct
from pathlib import Path
from typing import Any

import psycopg
import pytest

from memory.backup import TRUTH, back_up
from memory.backup_file import BackupReader, BackupWriter
from memory.database import Database
from memory.errors import BackupUnusable, DatabaseNotEmpty
from memory.marks import MarkStore
from memory.records import NewEvent
from memory.restore import check_backup, restore
from memory.schema import head_revision
from memory.store import EventStore
from tests.doomed_fixtures import Doomed, doomed

__all__ = ["doomed"]
ODD = "tab\t, newline\n, \\N, \\., quote ' \", NUL \x00, lone \ud800, ünï, 1e400"


async def fill(database: Database, runs: int = 2, size: int = 10) -> None:
    """Runs with everything in their events that is hard to write down."""
    store = EventStore(database)
    for run in range(runs):
        await store.create_run(f"run-{run}")
        for seq in range(3):
            body = {"text": ODD, "number": 0.1 + 0.2, "deep": [{"x": None}], "long": "é" * size}
            event = NewEvent(f"{run}.{seq}", "run_started", body)
            await store.append(f"run-{run}", [event], lease=None, after=seq)
    await MarkStore(database).set("run-0.1", pinned=True, by=ODD)


async def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Each row that a backup holds, as PostgreSQL writes it."""
    connection = await database.connect()
    try:
        return {
            table: [row async for row in await connection.execute(f"select t::text from {table} as t order by 1")]
            for table in TRUTH
        }
    finally:
        await connection.close()


@pytest.fixture
def empty_url(postgres_server: str, database_url: str) -> str:
    """A second database, as the first one is now: empty."""
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"create database {name}_2 template miracle_template strategy file_copy".encode())
    return psycopg.conninfo.make_conninfo(postgres_server, dbname=f"{name}_2")


@pytest.fixture
async def empty(empty_url: str, postgres_server: str) -> Any:
    opened = await Database.open_url(empty_url)
    yield opened
    await opened.close()
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"drop database {opened.parameters['dbname']} with (force)".encode())


async def test_what_goes_in_comes_out_bit_for_bit(database: Database, empty: Database, tmp_path: Path) -> None:
    await fill(database, size=400_000)
    made = await back_up(database, tmp_path / "b.miracle")
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert made.bytes == made.path.stat().st_size
    assert made.bytes < 1_000_000, "compressed"
    assert [path.name for path in tmp_path.iterdir()] == ["b.miracle"]
    restored = await restore(empty, made.path)
    assert restored.rows == made.rows
    assert made.rows["events"] == 6
    assert await everything(empty) == await everything(database)
    read = await EventStore(empty).read("run-1")
    assert [one.body["text"] for one in read] == [ODD] * 3
    again = await back_up(empty, tmp_path / "again.miracle")
    assert again.path.read_bytes().split(b"\n", 2)[2][:-32] == made.path.read_bytes().split(b"\n", 2)[2][:-32]


async def test_a_backup_is_of_one_moment_while_a_run_writes(
    database: Database, empty: Database, tmp_path: Path
) -> None:
    await fill(database, runs=1)
    store = EventStore(database)
    await store.create_run("busy")
    stop = asyncio.Event()

    async def write() -> int:
        seq = 0
        while not stop.is_set():
            await store.append("busy", [NewEvent(f"b{seq}", "x", {"n": seq})], lease=None, after=seq)
            seq += 1
        return seq

    writer = asyncio.create_task(write())
    await asyncio.sleep(0.05)
    made = await back_up(database, tmp_path / "b")
    stop.set()
    written = await writer
    await restore(empty, made.path)
    end = await EventStore(empty).last_seq("busy")
    assert 0 < end <= written
    assert [one.seq for one in await EventStore(empty).read("busy")] == list(range(1, end + 1))


async def test_a_database_that_holds_something_is_replaced_only_when_asked(
    database: Database, empty: Database, tmp_path: Path
) -> None:
    await fill(database)
    made = await back_up(database, tmp_path / "b")
    await EventStore(empty).create_run("mine")
    before = await everything(empty)
    with pytest.raises(DatabaseNotEmpty, match="not empty") as caught:
        await restore(empty, made.path)
    assert "--replace" in caught.value.hint
    assert await everything(empty) == before
    lease = await EventStore(empty).lease("mine", "me")
    with pytest.raises(DatabaseNotEmpty, match="at work"):
        await restore(empty, made.path, replace=True)
    await lease.release()
    await restore(empty, made.path, replace=True)
    assert await everything(empty) == await everything(database)


async def test_paid_vectors_go_with_it_when_asked(database: Database, empty: Database, tmp_path: Path) -> None:
    connection = await database.connect()
    await connection.execute("insert into embedding_cache values ('m', '\\x00ff'::bytea, '\\x01020304'::bytea)")
    await connection.close()
    without = await back_up(database, tmp_path / "a")
    made = await back_up(database, tmp_path / "b", with_vectors=True)
    assert "embedding_cache" not in without.rows
    assert (await restore(empty, made.path)).rows["embedding_cache"] == 1


async def test_every_damage_is_told_and_changes_nothing(database: Database, empty: Database, tmp_path: Path) -> None:
    await fill(database)
    whole = (await back_up(database, tmp_path / "b")).path.read_bytes()
    bad = tmp_path / "bad"
    cuts = [0, 5, 17, 100, len(whole) // 2, len(whole) - 33, len(whole) - 1]
    flips = range(17, len(whole), max(1, len(whole) // 40))
    damaged = [whole[:cut] for cut in cuts] + [
        whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :] for at in flips
    ]
    for content in [*damaged, whole + b"x", b"\x1f\x8b" + whole, b"MIRACLE-BACKUP 1\n[]\n"]:
        bad.write_bytes(content)
        with pytest.raises(BackupUnusable) as caught:
            check_backup(bad)
        assert str(bad) in caught.value.title
        assert caught.value.hint
    bad.write_bytes(damaged[-1])
    before = await everything(empty)
    with pytest.raises(BackupUnusable):
        await restore(empty, bad)
    assert await everything(empty) == before
    for missing in (tmp_path / "absent", tmp_path):
        with pytest.raises(BackupUnusable, match="cannot be read"):
            await restore(empty, missing)


def forged(path: Path, header: dict[str, Any], tables: dict[str, tuple[tuple[str, ...], bytes]]) -> Path:
    """A backup of any content, with a good checksum."""
    with path.open("wb") as file:
        writer = BackupWriter(file, header)
        for table, (columns, rows) in tables.items():
            writer.begin(table, columns)
            writer.rows(rows)
            writer.end()
        writer.finish()
    return path


async def test_an_older_backup_is_migrated_and_a_newer_one_refused(empty: Database, tmp_path: Path) -> None:
    stream = ("run_id", "last_seq"), b"old\t1\n"
    event = (
        ("run_id", "seq", "at", "event_id", "kind", "body"),
        b'old\t1\t2026-01-02 03:04:05.678901+00\te1\tx\t{"a": 1}\n',
    )
    tables = {"streams": stream, "events": event}
    rule = {"approval_rules": (("rule_id", "topic"), b"r1\tcommand\n")}
    for schema, more in (("0001", {}), ("0002", rule)):
        old = forged(tmp_path / schema, {"schema": schema}, tables | more)
        await restore(empty, old, replace=True)
        [stored] = await EventStore(empty).read("old")
        assert (stored.body, stored.at.microsecond) == ({"a": 1}, 678901)
    connection = await empty.connect()
    left = await (await connection.execute("select count(*) from pg_namespace where nspname ~ 'restore'")).fetchone()
    await connection.close()
    assert left == (0,)
    with pytest.raises(BackupUnusable, match="newer Miracle"):
        await restore(empty, forged(tmp_path / "new", {"schema": "9999"}, tables), replace=True)
    newer = tmp_path / "newer"
    newer.write_bytes(b"MIRACLE-BACKUP 2\n{}\n")
    with pytest.raises(BackupUnusable, match="newer Miracle"):
        await restore(empty, newer, replace=True)


STREAM, EVENT = ("run_id", "last_seq"), ("run_id", "seq", "at", "event_id", "kind", "body")
PRUNED = ("run_id", "lessons")
FAILED = {"failure_id": "a.1", "run_id": "a", "iteration": 1}
Tables = dict[str, tuple[tuple[str, ...], bytes]]
EMPTY: Tables = {"streams": (STREAM, b""), "events": (EVENT, b"")}


def one_event(body: str = "{}", at: str = "2026-01-02") -> Tables:
    return {"streams": (STREAM, b"a\t1\n"), "events": (EVENT, f"a\t1\t{at}\te\tx\t{body}\n".encode())}


def named(run_id: bytes) -> Tables:
    return {"streams": (("run_id",), run_id + b"\n")}


def lessons(value: object) -> Tables:
    return {"pruned_runs": (PRUNED, f"a\t{json.dumps(value)}\n".encode())}


FORGED: list[Tables] = [
    {"pg_authid": (("rolname",), b"x\n")},
    {"events": (("run_id\") from program 'touch /tmp/x' --",), b"x\n")},
    {"events": (("run_id",), b"x\n")},
    {"streams": (STREAM, b"x\tnot a number\n")},
    {"streams": (("run_id",), b"x\nx\n")},
    {"streams": (("run_id",), b"x\n\\.\ny\n")},
    *(named(name) for name in (b"../../x", b"x\x1b[2J", b"a#b", b"", b"x" * 101)),
    *(one_event(body) for body in ("[1]", '"x"', "null")),
    *(one_event(at=at) for at in ("infinity", "20000-01-01", "0044-01-01 BC")),
    {"streams": (STREAM, b"a\t2\n")},
    {"approval_rules": (("rule_id", "body"), b"r\t[]\n")},
    {"streams": (STREAM, b"a\t0\n"), "events": one_event()["events"]},
    {"events": one_event()["events"]},
    *map(lessons, ({}, 3, [3], [{"table": "failures"}], [{"table": "failures", "row": 3}])),
    lessons([{"table": "approval_rules", "row": {"rule_id": "r", "topic": "command"}}]),
    *(lessons([{"table": "failures", "row": FAILED | odd}]) for odd in ({"iteration": "x"}, {"at": "infinity"})),
    {"streams": (("run_id",), random.Random(0).randbytes(5000).hex().encode() + b"\n")},
    lessons([{"table": "failures", "row": FAILED | {"project": "p" * 3000}}]),
    *(lessons([{"table": "failures", "row": FAILED | odd}]) for odd in ({"run_id": "b"}, {"failure_id": "a 1"})),
]


async def test_a_forged_backup_changes_nothing(empty: Database, tmp_path: Path) -> None:
    await EventStore(empty).create_run("mine")
    before = await everything(empty)
    bad = tmp_path / "bad"
    for tables in FORGED:
        forged(bad, {"schema": head_revision()}, EMPTY | tables)
        with pytest.raises(BackupUnusable):
            pytest.fail(f"restored {(await restore(empty, bad, replace=True)).rows} of {tables}")
    with pytest.raises(BackupUnusable, match="no events"):
        await restore(empty, forged(bad, {"schema": head_revision()}, named(b"x")), replace=True)
    for schema in ("00005", "0000", ""):
        with pytest.raises(BackupUnusable):
            await restore(empty, forged(bad, {"schema": schema}, one_event()), replace=True)
    assert await everything(empty) == before
    await restore(empty, forged(bad, {"schema": head_revision()}, one_event()), replace=True)


def test_a_frame_that_unpacks_to_more_than_it_may_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import zlib

    packed = zlib.compress(bytes(50 * 2**20))
    bomb = tmp_path / "bomb"
    header = json.dumps({"schema": head_revision()}).encode()
    bomb.write_bytes(b"MIRACLE-BACKUP 1\n" + header + b"\n" + struct.pack(">cI", b"T", len(packed)) + packed)
    with bomb.open("rb") as file, pytest.raises(BackupUnusable, match="longer"):
        list(BackupReader(bomb, file).parts())
    monkeypatch.setattr("memory.backup_file.LONGEST_ROW", 2 * 2**20)
    endless = forged(tmp_path / "endless", {"schema": head_revision()}, {"streams": (STREAM, bytes(3 * 2**20))})
    with pytest.raises(BackupUnusable, match="a row of it is longer"):
        check_backup(endless)


async def test_where_it_cannot_be_written_there_is_no_file(database: Database, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    with pytest.raises(BackupUnusable, match="there already"):
        await back_up(database, there)
    assert there.read_text() == "mine"
    with pytest.raises(BackupUnusable, match="cannot be written"):
        await back_up(database, tmp_path / "absent" / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


async def test_what_is_killed_is_no_backup_and_half_a_restore_is_none(
    database: Database, empty: Database, empty_url: str, database_url: str, doomed: Doomed, tmp_path: Path
) -> None:
    await fill(database)
    target = tmp_path / "b"
    await doomed.kill_in("backup", database_url, str(target))
    [half] = tmp_path.iterdir()
    with pytest.raises(BackupUnusable, match=r"cut short|no backup"):
        check_backup(half)
    os.utime(half, (0, 0))
    made = await back_up(database, target)
    assert [path.name for path in tmp_path.iterdir()] == ["b"], "what the killed one left is swept"
    old = forged(tmp_path / "old", {"schema": "0001"}, EMPTY | {"streams": (STREAM, b"old\t0\n")})
    await EventStore(empty).create_run("mine")
    before = await everything(empty)
    for file in (old, made.path):
        await doomed.kill_in("restore", empty_url, str(file))
        assert await everything(empty) == before
    await restore(empty, old, replace=True)
    assert [row[0].split(",")[0] for row in (await everything(empty))["streams"]] == ["(old"]
    await restore(empty, made.path, replace=True)
    assert await everything(empty) == await everything(database)
    connection = await empty.connect()
    count = "select (select count(*) from rebuilds), (select count(*) from pg_namespace where nspname ~ 'restore')"
    assert await (await connection.execute(count)).fetchone() == (1, 0), "a rebuild is due, and nothing else is left"
    await connection.close()
