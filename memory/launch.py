"""Launching a PostgreSQL on the data directory of a home, and waiting until it answers."""

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from memory.cluster import ROLE, Account, Installation, trouble
from memory.errors import DatabaseUnavailable, MemoryStoreError
from memory.keeper import Order, spawn
from memory.postmaster import Home, is_held, running_pid
from memory.sockets import socket_folder
from memory.spare import is_shared_memory_little, usable_memory

if TYPE_CHECKING:
    import psycopg

START_S = 120.0
"""Seconds for a start, the recovery after a crash included."""
KEEPER_S = 20.0
"""Seconds for the keeper of a dead server to leave. One that stays keeps a server in another process namespace, and a
second server on the same files would destroy them."""
PORT = 5432
LOG_BYTES = 8 * 2**20
MB = 2**20
_HOPELESS = ("authentication failed", "No space left on device", "definition of service")
_FOREIGN = (
    *("options", "target_session_attrs", "hostaddr", "requirepeer", "require_auth", "channel_binding", "gssencmode"),
    *("sslmode", "sslnegotiation", "client_encoding"),
)
"""What a connection is made with that the environment may have set."""


class Retriable(Exception):
    """The processes of a killed server are still going away."""

    def __init__(self, reason: MemoryStoreError) -> None:
        super().__init__(reason.title)
        self.reason = reason


def serving_settings(*, durable: bool) -> dict[str, str]:
    """What an embedded server is configured with, by the memory of this machine.

    Args:
        durable: False skips every fsync.
    """
    return {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "port": str(PORT),
        "shared_buffers": f"{shared_buffers_mb(usable_memory())}MB",
        "max_connections": "200",
        "jit": "off",
        "max_wal_size": "256MB",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "client_connection_check_interval": "10s",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **({"dynamic_shared_memory_type": "mmap"} if is_shared_memory_little() else {}),
        **({} if durable else {"fsync": "off", "full_page_writes": "off"}),
    }


def shared_buffers_mb(memory: int) -> int:
    """An eighth of the memory (bytes), within 128 MB and 2 GB: pages that nobody touches take no room."""
    return max(128, min(2048, memory // 8 // MB))


def launch(home: Home, installation: Installation, who: Account, settings: Mapping[str, str]) -> str:
    """Start the server of a home, whose start lock the caller holds, under a keeper.

    Returns:
        A libpq connection string that lacks only its last word, the database.

    Raises:
        Retriable: what is left of a killed server is in the way.
        DatabaseUnavailable, DiskFull: it does not start.
    """
    _rotate(home.log)
    await_keeper(home)
    # Nothing of ours runs: whatever the file says is stale, and PostgreSQL would refuse a pid that lives again.
    (home.cluster / "postmaster.pid").unlink(missing_ok=True)
    home.exit_note.unlink(missing_ok=True)
    folder = socket_folder(home, who)
    options = [
        part
        for key, value in {**settings, "unix_socket_directories": str(folder)}.items()
        for part in ("-c", f"{key}={value}")
    ]
    command = (str(installation.bin / "postgres"), "-D", "{cluster}", *options, "-c", home.mark)
    offset = home.log.stat().st_size if home.log.exists() else 0
    spawn(Order(str(home.path), command, str(folder), who.uid, who.gid))
    return _wait_for_answer(home, folder, offset)


def join(home: Home, who: Account) -> str:
    """The connection string of a server that runs, as `launch` returns it; one without a keeper gets another."""
    folder = socket_folder(home, who)
    if not is_held(home.keeper_lock):
        spawn(Order(str(home.path), (), str(folder), None, None))
    try:
        return _wait_for_answer(home, folder, home.log.stat().st_size if home.log.exists() else 0)
    except DatabaseUnavailable as error:
        if running_pid(home) is None:
            # It was on its way down when we looked.
            raise Retriable(error) from error
        raise


def await_keeper(home: Home) -> None:
    """Wait until the keeper of a server that ended has left, for its last note must not be taken for the next one's.

    Raises:
        DatabaseUnavailable: it stays.
    """
    deadline = time.monotonic() + KEEPER_S
    while is_held(home.keeper_lock) and time.monotonic() < deadline:
        time.sleep(0.005)
    if is_held(home.keeper_lock):
        raise DatabaseUnavailable(
            f"The database in {home.path} is kept by a process that cannot be seen from here",
            "It may belong to another container on the same folder: give each its own, or set DATABASE_URL.",
        )


def _wait_for_answer(home: Home, folder: Path, offset: int) -> str:
    """Wait for an answered query: a pid file that says ready is no proof.

    Args:
        home: whose server it is.
        folder: of its socket.
        offset: bytes of its log that were there before it.

    Raises:
        Retriable: what is left of a killed server is in the way.
        DatabaseUnavailable, DiskFull: it ended, or it does not answer.
    """
    import psycopg

    conninfo = f"host={folder} port={PORT} user={ROLE} {_neutral()}dbname="
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            with psycopg.connect(conninfo + "postgres", autocommit=True, connect_timeout=10) as connection:
                _ensure_database(connection)
                return conninfo
        except psycopg.OperationalError as error:
            said = str(error)
            if any(words in said for words in _HOPELESS):
                raise trouble(said, home) from error
        if home.exit_note.exists() and running_pid(home) is None:
            raise _ended(home, offset)
        time.sleep(0.005)
    raise DatabaseUnavailable(
        f"The embedded PostgreSQL did not answer within {START_S:.0f} s", f"The whole log is in {home.log}."
    )


def _neutral() -> str:
    """Settings against those of a person's environment: PGOPTIONS and the like are meant for other servers."""
    from psycopg import pq

    known = {option.keyword.decode(): option for option in pq.Conninfo.get_defaults()}
    said = ""
    for keyword in _FOREIGN:
        option = known.get(keyword)
        if option is not None and option.envvar is not None and option.envvar.decode() in os.environ:
            said += f"{keyword}='{(option.compiled or b'').decode()}' "
    return said


def _ensure_database(connection: "psycopg.Connection") -> None:
    if connection.execute("select 1 from pg_database where datname = %s", (ROLE,)).fetchone() is None:
        connection.execute("set default_transaction_read_only = off")
        connection.execute(f"create database {ROLE}")


def _ended(home: Home, offset: int) -> Exception:
    text = ""
    with contextlib.suppress(OSError), home.log.open("rb") as log:
        # The server may have spoken before the offset was taken; its last lines are what counts.
        log.seek(max(offset, os.fstat(log.fileno()).st_size - 8000))
        text = log.read().decode(errors="replace")
    reason = trouble(text, home)
    left = "pre-existing shared memory block" in text or "already exists" in text
    return Retriable(reason) if left else reason


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
