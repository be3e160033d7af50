"""The embedded PostgreSQL: shared, closed to others, started whatever state it was left in, gone when unused."""

# ruff: noqa: ASYNC221, F811 - a test's loop has nothing else to do, and fixtures are called as they are imported

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from config.config import Config
from config.paths import find_paths
from memory.cluster import Account, Installation, find_installation, reachable, server_account
from memory.database import Database
from memory.embedded import EmbeddedServer
from memory.errors import DatabaseUnavailable, DatabaseUnsuitable
from memory.postmaster import Home, is_held, running_pid
from tests.embedded_fixtures import server, until  # noqa: F401

USER = """
import asyncio, pathlib, sys, time
import psycopg
from memory.embedded import EmbeddedServer
async def main():
    server = EmbeddedServer(pathlib.Path(sys.argv[1]), durable=False)
    sys.stdin.readline()
    where = await server.start()
    with psycopg.connect(where) as connection:
        connection.execute("select pg_advisory_xact_lock(1)")
        connection.execute("create table if not exists life (n int)")
        connection.execute("insert into life values (1)")
    print(where, 'sqlalchemy' in sys.modules, flush=True)
    sys.stdin.readline()
    await server.stop()
asyncio.run(main())
"""

ENVIRONMENT = {
    "LC_ALL": "xx_YY.UTF-8",
    "PGOPTIONS": "-c default_transaction_read_only=on",
    "PGTARGETSESSIONATTRS": "read-only",
    "PGHOST": "nowhere.example",
    "PGHOSTADDR": "192.0.2.1",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGCHANNELBINDING": "require",
    "PGREQUIREPEER": "nobody",
    "PGGSSENCMODE": "require",
    "PGCLIENTENCODING": "LATIN1",
    "PGDATA": "/nowhere",
}
"""What a person may have set for other servers, and a locale that this machine does not have."""


def answer(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("select 1").fetchone()
        assert row is not None
        return int(row[0])


def pid_of(home: Home) -> int:
    pid = running_pid(home)
    assert pid is not None
    return pid


def start_user(home: Path, *, waits: bool = False, **environ: str) -> "subprocess.Popen[str]":
    """A process that starts the server once it is told to, writes a row, and stops at the next line."""
    process = subprocess.Popen(
        [sys.executable, "-c", USER, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **environ},
    )
    if not waits:
        say(process)
    return process


def say(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


async def test_it_starts_is_shared_and_ends_with_its_last_user(server: EmbeddedServer) -> None:
    conninfo = await server.start()
    assert answer(conninfo) == 1
    pid = pid_of(server.home)
    second = EmbeddedServer(server.home.path, durable=False)
    assert await second.start() == conninfo
    await server.stop()
    await asyncio.sleep(0.3)
    assert running_pid(server.home) == pid
    await second.stop()
    folder = Path(str(conninfo_to_dict(conninfo)["host"]))
    await until(lambda: running_pid(server.home) is None and not folder.exists())
    assert answer(await server.start()) == 1


async def test_a_warm_start_is_quick_and_light(server: EmbeddedServer) -> None:
    await server.start()
    await server.stop()
    await until(lambda: running_pid(server.home) is None and not is_held(server.home.keeper_lock))
    begun = time.monotonic()
    await server.start()
    assert time.monotonic() - begun < 2
    user = start_user(server.home.path)
    assert first_line(user).endswith("False\n")
    user.communicate("\n")


async def test_nobody_else_gets_in(server: EmbeddedServer) -> None:
    conninfo = await server.start()
    folder = Path(str(conninfo_to_dict(conninfo)["host"]))
    owner = server_account().uid or os.geteuid()
    assert len(str(folder)) < 80
    assert (stat.S_IMODE(folder.stat().st_mode), folder.stat().st_uid) == (0o700, owner)
    entry = folder / ".s.PGSQL.5432"
    assert stat.S_IMODE(entry.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.home.path.stat().st_mode) == 0o700
    rules = (server.home.cluster / "pg_hba.conf").read_text()
    assert rules == "local all all peer map=miracle\n"
    with psycopg.connect(conninfo) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("",)
    assert "trust" not in rules
    if os.geteuid() == 0:
        assert "Permission denied" in enter_as_stranger(conninfo)
        # Even with every file mode given away, the server itself does not know the stranger.
        folder.chmod(0o755)
        entry.chmod(0o777)
        assert "Peer authentication failed" in enter_as_stranger(conninfo)
        folder.chmod(0o700)


def enter_as_stranger(conninfo: str) -> str:
    psql = reachable(find_installation(), server_account()).bin / "psql"
    run = subprocess.run(
        [str(psql), conninfo, "-c", "select 1"],
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0
    return run.stderr


async def test_folders_above_are_not_opened(server: EmbeddedServer, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert answer(await server.start()) == 1
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.home.path.parent.stat().st_mode) & 0o022 == 0


async def test_a_pid_file_that_lies_is_no_hindrance(server: EmbeddedServer) -> None:
    await server.start()
    reused = f"{os.getpid()}\n/somewhere\n1\n5432\n/tmp\n\n1 1\nready\n"
    for left in ("", "12", reused, "999999999\n", "x\n"):
        await server.stop()
        await until(lambda: running_pid(server.home) is None and not is_held(server.home.keeper_lock))
        (server.home.cluster / "postmaster.pid").write_text(left)
        assert answer(await server.start()) == 1


async def test_a_deleted_home_leaves_no_server(server: EmbeddedServer) -> None:
    folder = Path(str(conninfo_to_dict(await server.start())["host"]))
    pid = pid_of(server.home)
    shutil.rmtree(server.home.path)
    await server.stop()
    await until(lambda: not Path(f"/proc/{pid}").exists() and not folder.exists())


async def test_a_killed_server_comes_back_in_the_same_place(server: EmbeddedServer) -> None:
    conninfo = await server.start()
    os.kill(pid_of(server.home), signal.SIGKILL)
    await until(lambda: running_pid(server.home) is None)
    assert await server.start() == conninfo
    assert answer(conninfo) == 1


async def test_an_interrupt_of_its_user_does_not_reach_the_server(server: EmbeddedServer) -> None:
    conninfo = await server.start()
    user = start_user(server.home.path)
    assert first_line(user)
    os.killpg(user.pid, signal.SIGINT)
    user.communicate()
    assert answer(conninfo) == 1


async def test_a_server_without_its_keeper_gets_another(server: EmbeddedServer) -> None:
    await server.start()
    pid = pid_of(server.home)
    os.kill(parent_of(pid), signal.SIGKILL)
    await until(lambda: not is_held(server.home.keeper_lock))
    await server.start()
    assert running_pid(server.home) == pid
    await until(lambda: is_held(server.home.keeper_lock))
    await server.stop()
    await until(lambda: running_pid(server.home) is None)


async def test_miracles_come_and_go_at_the_same_instant(server: EmbeddedServer) -> None:
    """Two on an empty folder at once; then each begins while the one before stops or is killed, five times."""
    first = [start_user(server.home.path, waits=True, **ENVIRONMENT) for _ in range(2)]
    for user in first:
        say(user)
    assert len({first_line(user).split()[0] for user in first}) == 1
    assert first[0].communicate("\n")[1] == ""
    last = first[1]
    ways = ("stop", "kill", "stop", "kill the server too", "kill all that is ours")
    users = [start_user(server.home.path, waits=True) for _ in ways]
    for way, user in zip(ways, users, strict=True):
        server_pid = pid_of(server.home)
        if way == "stop":
            say(last)
        else:
            last.kill()
        if way.startswith("kill all"):
            os.kill(parent_of(server_pid), signal.SIGKILL)
        if way in ("kill the server too", "kill all that is ours"):
            os.kill(server_pid, signal.SIGKILL)
        say(user)
        assert first_line(user), user.communicate()[1]
        assert last.communicate()[1] == ""
        last = user
    with psycopg.connect(await server.start()) as connection:
        assert connection.execute("select count(*) from life").fetchone() == (2 + len(ways),)
    assert last.communicate("\n")[1] == ""


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def test_another_major_version_is_told_and_left_alone(server: EmbeddedServer) -> None:
    server.home.cluster.mkdir(parents=True)
    version = server.home.cluster / "PG_VERSION"
    version.write_text("12\n")
    with pytest.raises(DatabaseUnsuitable, match="PostgreSQL 12") as caught:
        await server.start()
    assert "DATABASE_URL" in caught.value.hint
    assert version.read_text() == "12\n"
    assert not is_held(server.home.users_lock)
    # A newer one, before and after an upgrade that left what we could go back to.
    version.write_text("99\n")
    for hint in ("update this one", "mv "):
        with pytest.raises(DatabaseUnsuitable, match="PostgreSQL 99") as caught:
            await server.start()
        assert hint in caught.value.hint
        (server.home.path / "cluster.old-18").mkdir(exist_ok=True)
    version.write_text("")
    with pytest.raises(DatabaseUnsuitable, match="damaged"):
        await server.start()


async def test_a_server_that_cannot_be_seen_is_not_started_twice(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two containers on one folder share its locks but do not see each other's processes."""
    await server.start()
    monkeypatch.setattr("memory.embedded.running_pid", lambda home: None)
    monkeypatch.setattr("memory.launch.KEEPER_S", 0.2)
    second = EmbeddedServer(server.home.path, durable=False)
    with pytest.raises(DatabaseUnavailable, match="cannot be seen"):
        await second.start()
    monkeypatch.undo()
    assert answer(await second.start()) == 1
    await second.stop()


async def test_a_start_cut_short_in_the_making_is_made_again(server: EmbeddedServer) -> None:
    part = server.home.path / "cluster.part"
    part.mkdir(parents=True)
    (part / "PG_VERSION").write_text("18\n")
    assert answer(await server.start()) == 1


async def test_a_database_in_use_survives_the_death_of_its_server(tmp_path: Path) -> None:
    config = Config(find_paths({"MIRACLE_HOME": str(tmp_path)}))
    database = await Database.open(config, durable=False)
    home = Home(config.paths.database.resolve())
    for name in (signal.SIGKILL, signal.SIGINT, signal.SIGQUIT):
        assert await database.run(one) == 1
        pid = pid_of(home)
        os.kill(pid, name)
        async with asyncio.timeout(30):
            # While the old server is still on its way down, and until there is another.
            while running_pid(home) in (None, pid):
                assert await database.run(one) == 1
                await asyncio.sleep(0.01)
    await database.close()
    await until(lambda: running_pid(home) is None)


async def one(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("SELECT 1"))).scalar_one())


async def test_programs_under_a_closed_folder_are_copied_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root's server runs under another account, which may not enter the folder that Python packages lie in."""
    package = find_installation().bin.parent.parent
    closed = tmp_path / "closed"
    shutil.copytree(package, closed / package.name, ignore=shutil.ignore_patterns("include"))
    libraries = package.with_name(package.name + ".libs")
    shutil.copytree(libraries, closed / libraries.name)
    closed.chmod(0o700)
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="service-") as service:
        Path(service).chmod(0o755)
        monkeypatch.setattr("memory.cluster.SERVICE_ROOT", Path(service))
        hidden = Installation(closed / package.name / "pginstall18" / "bin", 18)
        nobody = Account(65534, 65534)
        copied = reachable(hidden, nobody)
        assert copied.bin.is_relative_to(service)
        inode = (copied.bin / "postgres").stat().st_ino
        assert reachable(hidden, nobody) == copied
        assert (copied.bin / "postgres").stat().st_ino == inode
        who = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        for program in ("postgres", "initdb", "psql"):
            run = subprocess.run([copied.bin / program, "-V"], capture_output=True, text=True, check=True, **who)  # type: ignore[call-overload]
            assert "PostgreSQL" in run.stdout
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert reachable(hidden, Account(None, None)) == hidden
