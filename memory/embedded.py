"""The embedded PostgreSQL: one server a home, shared by every Miracle that uses it, gone when none does."""

import asyncio
import fcntl
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from memory.cluster import (
    ROLE,
    check_owner,
    find_installation,
    prepare_cluster,
    reachable,
    server_account,
    trouble,
    write_access_rules,
)
from memory.errors import DatabaseUnavailable
from memory.launch import START_S, Retriable, await_keeper, join, launch, serving_settings
from memory.old_clusters import drop_kept
from memory.postmaster import Home, locked, open_lock, running_pid
from memory.upgrade import Upgrade, others_progress, settle

ATTEMPTS = 5


class EmbeddedServer:
    """A share in the embedded server of a home directory.

    Args:
        home: the server's folder; made if missing, and closed to others.
        durable: False skips every fsync, for tests.
        tell: told in words what takes long: data that is brought to a new version of PostgreSQL.
        programs: a folder with an older PostgreSQL, if the installed package carries none for the data.
    """

    def __init__(
        self,
        home: Path,
        *,
        durable: bool = True,
        tell: Callable[[str], None] | None = None,
        programs: Path | None = None,
    ) -> None:
        self._home = Home(home.expanduser().resolve())
        self._durable = durable
        self._tell = tell or (lambda said: None)
        self._programs = programs
        self._share: int | None = None
        self._given_up = threading.Event()

    @property
    def home(self) -> Home:
        """Where the server lives."""
        return self._home

    async def start(self) -> str:
        """Start the server, or join the one that runs; starting a second time revives a server that died.

        Data of an older major version is brought to ours first, unless an older Miracle is serving it.

        Returns:
            A libpq connection string; it holds no password.

        Raises:
            DatabaseUnavailable: it does not start; the hint names the log.
            DatabaseUnsuitable: its data belongs to a major version that this Miracle cannot read.
            DiskFull: there is no room for it.
        """
        self._given_up.clear()
        try:
            return await asyncio.to_thread(self._start)
        except asyncio.CancelledError:
            self._given_up.set()
            raise

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
            check_owner(home.path, os.geteuid())
            home.path.chmod(0o700)
            while True:
                try:
                    with locked(home.start_lock, START_S, meanwhile=self._tell_of_others):
                        return self._start_shared()
                except TimeoutError as error:
                    if others_progress(home) is None:
                        raise DatabaseUnavailable(
                            "Another process has been starting the database for two minutes", f"Look into {home.log}."
                        ) from error
        except OSError as error:
            raise trouble(str(error), home) from error

    def _tell_of_others(self) -> None:
        if (said := others_progress(self._home)) is not None:
            self._tell(f"another Miracle is at it: {said}")

    def _start_shared(self) -> str:
        taken = self._share is None
        if self._share is None:
            self._share = open_lock(self._home.users_lock)
            fcntl.flock(self._share, fcntl.LOCK_SH)
        try:
            return self._start_locked()
        except BaseException:
            if taken:
                os.close(self._share)
                self._share = None
            raise

    def _start_locked(self) -> str:
        for attempt in range(ATTEMPTS):
            try:
                if running_pid(self._home) is not None:
                    return join(self._home, server_account()) + ROLE
                return self._launch() + ROLE
            except Retriable as error:
                if attempt == ATTEMPTS - 1:
                    raise error.reason from error
                time.sleep(0.2 * (attempt + 1))
        raise AssertionError("unreachable")

    def _launch(self) -> str:
        home, who, newest = self._home, server_account(), find_installation()
        # A server that we cannot see would have the data open.
        await_keeper(home)
        settle(home)
        upgraded = Upgrade(home, newest, who, self._tell, self._given_up, self._programs).run()
        installation = reachable(newest, who)
        prepare_cluster(home, installation, who, durable=self._durable)
        write_access_rules(home, who)
        conninfo = launch(home, installation, who, self._settings())
        _update_vector(conninfo, home)
        if not upgraded:
            drop_kept(home)
        return conninfo

    def _settings(self) -> dict[str, str]:
        """What the server is configured with."""
        return serving_settings(durable=self._durable)


def _update_vector(conninfo: str, home: Home) -> None:
    """Let our database have the pgvector that the package brought with it."""
    import psycopg

    try:
        with psycopg.connect(conninfo + ROLE, autocommit=True, connect_timeout=10) as connection:
            row = connection.execute(
                "select installed_version <> default_version from pg_available_extensions where name = 'vector'"
            ).fetchone()
            if row is not None and row[0]:
                connection.execute("alter extension vector update")
    except psycopg.Error as error:
        raise trouble(str(error), home) from error
