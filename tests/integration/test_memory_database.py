"""Opening a database: what it accepts, and what it says of one that cannot be used."""

import os
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from config.config import Config
from config.database import Database as DatabaseSettings
from config.database import PostgreSQL
from config.paths import find_paths
from memory.database import Database
from memory.errors import DatabaseUnavailable, DatabaseUnsuitable, DiskFull
from memory.memory import MemoryService
from tests.database_fixtures import database, database_url, postgres_server, url_of  # noqa: F401


async def one(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("SELECT 1"))).scalar_one())


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
async def test_every_spelling_of_the_scheme_is_accepted(database_url: str, scheme: str) -> None:  # noqa: F811
    opened = await Database.open_url(url_of(database_url).replace("postgresql", scheme, 1))
    assert await opened.run(one) == 1
    await opened.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@127.0.0.1:1/none",
        "mysql://me:s3cret@127.0.0.1/none",
        "postgresql://me:s3cret@127.0.0.1:port/none",
        "postgresql://me:s3cret@[::1/none",
        "nonsense s3cret",
        "postgresql://me:s3cret@/none?host=/nowhere/at/all",
    ],
)
async def test_a_database_that_does_not_answer_is_named_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        await Database.open_url(url)
    assert "s3cret" not in caught.value.title + caught.value.hint + str(caught.value)
    assert caught.value.hint


async def test_a_missing_database_is_named(postgres_server: str) -> None:  # noqa: F811
    with pytest.raises(DatabaseUnsuitable, match="absent"):
        await Database.open_url(make_conninfo(postgres_server, dbname="absent"))


async def test_a_server_without_pgvector_or_with_an_old_one_is_unsuitable(database: Database) -> None:  # noqa: F811
    from memory.schema import prepare_schema

    connection = await database.connect()
    # A schema that shadows the catalogue's view looks like a server on which the extension is not installed.
    await connection.execute("create schema shadow")
    await connection.execute(
        "create view shadow.pg_available_extensions as select * from pg_catalog.pg_available_extensions where false"
    )
    await connection.execute("set search_path = shadow, pg_catalog, public")
    with pytest.raises(DatabaseUnsuitable, match="pgvector"):
        await prepare_schema(connection, {})
    for installed, offered, steps in (
        ("null", "'0.6.2'", "Install pgvector 0.7 or newer on the server"),
        ("'0.5.1'", "'0.8.5'", "As a superuser in this database: ALTER EXTENSION vector UPDATE;"),
        ("'0.6.2'", "'0.6.2'", "Install pgvector 0.7 or newer on the server, then as a superuser in this database: "),
    ):
        await connection.execute("drop view shadow.pg_available_extensions")
        await connection.execute(
            "create view shadow.pg_available_extensions as select 'vector'::name as name, "
            f"{offered}::text as default_version, {installed}::text as installed_version, ''::text as comment".encode()
        )
        with pytest.raises(DatabaseUnsuitable, match=r"pgvector 0\.[56]\.\d is too old") as caught:
            await prepare_schema(connection, {})
        assert caught.value.hint.startswith(steps)
    await connection.close()


async def test_a_full_disk_is_told_as_such(database: Database) -> None:  # noqa: F811
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text("DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$"))

    with pytest.raises(DiskFull) as caught:
        await database.run(work)
    assert caught.value.hint


async def test_a_closed_database_says_so(database_url: str) -> None:  # noqa: F811
    opened = await Database.open_url(database_url)
    await opened.close()
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await opened.run(one)


async def test_memory_opens_the_configured_url(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    settings = DatabaseSettings(postgresql=PostgreSQL(url=SecretStr(url_of(database_url))))
    config = Config(find_paths({"MIRACLE_HOME": str(tmp_path)}), database=settings)
    memory = await MemoryService.open(config)
    await memory.store.create_run("r1")
    assert await memory.projections.runs() == []
    assert memory.database.where.endswith("/" + database_url.rpartition("dbname=")[2].split()[0])
    await memory.close()
    assert not os.listdir(tmp_path)
