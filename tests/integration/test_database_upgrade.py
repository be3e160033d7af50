"""A new major version of PostgreSQL: real data of an older one is brought over, whatever interrupts it."""

# ruff: noqa: ASYNC221 - a test's loop has nothing else to do

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from config.config import Config
from config.paths import find_paths
from memory import upgrade as upgrading
from memory.cluster import cluster_major, server_account
from memory.comparing import differences
from memory.database import Database
from memory.embedded import EmbeddedServer
from memory.errors import DatabaseUnsuitable, DiskFull
from memory.footprint import measure_home
from memory.old_clusters import kept_clusters, wish
from memory.old_programs import find_older
from memory.postmaster import Home, is_held, running_pid
from memory.records import NewEvent
from memory.store import EventStore
from miracle_tui.cli.database_server import server_lines
from tests.cli_fixtures import aside
from tests.database_fixtures import database_url, postgres_server  # noqa: F401
from tests.older_cluster import OLDER, make_older_cluster, older_programs

USER = """
import asyncio, pathlib, sys
from memory.embedded import EmbeddedServer
async def main():
    tell = lambda said: print(said, flush=True)
    await EmbeddedServer(pathlib.Path(sys.argv[1]), durable=False, tell=tell).start()
    print('serving', flush=True)
    sys.stdin.readline()
asyncio.run(main())
"""
EVENTS = 40


@pytest.fixture(scope="module")
def older_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that a Miracle with an older PostgreSQL has worked in; copy it."""
    base = tmp_path_factory.mktemp("older")
    config = Config(find_paths({"MIRACLE_HOME": str(base)}))
    make_older_cluster(Home(config.paths.database))

    async def fill() -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("memory.embedded.find_installation", older_programs)
            database = await Database.open(config, durable=False)
            store = EventStore(database)
            await store.create_run("first")
            bodies = [{"text": f"naïve 数据 {number}", "value": number / 7} for number in range(EVENTS)]
            new = [NewEvent(str(number), "note", body) for number, body in enumerate(bodies)]
            await store.append("first", new, lease=None, after=0)
            conninfo = make_conninfo("", **database.parameters)
            with psycopg.connect(conninfo) as connection:
                connection.execute('create table fruit (id bigserial primary key, v halfvec(3), "Odd name" bytea)')
                connection.execute(
                    "insert into fruit (v, \"Odd name\") select array[n, 1, 2]::halfvec, '\\x00ff' "
                    "from generate_series(1, 200) as n"
                )
                connection.execute("create index on fruit using hnsw (v halfvec_cosine_ops)")
            await database.close()

    asyncio.run(fill())
    wait_until(lambda: gone(Home(config.paths.database)))
    return config.paths.database


@pytest.fixture
def home(older_home: Path, tmp_path: Path) -> Home:
    """A copy of it, with its owner."""
    target = tmp_path / "home é" / "data" / "postgres"
    target.parent.mkdir(parents=True)
    subprocess.run(["cp", "-a", older_home, target], check=True)
    return Home(target.resolve())


def wait_until(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def gone(home: Home) -> bool:
    return running_pid(home) is None and not is_held(home.keeper_lock)


def check_content(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        assert connection.info.server_version // 10000 == 18
        one = connection.execute(
            "select count(*), max(body ->> 'text'), sum((body ->> 'value')::float8) from events where run_id = 'first'"
        ).fetchone()
        assert one is not None
        assert (one[0], one[1]) == (EVENTS, f"naïve 数据 {9}")
        assert one[2] == pytest.approx(sum(number / 7 for number in range(EVENTS)))
        nearest = connection.execute("select id from fruit order by v <=> '[7,1,2]' limit 1").fetchone()
        assert nearest == (7,)
        following = connection.execute("select nextval('fruit_id_seq')").fetchone()
        assert following is not None
        assert following[0] > 200


async def test_data_of_an_older_version_is_brought_over_once_for_all_who_wait(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[list[str]] = [[], []]
    servers = [EmbeddedServer(home.path, durable=False, tell=one.append) for one in told]
    places = await asyncio.gather(*(server.start() for server in servers))
    assert places[0] == places[1]
    check_content(places[0])
    assert cluster_major(home) == 18
    [kept] = kept_clusters(home)
    assert (kept.major, (kept.path / "PG_VERSION").read_text()) == (OLDER, "16\n")
    assert kept.bytes > 10**7
    by_itself = max(told, key=len)
    for words in ("upgrade to PostgreSQL 18", "copied", "comparing events", "writing it to the disk"):
        assert any(words in said for said in by_itself), words
    assert not home.upgrade.exists()
    owners = {path.stat().st_uid for path in home.cluster.iterdir()}
    assert owners == {server_account().uid or os.geteuid()}
    for server in servers:
        await server.stop()
    wait_until(lambda: gone(home))
    monkeypatch.setenv("MIRACLE_HOME", str(home.path.parent.parent))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    await _keeps_what_was_before_as_wished(home)


async def _keeps_what_was_before_as_wished(home: Home) -> None:
    said = await aside("db", "upgrade", "--keep")
    assert "stays until you drop it" in said.out
    for wished in (True, False):
        server = EmbeddedServer(home.path, durable=False)
        check_content(await server.start())
        assert bool(kept_clusters(home)) is wished
        told = "\n".join(server_lines(measure_home(home)))
        assert ("--drop-old" in told) is wished
        assert "used by 1 process: " in told
        assert f"(pid {os.getpid()})" in told
        wish(home, keep=False)
        await server.stop()
        wait_until(lambda: gone(home))
    (home.path / "cluster.old-16").mkdir()
    assert (await aside("db", "upgrade", "--drop-old")).out.startswith("✓")
    assert kept_clusters(home) == []
    assert (await aside("db", "upgrade", "--keep")).code == 2


def killed_at(home: Home, words: str) -> None:
    """Begin an upgrade in a process of its own and kill it as soon as it says these words."""
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(home.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert user.stdout is not None
    for line in user.stdout:
        if words in line:
            break
        assert "serving" not in line, f"it never said {words!r}"
    user.send_signal(signal.SIGKILL)
    user.communicate()


async def test_an_upgrade_is_killed_again_and_again_and_then_succeeds(home: Home) -> None:
    for words in ("upgrade to", "copied", "comparing events", "writing it to the disk"):
        killed_at(home, words)
        assert (cluster_major(home), kept_clusters(home)) == (OLDER, [])
    async with EmbeddedServer(home.path, durable=False) as server:
        check_content(await server.start())
        assert not home.upgrade.exists()
    wait_until(lambda: gone(home))
    # Killed between the two renames: the new data waits for its name.
    home.cluster.rename(home.ready)
    async with EmbeddedServer(home.path, durable=False) as server:
        check_content(await server.start())
    wait_until(lambda: gone(home))
    assert not home.ready.exists()
    # What is lost is not replaced by an empty database while older data is there.
    await _is_not_made_anew(home)


async def _is_not_made_anew(home: Home) -> None:
    (home.path / "cluster.old-16").mkdir(exist_ok=True)
    home.cluster.rename(home.path / "away")
    with pytest.raises(DatabaseUnsuitable, match="is gone") as caught:
        await EmbeddedServer(home.path, durable=False).start()
    assert "mv " in caught.value.hint
    # Old data that was written to since, beside a copy of before: the copy goes.
    (home.path / "away").rename(home.cluster)
    home.ready.mkdir()
    async with EmbeddedServer(home.path, durable=False) as server:
        check_content(await server.start())
    assert not home.ready.exists()


async def test_an_upgrade_without_room_leaves_all_as_it_was(
    older_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m,mode=700", "none", small], check=True)
    try:
        subprocess.run(["cp", "-a", f"{older_home}/.", small], check=True)
        home = Home(small.resolve())
        before = sorted(path.name for path in home.path.iterdir())
        with pytest.raises(DiskFull, match=r"takes .* MB, and .* free") as caught:
            await EmbeddedServer(small, durable=False).start()
        assert "Free " in caught.value.hint
        monkeypatch.setattr(upgrading, "SPARE_BYTES", -(10**12))
        with pytest.raises(DiskFull):
            await EmbeddedServer(small, durable=False).start()
        assert {path.name for path in home.path.iterdir()} - set(before) <= {"upgrade.log", "socket"}
        assert cluster_major(home) == OLDER
        monkeypatch.undo()
        subprocess.run(["mount", "-o", "remount,size=400m", small], check=True)
        async with EmbeddedServer(small, durable=False) as server:
            check_content(await server.start())
        wait_until(lambda: gone(home))
    finally:
        subprocess.run(["umount", "-l", small], check=True)


def test_a_copy_that_differs_is_noticed(database_url: str, postgres_server: str) -> None:  # noqa: F811
    changes = (
        ("insert into streams (run_id, last_seq) values ('x', 0)", "public.streams: 0 and 1 rows"),
        ("create index on streams (last_seq)", "indexes"),
        ("create sequence lost", "sequence public.lost"),
    )
    template = make_conninfo(postgres_server, dbname="miracle_compared")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("create database miracle_compared template miracle_template")
        assert differences(database_url, template, lambda said: None) == []
        for change, words in changes:
            with psycopg.connect(database_url) as changed:
                changed.execute(change)
            found = differences(template, database_url, lambda said: None)
            assert any(words in said for said in found), found
        connection.execute("drop database miracle_compared")


def test_the_older_programs_are_found_where_a_person_put_them(tmp_path: Path) -> None:
    carried = older_programs().bin.parent
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "pginstall").symlink_to(carried)
    for given in (
        tmp_path,
        tmp_path / "package",
        tmp_path / "package" / "pginstall",
        tmp_path / "package/pginstall/bin",
    ):
        found = find_older(OLDER, given)
        assert found is not None
        assert found.bin.is_relative_to(tmp_path)
    assert find_older(11, tmp_path) is None
