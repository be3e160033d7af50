"""The embedded PostgreSQL: one server a home, shared by every Miracle that uses it, gone when none does."""

import asyncio
import contextlib
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from memory.cluster import (
    ROLE,
    Account,
    Installation,
    find_installation,
    prepare_cluster,
    reachable,
    server_account,
    socket_folder,
    trouble,
    write_access_rules,
)
from memory.errors import DatabaseUnavailable, MemoryStoreError
from memory.keeper import Order, spawn
from memory.postmaster import Home, is_held, locked, open_lock, running_pid

if TYPE_CHECKING:
    import psycopg

START_S = 120.0
"""Seconds for a start, the recovery after a crash included."""
KEEPER_S = 20.0
"""Seconds for the keeper of a dead server to leave. One that stays keeps a server in another process namespace, and a
second server on the same files would destroy them."""
LOG_BYTES = 8 * 2**20
ATTEMPTS = 5
PORT = 5432


class EmbeddedServer:
    """A share in the embedded server of a home directory.

    Args:
        home: the server's folder; made if missing, and closed to others.
        durable: False skips every fsync, for tests.
    """

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self._home = Home(home.expanduser().resolve())
        self._durable = durable
        self._share: int | None = None

    @property
    def home(self) -> Home:
        """Where the server lives."""
        return self._home

    async def start(self) -> str:
        """Start the server, or join the one that runs; starting a second time revives a server that died.

        Returns:
            A libpq connection string; it holds no password.

        Raises:
            DatabaseUnavailable: it does not start; the hint names the log.
            DatabaseUnsuitable: its data belongs to another major version.
            DiskFull: there is no room for it.
        """
        return await asyncio.to_thread(self._start)

    async def stop(self) -> None:
        """Give up the share; the server's keeper stops it when this was the last one."""
        share, self._share = self._share, None
        if share is not None:
            os.close(share)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _start(self) -> str:
        home = self._home
        try:
            home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            home.path.chmod(0o700)
            with locked(home.start_lock, START_S):
                taken = self._share is None
                if self._share is None:
                    self._share = open_lock(home.users_lock)
                    fcntl.flock(self._share, fcntl.LOCK_SH)
                try:
                    return self._start_locked()
                except BaseException:
                    if taken:
                        os.close(self._share)
                        self._share = None
                    raise
        except TimeoutError as error:
            raise DatabaseUnavailable(
                "Another process has been starting the database for two minutes", f"Look into {home.log}."
            ) from error
        except OSError as error:
            raise trouble(str(error), home) from error

    def _start_locked(self) -> str:
        who = server_account()
        for attempt in range(ATTEMPTS):
            try:
                if running_pid(self._home) is not None:
                    return self._join(who)
                return self._launch(who)
            except _Retriable as error:
                if attempt == ATTEMPTS - 1:
                    raise error.reason from error
                time.sleep(0.2 * (attempt + 1))
        raise AssertionError("unreachable")

    def _join(self, who: Account) -> str:
        home = self._home
        folder = socket_folder(home, who)
        if not is_held(home.keeper_lock):
            spawn(Order(str(home.path), (), str(folder), None, None))
        try:
            return self._wait(folder)
        except DatabaseUnavailable as error:
            if running_pid(home) is None:
                # It was on its way down when we looked.
                raise _Retriable(error) from error
            raise

    def _launch(self, who: Account) -> str:
        home = self._home
        installation = reachable(find_installation(), who)
        prepare_cluster(home, installation, who)
        write_access_rules(home, who)
        _rotate(home.log)
        # The keeper of a server that died is on its way out, and its last note must not be taken for the new server's.
        deadline = time.monotonic() + KEEPER_S
        while is_held(home.keeper_lock) and time.monotonic() < deadline:
            time.sleep(0.005)
        if is_held(home.keeper_lock):
            raise DatabaseUnavailable(
                f"The database in {home.path} is kept by a process that cannot be seen from here",
                "It may belong to another container on the same folder: give each its own, or set DATABASE_URL.",
            )
        # Nothing of ours runs: whatever the file says is stale, and PostgreSQL would refuse a pid that lives again.
        (home.cluster / "postmaster.pid").unlink(missing_ok=True)
        home.exit_note.unlink(missing_ok=True)
        folder = socket_folder(home, who)
        spawn(Order(str(home.path), self._command(installation, folder), str(folder), who.uid, who.gid))
        return self._wait(folder)

    def _command(self, installation: Installation, folder: Path) -> tuple[str, ...]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "unix_socket_permissions": "0700",
            "port": str(PORT),
            "shared_buffers": f"{_shared_buffers_mb()}MB",
            "max_connections": "200",
            "jit": "off",
            "max_wal_size": "256MB",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "client_connection_check_interval": "10s",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **({} if self._durable else {"fsync": "off", "full_page_writes": "off"}),
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return (str(installation.bin / "postgres"), "-D", "{cluster}", *options, "-c", self._home.mark)

    def _wait(self, folder: Path) -> str:
        """Wait for an answered query: a pid file that says ready is no proof."""
        import psycopg

        offset = self._home.log.stat().st_size if self._home.log.exists() else 0
        conninfo = f"host={folder} port={PORT} user={ROLE} dbname="
        deadline = time.monotonic() + START_S
        said = ""
        while time.monotonic() < deadline:
            try:
                with psycopg.connect(conninfo + "postgres", autocommit=True, connect_timeout=10) as connection:
                    _ensure_database(connection)
                    return conninfo + ROLE
            except psycopg.OperationalError as error:
                said = str(error)
                if "authentication failed" in said:
                    raise trouble(said, self._home) from error
            if self._home.exit_note.exists() and running_pid(self._home) is None:
                raise self._ended(offset)
            time.sleep(0.005)
        raise DatabaseUnavailable(
            f"The embedded PostgreSQL did not answer within {START_S:.0f} s", f"The whole log is in {self._home.log}."
        )

    def _ended(self, offset: int) -> Exception:
        text = ""
        with contextlib.suppress(OSError), self._home.log.open("rb") as log:
            # The server may have spoken before the offset was taken; its last lines are what counts.
            log.seek(max(0, offset - 4000))
            text = log.read()[-8000:].decode(errors="replace")
        reason = trouble(text, self._home)
        left = "pre-existing shared memory block" in text or "already exists" in text
        return _Retriable(reason) if left else reason


class _Retriable(Exception):
    """The processes of a killed server are still going away."""

    def __init__(self, reason: MemoryStoreError) -> None:
        super().__init__(reason.title)
        self.reason = reason


def _ensure_database(connection: "psycopg.Connection") -> None:
    if connection.execute("select 1 from pg_database where datname = %s", (ROLE,)).fetchone() is None:
        connection.execute(f"create database {ROLE}")


def _shared_buffers_mb() -> int:
    """A thirty-second of the memory, within 128 and 256 MB."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 128
    return max(128, min(256, total // 32 // 2**20))


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
