"""A PostgreSQL server for tests and a fresh, migrated database for each; import what you use.

from tests.database_fixtures import database, database_url, postgres_server  # noqa: F401
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from memory.database import Database
from memory.embedded import EmbeddedServer
from memory.postmaster import locked
from memory.schema import migrate

TEMPLATE = "miracle_template"


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """The connection string of a server that all workers of this test session share."""
    base = tmp_path_factory.getbasetemp()
    home = (base if worker_id == "master" else base.parent) / "postgres"
    server = EmbeddedServer(home, durable=False)
    conninfo = asyncio.run(server.start())
    with locked(home / "template.lock", 60):
        _make_template(conninfo)
    yield conninfo
    asyncio.run(server.stop())


def _make_template(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        known = connection.execute("select datistemplate from pg_database where datname = %s", (TEMPLATE,)).fetchone()
        if known and known[0]:
            return
        if not known:
            connection.execute(f"create database {TEMPLATE}")
        migrate(dict(conninfo_to_dict(make_conninfo(conninfo, dbname=TEMPLATE))))
        connection.execute(f"alter database {TEMPLATE} is_template true")


@pytest.fixture
def database_url(postgres_server: str) -> Iterator[str]:
    """The connection string of a fresh, migrated database; psycopg and `Database.open_url` take it."""
    name = f"t_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        create = sql.SQL("create database {} template {} strategy file_copy")
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
        yield make_conninfo(postgres_server, dbname=name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database, open."""
    opened = await Database.open_url(database_url)
    yield opened
    await opened.close()


def url_of(conninfo: str) -> str:
    """The same database as a URL, for what takes DATABASE_URL."""
    given = conninfo_to_dict(conninfo)
    return f"postgresql://{given['user']}@/{given['dbname']}?host={Path(str(given['host']))}&port={given['port']}"
