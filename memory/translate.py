"""What the driver raises, in the words of `memory.errors`."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from memory.errors import DatabaseUnavailable, DatabaseUnsuitable, DiskFull, MemoryStoreError
from memory.refusals import refusal

DRIVER_ERRORS = (psycopg.Error, SQLAlchemyError, OSError)
"""What a statement may raise."""
_RETRIABLE_CLASSES = ("08", "40", "57P")
"""Lost connections, serialisation failures and deadlocks, a server that goes down or comes up."""
_RETRIABLE_STATES = ("25P03", "53300", "55P03")


def _driver_error(error: BaseException) -> psycopg.Error | None:
    """The psycopg error itself, unwrapped from SQLAlchemy's."""
    if isinstance(error, DBAPIError):
        error = error.orig or error
    return error if isinstance(error, psycopg.Error) else None


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction may succeed in a moment.

    A server that restarts behind a Unix socket shows as an error without a state ("the connection is bad").
    """
    cause = _driver_error(error)
    if cause is None:
        return isinstance(error, OSError)
    if cause.sqlstate is None:
        return isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
    return cause.sqlstate.startswith(_RETRIABLE_CLASSES) or cause.sqlstate in _RETRIABLE_STATES


def translate(error: BaseException) -> MemoryStoreError | None:
    """The error that a person may see; None when it is a mistake of ours. Passwords never appear in it."""
    if isinstance(error, PoolTimeoutError):
        return DatabaseUnavailable("Every connection to the database is busy", "Raise postgresql.pool_size.")
    cause = _driver_error(error)
    if cause is None:
        return DatabaseUnavailable(f"The database does not answer: {error}") if isinstance(error, OSError) else None
    said = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    if cause.sqlstate == "53100":
        return DiskFull("The database's disk is full", "Free some space; the run goes on where it stopped.")
    if (known := refusal(str(cause))) is not None:
        return known
    if cause.sqlstate in ("42501", "25006"):
        return DatabaseUnsuitable(
            f"The database refuses: {said}", "Miracle needs a database in which its role may create tables and write."
        )
    if is_transient(error) or isinstance(cause, psycopg.OperationalError):
        return DatabaseUnavailable(
            f"The database does not answer: {said}",
            "Check that the server runs and that DATABASE_URL names it, or unset it to use the embedded one.",
        )
    return None


@contextmanager
def translated() -> Iterator[None]:
    """Raise what the driver raises in the words of `memory.errors`."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise translate(error) or error from error
