"""What an embedded server stands on: a disk, folders with owners, places for sockets, memory."""

# ruff: noqa: ASYNC221, F811 - a test's loop has nothing else to do, and fixtures are called as they are imported

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest

from memory.cluster import check_owner, trouble
from memory.embedded import EmbeddedServer
from memory.errors import DatabaseUnavailable, DiskFull
from memory.launch import shared_buffers_mb
from memory.postmaster import Home, running_pid
from memory.sockets import sweep
from memory.spare import shared_memory_room, usable_memory
from tests.embedded_fixtures import server, until  # noqa: F401


async def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    """On a real small file system where one can be mounted; the words of PostgreSQL stand in for it elsewhere."""
    home = tmp_path / "small"
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=700", "none", str(home)]
    size = subprocess.run(mount, capture_output=True, check=False)
    server = EmbeddedServer(home, durable=False)
    if size.returncode:
        told = trouble('initdb: error: could not write to file "x": No space left on device', server.home)
        assert isinstance(told, DiskFull)
        return
    try:
        with pytest.raises(DiskFull, match="no room") as caught:
            await server.start()
        assert caught.value.hint
        assert not server.home.cluster.exists()
        subprocess.run(["mount", "-o", "remount,size=90m", home], check=True)
        stored = await _fill_up(server)
        subprocess.run(["mount", "-o", "remount,size=200m", home], check=True)
        with psycopg.connect(await server.start()) as connection:
            assert connection.execute("select count(*) from fruit").fetchone() == (stored,)
        await server.stop()
        await until(lambda: running_pid(server.home) is None)
    finally:
        subprocess.run(["umount", "-l", home], check=True)


async def _fill_up(server: EmbeddedServer) -> int:
    """Write until the disk is full, then let the server die and find no room at its start; how many rows there are."""
    stored = 0
    with psycopg.connect(await server.start(), autocommit=True) as connection:
        connection.execute("create table fruit (juice text)")
        juice = "insert into fruit select string_agg(md5(g::text), '') from generate_series(1, 30000) g"
        with contextlib.suppress(psycopg.Error):
            for stored in range(10**4):  # noqa: B007
                connection.execute(juice)
    assert 0 < stored < 10**4 - 1
    if (pid := running_pid(server.home)) is not None:
        os.kill(pid, signal.SIGKILL)
    await until(lambda: running_pid(server.home) is None)
    ballast = server.home.path / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    with pytest.raises(DiskFull, match="no room"):
        await server.start()
    return stored


async def test_a_folder_of_somebody_else_is_left_alone(server: EmbeddedServer) -> None:
    home, stranger = server.home, 65534
    for said in ("Errno 13] Permission denied", "Errno 30] Read-only file system", "Errno 1] Operation not permitted"):
        assert "cannot be written" in trouble(said, home).title
    with pytest.raises(DatabaseUnavailable, match="belongs to") as caught:
        check_owner(Path("/"), stranger)
    assert "MIRACLE_HOME" in caught.value.hint
    if os.geteuid() != 0:
        return
    home.cluster.mkdir(parents=True)
    (home.cluster / "PG_VERSION").write_text("18\n")
    os.chown(home.cluster, stranger, stranger)
    with pytest.raises(DatabaseUnavailable, match="cluster belongs to nobody") as caught:
        await server.start()
    assert "Run Miracle as nobody" in caught.value.hint
    shutil.rmtree(home.path)
    home.path.mkdir()
    os.chown(home.path, stranger, stranger)
    with pytest.raises(DatabaseUnavailable, match="belongs to nobody"):
        await server.start()
    assert list(home.path.iterdir()) == []


def test_orphaned_socket_folders_are_swept(tmp_path: Path) -> None:
    base = Path(tempfile.mkdtemp(prefix="sweep-", dir="/tmp"))
    homes = {name: Home(tmp_path / name) for name in ("known", "gone", "serving")}
    folders = {name: base / f"miracle-{name}" for name in (*homes, "new", "foreign")}
    for folder in folders.values():
        folder.mkdir(mode=0o700)
    for name, home in homes.items():
        (folders[name] / "home").write_text(str(home.path))
    homes["known"].path.mkdir()
    homes["known"].socket_note.write_text(str(folders["known"]))
    (folders["foreign"] / "notes.txt").touch()
    with socket.socket(socket.AF_UNIX) as left, socket.socket(socket.AF_UNIX) as listening:
        left.bind(str(folders["gone"] / ".s.PGSQL.5432"))
        (folders["gone"] / ".s.PGSQL.5432.lock").touch()
        listening.bind(str(folders["serving"] / ".s.PGSQL.5432"))
        listening.listen(1)
        left.close()
        sweep(base, os.geteuid())
    assert sorted(path.name.removeprefix("miracle-") for path in base.iterdir()) == sorted(folders.keys() - {"gone"})
    shutil.rmtree(base)


def test_the_server_is_sized_by_what_may_be_used(tmp_path: Path) -> None:
    assert [shared_buffers_mb(gigabytes * 2**30) for gigabytes in (0, 1, 4, 8, 64)] == [128, 128, 512, 1024, 2048]
    whole = usable_memory(tmp_path)
    assert whole == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text(f"{2**29}\n")
    assert usable_memory(tmp_path) == 2**29
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert usable_memory(tmp_path) == whole
    assert shared_memory_room(tmp_path / "none") == 0


async def test_little_shared_memory_is_enough(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container, whose /dev/shm has 64 MB: processes that work on one query share files instead."""
    monkeypatch.setattr("memory.spare.shared_memory_room", lambda: 64 * 2**20)
    with psycopg.connect(await server.start()) as connection:
        assert connection.execute("show dynamic_shared_memory_type").fetchone() == ("mmap",)
        connection.execute("set local debug_parallel_query = on")
        row = connection.execute("select sum(n) from generate_series(1, 1000) as n").fetchone()
        assert row == (500500,)
