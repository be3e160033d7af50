"""One process at a time: an advisory lock on a connection of its own, which a death gives up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from memory.database import Database

if TYPE_CHECKING:
    import psycopg

UNLOCK_S = 1.0
"""Seconds that a server has to give the lock up; one that cannot be reached does so when it misses the connection."""


@asynccontextmanager
async def alone(database: Database, key: int) -> "AsyncIterator[psycopg.AsyncConnection[Any] | None]":
    """A connection in autocommit mode that holds the lock of this key; None while another process has it.

    Args:
        database: locks are its own: another database of the server has others.
        key: of the advisory lock.

    Raises:
        psycopg.Error: as the driver says it.
    """
    from memory.translate import DRIVER_ERRORS

    connection = await database.connect()
    try:
        tried = await connection.execute("select pg_try_advisory_lock(%s)", (key,))
        row = await tried.fetchone()
        try:
            yield connection if row is not None and row[0] else None
        finally:
            # A server hears of a closed connection when it looks: whoever asks next would find the lock still held.
            with suppress(*DRIVER_ERRORS):
                async with asyncio.timeout(UNLOCK_S):
                    await connection.execute("select pg_advisory_unlock_all()")
    finally:
        await connection.close()
