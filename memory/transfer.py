"""What an upgrade does between two data directories: dump, restore, compare, and write it all down for good."""

import fcntl
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from memory.cluster import Account, Installation, program_environment, run_initdb, trouble, write_access_rules
from memory.comparing import differences
from memory.errors import DatabaseUnavailable
from memory.launch import await_keeper, launch, serving_settings
from memory.postmaster import Home, open_lock
from memory.spare import shared_memory_room, usable_memory

if TYPE_CHECKING:
    import psycopg

MB = 2**20
TOLD_S = 1.0
Progress = Callable[[str], None]
"""Told how far it is; what it raises ends the transfer."""


@dataclass(frozen=True)
class Transfer:
    """Copies every database of one home into another of a newer major version."""

    source: Home
    target: Home
    """Its cluster is new and empty."""
    old: Installation
    new: Installation
    who: Account
    log: Path

    def run(self, progress: Progress) -> None:
        """Copy all, compare, and see that it is on the disk.

        Raises:
            DatabaseUnavailable: a step failed, or the copy is not the same.
            DiskFull: there was no room.
        """
        reading = {"default_transaction_read_only": "on", "autovacuum": "off", "max_connections": "20"}
        with self.log.open("wb") as log, ExitStack() as servers:
            read = servers.enter_context(
                _serving(self.source, self.old, self.who, serving_settings(durable=True) | reading)
            )
            written = servers.enter_context(_serving(self.target, self.new, self.who, _writing()))
            for name in _databases(read):
                self._copy(name, read, written, log, progress)
                self._compare(name, read, written, progress)
        progress("writing it to the disk")
        self._sync()

    def _copy(self, name: str, read: str, written: str, log: BinaryIO, progress: Progress) -> None:
        import psycopg
        from psycopg import sql
        from psycopg.conninfo import make_conninfo

        options = ["--no-owner", "--no-privileges", "--dbname"]
        dump = [str(self.new.bin / "pg_dump"), "--format=custom", "--compress=none", *options]
        restore = [str(self.new.bin / "pg_restore"), "--exit-on-error", "--single-transaction", *options]
        with (
            psycopg.connect(read + "postgres", autocommit=True) as old,
            psycopg.connect(written + "postgres", autocommit=True) as new,
        ):
            if not _size(new, name):
                new.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            whole = _size(old, name)
            environment = program_environment()
            with (
                subprocess.Popen(
                    [*dump, make_conninfo(read + "postgres", dbname=name)],
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd="/",
                    env=environment,
                ) as dumping,
                subprocess.Popen(
                    [*restore, make_conninfo(written + "postgres", dbname=name)],
                    stdin=dumping.stdout,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env=environment,
                ) as restoring,
            ):
                assert dumping.stdout is not None
                # The reader's end alone must be open, or the writer would wait for ever on a reader that failed.
                dumping.stdout.close()
                try:
                    _watch(restoring, lambda: progress(_standing(new, name, whole)))
                except BaseException:
                    restoring.kill()
                    dumping.kill()
                    raise
                ended = (restoring.wait(), dumping.wait())
        if any(ended):
            raise self._failed()
        progress("counting what is where")
        with psycopg.connect(make_conninfo(written + "postgres", dbname=name), autocommit=True) as connection:
            connection.execute("analyze")

    def _compare(self, name: str, read: str, written: str, progress: Progress) -> None:
        from psycopg.conninfo import make_conninfo

        found = differences(
            make_conninfo(read + "postgres", dbname=name),
            make_conninfo(written + "postgres", dbname=name),
            lambda table: progress(f"comparing {table}"),
        )
        if found:
            self.log.write_text("\n".join(found))
            raise DatabaseUnavailable(f"the copy is not the same ({found[0]})")

    def _failed(self) -> Exception:
        said = self.log.read_text(errors="replace")[-8000:]
        left = "".join(
            home.log.read_text(errors="replace")[-8000:] for home in (self.source, self.target) if home.log.exists()
        )
        with self.log.open("a") as log:
            log.write(left)
        if "No space left on device" in said + left:
            return trouble("No space left on device", self.target)
        lines = [line for line in said.splitlines() if "error" in line] or said.splitlines() or ["it said nothing"]
        return DatabaseUnavailable(lines[0].strip())

    def _sync(self) -> None:
        done = run_initdb(self.new, self.who, self.target.cluster, ["--sync-only"])
        if done.returncode:
            raise trouble(done.stderr, self.target)


@contextmanager
def _serving(home: Home, installation: Installation, who: Account, settings: dict[str, str]) -> Iterator[str]:
    """A server for the time of the context; afterwards it has ended in good order.

    Raises:
        DatabaseUnavailable: it did not start, or did not end as it should.
    """
    share = open_lock(home.users_lock)
    try:
        fcntl.flock(share, fcntl.LOCK_SH)
        write_access_rules(home, who)
        yield launch(home, installation, who, settings)
    finally:
        os.close(share)
    await_keeper(home)
    status = home.exit_note.read_text() if home.exit_note.exists() else "unknown"
    if status != "0":
        raise DatabaseUnavailable(f"PostgreSQL {installation.major} ended with the status {status}")


def _writing() -> dict[str, str]:
    """A server that only fills a cluster: what is half done is thrown away, so nothing is synced before the end."""
    room = min(1024 * MB, usable_memory() // 8)
    settings = {"autovacuum": "off", "max_wal_size": "1GB", "maintenance_work_mem": f"{max(64, room // MB)}MB"}
    if shared_memory_room() < 2 * room:
        # Indexes of vectors are built in parallel in shared memory, of which containers have little.
        settings["max_parallel_maintenance_workers"] = "0"
    return serving_settings(durable=False) | settings


def _databases(conninfo: str) -> list[str]:
    import psycopg

    with psycopg.connect(conninfo + "postgres", autocommit=True) as connection:
        rows = connection.execute(
            "select datname from pg_database where datallowconn and not datistemplate and datname <> 'postgres' "
            "order by 1"
        )
        return [row[0] for row in rows]


def _size(connection: "psycopg.Connection", name: str) -> int:
    row = connection.execute("select pg_database_size(oid) from pg_database where datname = %s", (name,)).fetchone()
    return int(row[0]) if row else 0


def _standing(new: "psycopg.Connection", name: str, whole: int) -> str:
    """How far a restore is: rows first, then indexes one by one."""
    asked = new.execute(
        "select coalesce(max(substring(query from '^CREATE (?:UNIQUE )?INDEX (\\S+)')), ''), "
        "coalesce(max(pg_database_size(datid)), 0) "
        "from pg_stat_activity where datname = %s and application_name = 'pg_restore'",
        (name,),
    ).fetchone()
    index, size = asked or ("", 0)
    return f"building the index {index}" if index else f"copied {_mb(size)} of about {_mb(whole)}"


def _watch(process: "subprocess.Popen[bytes]", tell: Callable[[], None]) -> None:
    told = 0.0
    while process.poll() is None:
        if time.monotonic() - told > TOLD_S:
            tell()
            told = time.monotonic()
        time.sleep(0.02)


def _mb(count: int) -> str:
    return f"{count / MB:,.0f} MB"
