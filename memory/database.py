"""The door to PostgreSQL: an engine over the embedded server or any other, and transactions that survive a restart."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from config.config import Config
from config.database import PostgreSQL
from memory.embedded import EmbeddedServer
from memory.errors import DatabaseUnavailable

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

Result = TypeVar("Result")
RETRY_S = 30.0
"""Seconds for which a transaction is tried again while the server is away."""
IDLE_S = 5
"""Seconds that a transaction may hold its locks without a word: its process is frozen, or cut off from the server."""

_SESSION = f"set idle_in_transaction_session_timeout = '{IDLE_S}s'; set jit = off"
"""Compiling a statement costs more than any of these takes."""


class Database:
    """An open database. Make one with `open` or `open_url`, and close it.

    The heavy imports (SQLAlchemy, psycopg) happen in `open`, in a thread, so that the app's first paint is never kept.
    """

    def __init__(self, settings: PostgreSQL, server: EmbeddedServer | None) -> None:
        self._settings = settings
        self._server = server
        self._parameters: dict[str, Any] = {}
        self._session: dict[str, Any] = {}
        self._engine: AsyncEngine | None = None
        self.iterative_scan = False
        """Whether this pgvector can go on searching past filtered rows (0.8 and newer)."""
        self.read_only = ""
        """Why nothing can be written, in words; empty when it can."""

    @classmethod
    async def open(
        cls,
        config: Config,
        *,
        durable: bool = True,
        tell: Callable[[str], None] | None = None,
        programs: Path | None = None,
    ) -> Self:
        """Open the configured database: `postgresql.url`, or the embedded server when that is empty.

        Args:
            config: names the database.
            durable: False lets the embedded server skip every fsync.
            tell: told in words what takes long, from another thread.
            programs: where the embedded server finds an older PostgreSQL, if the package carries none for its data.

        Raises:
            DatabaseUnavailable: it does not answer.
            DatabaseUnsuitable: it answers but cannot be used.
            DiskFull: there is no room for it.
        """
        url = config.database.postgresql.url
        embedded = url is None or not url.get_secret_value().strip()
        server = None
        if embedded:
            server = EmbeddedServer(config.paths.database, durable=durable, tell=tell, programs=programs)
        database = cls(config.database.postgresql, server)
        await database._open("" if url is None else url.get_secret_value().strip())
        return database

    @classmethod
    async def open_url(cls, url: str, settings: PostgreSQL | None = None) -> Self:
        """Open the database behind a PostgreSQL URL or a libpq connection string."""
        database = cls(settings or PostgreSQL(), None)
        await database._open(url)
        return database

    @property
    def server(self) -> EmbeddedServer | None:
        """The embedded server; None for any other."""
        return self._server

    @property
    def where(self) -> str:
        """The database in words, for `miracle doctor`; never with a password."""
        if self._server is not None:
            return f"embedded, in {self._server.home.path}"
        return f"{self._parameters.get('host', 'localhost')}/{self._parameters.get('dbname', '')}"

    async def close(self) -> None:
        """Close every connection and give up the share in the embedded server."""
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None
        if self._server is not None:
            await self._server.stop()

    async def run(self, work: "Callable[[AsyncConnection], Awaitable[Result]]") -> Result:
        """Do the work in one transaction, again from its beginning if the connection is lost.

        Args:
            work: must be harmless when it is repeated after a commit whose answer got lost.

        Raises:
            DatabaseUnavailable: the server stayed away.
            DiskFull: the server has no room to write.
        """

        async def transaction() -> Result:
            if self._engine is None:
                raise DatabaseUnavailable("The database is closed")
            async with self._engine.begin() as connection:
                return await work(connection)

        return await self.persist(transaction)

    async def persist(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do what needs the server, again from its beginning while the server is away.

        Raises:
            DatabaseUnavailable: the server stayed away.
            DiskFull: the server has no room to write.
        """
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

        from memory.translate import DRIVER_ERRORS, is_transient, translate

        retrying = AsyncRetrying(
            retry=retry_if_exception(is_transient),
            wait=wait_random_exponential(multiplier=0.05, max=2),
            stop=stop_after_delay(RETRY_S),
            before_sleep=self._revive,
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    return await work()
        except DRIVER_ERRORS as error:
            _heed_cancellation()
            if (known := translate(error)) is not None:
                raise known from error
            raise
        raise AssertionError("unreachable")

    async def attempt(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """One statement, once, in a transaction of its own, without what a toolkit and BEGIN and COMMIT cost.

        Args:
            statement: with $1 and so on for its parameters.
            parameters: in that order.

        Raises:
            psycopg.Error: as the driver says it; when the connection was lost it is not known whether it was done.
        """
        import psycopg

        if self._engine is None:
            raise DatabaseUnavailable("The database is closed")
        async with self._engine.connect() as pooled:
            connection = (await pooled.get_raw_connection()).driver_connection
            assert isinstance(connection, psycopg.AsyncConnection)
            try:
                await connection.set_autocommit(True)
                async with psycopg.AsyncRawCursor(connection) as cursor:
                    await cursor.execute(statement, parameters)
                    return await cursor.fetchall()
            finally:
                if connection.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE:
                    await connection.set_autocommit(False)
                else:
                    await pooled.invalidate()

    @property
    def parameters(self) -> dict[str, Any]:
        """What libpq connects by, past a pool of transactions where there is one; it may hold a password."""
        return dict(self._session or self._parameters)

    async def connect(self, **parameters: str) -> "psycopg.AsyncConnection[tuple[Any, ...]]":
        """A connection of one's own in autocommit mode, for a lease or a LISTEN; its owner closes it.

        Args:
            parameters: of libpq, in place of the configured ones.
        """
        import psycopg

        return await psycopg.AsyncConnection.connect(
            **{**self.parameters, **parameters}, autocommit=True, prepare_threshold=self._prepare_after
        )

    async def revive(self) -> None:
        """Start the embedded server again if it died; nothing for any other server."""
        if self._server is not None:
            self._parameters.update(await asyncio.to_thread(_parse, await self._server.start()))

    async def _revive(self, _state: object) -> None:
        _heed_cancellation()
        await self.revive()

    async def _open(self, url: str) -> None:
        try:
            starting = asyncio.create_task(asyncio.to_thread(_import_drivers))
            if self._server is not None:
                url = await self._server.start()
            await starting
            self._parameters = _parse(url)
            if (past := self._settings.session_url) and self._server is None and past.get_secret_value().strip():
                self._session = _parse(past.get_secret_value().strip())
            await self._prepare()
            self._engine = self._make_engine()
        except BaseException:
            await self.close()
            raise

    async def _prepare(self) -> None:
        from memory.schema import prepare_schema, read_only
        from memory.translate import DRIVER_ERRORS, translate

        try:
            connection = await self.connect()
            try:
                await prepare_schema(connection, self.parameters)
                self.read_only = await read_only(connection)
                self.iterative_scan = await _has_iterative_scan(connection)
            finally:
                await connection.close()
        except DRIVER_ERRORS as error:
            if (known := translate(error)) is not None:
                raise known from error
            raise

    def _make_engine(self) -> "AsyncEngine":
        from sqlalchemy.ext.asyncio import create_async_engine

        return create_async_engine(
            "postgresql+psycopg://",
            async_creator=self._connect_pooled,
            pool_size=self._settings.pool_size,
            max_overflow=self._settings.max_overflow,
            pool_timeout=self._settings.pool_timeout,
            echo=self._settings.echo,
            hide_parameters=True,
        )

    @property
    def _prepare_after(self) -> int | None:
        """Uses of a statement after which the server prepares it; None for never."""
        return 5 if self._settings.prepared_statements else None

    async def _connect_pooled(self) -> "psycopg.AsyncConnection[tuple[Any, ...]]":
        import psycopg
        from pgvector.psycopg import register_vector_async
        from psycopg.types.json import set_json_dumps, set_json_loads

        from memory.codec import dump_json, load_json

        connection = await psycopg.AsyncConnection.connect(**self._parameters, prepare_threshold=self._prepare_after)
        try:
            set_json_dumps(dump_json, connection)
            set_json_loads(load_json, connection)
            await register_vector_async(connection)
            await connection.rollback()
            if not self._session:
                # A pool of transactions would give the setting to others; it notices by itself who is gone.
                await connection.execute(_SESSION)
                await connection.commit()
        except BaseException:
            await connection.close()
            raise
        return connection


def _heed_cancellation() -> None:
    """End a task that was cancelled: a rollback that fails puts its own error in the place of the cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _import_drivers() -> None:
    for name in (
        "pgvector.psycopg",
        "sqlalchemy.ext.asyncio",
        "tenacity",
        "memory.schema",
        "memory.tables",
        "memory.translate",
    ):
        importlib.import_module(name)


async def _has_iterative_scan(connection: "psycopg.AsyncConnection[Any]") -> bool:
    row = await (await connection.execute("select extversion from pg_extension where extname = 'vector'")).fetchone()
    return row is not None and tuple(int(part) for part in str(row[0]).split(".")[:2]) >= (0, 8)


def _parse(url: str) -> dict[str, Any]:
    """A URL or connection string as parameters; an error never repeats it, for it may hold a password."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    scheme, mark, rest = url.partition("://")
    if mark:
        if scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
            raise DatabaseUnavailable(
                f"DATABASE_URL has the scheme {scheme!r}, which is not PostgreSQL's",
                "Write it as postgresql://user@host:5432/database.",
            )
        url = f"postgresql://{rest}"
    try:
        given: dict[str, Any] = dict(conninfo_to_dict(url))
    except psycopg.Error:
        raise DatabaseUnavailable(
            "DATABASE_URL cannot be read", "Write it as postgresql://user@host:5432/database; escape signs as %40."
        ) from None
    defaults = {
        "application_name": "miracle",
        "connect_timeout": "10",
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "20000",
    }
    return defaults | given
