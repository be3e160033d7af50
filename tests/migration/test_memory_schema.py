"""The migrations lead to the declared schema, also when several processes start them at once."""

import subprocess
import sys
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import NullPool, create_engine

from memory.database import Database
from memory.errors import DatabaseUnsuitable
from memory.schema import head_revision, migrate, revisions
from memory.tables import metadata
from tests.database_fixtures import postgres_server  # noqa: F401


@pytest.fixture
def empty_database(postgres_server: str) -> Iterator[str]:  # noqa: F811
    name = f"e_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        yield make_conninfo(postgres_server, dbname=name)
        connection.execute(f"drop database {name} with (force)")


def test_migrations_lead_to_the_declared_schema(empty_database: str) -> None:
    parameters = conninfo_to_dict(empty_database)
    migrate(dict(parameters))
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(empty_database), poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_three_processes_that_migrate_at_once_all_succeed(empty_database: str) -> None:
    code = (
        "import asyncio, sys\nfrom memory.database import Database\n"
        "async def main():\n    database = await Database.open_url(sys.argv[1])\n    await database.close()\n"
        "asyncio.run(main())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, empty_database], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    ended = [(process.communicate()[1], process.returncode) for process in started]
    assert ended == [("", 0)] * 3
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("select version_num from alembic_version").fetchall() == [(head_revision(),)]


async def test_a_schema_of_a_newer_miracle_is_left_alone(empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute("create table alembic_version (version_num text)")
        connection.execute("insert into alembic_version values ('9999')")
    with pytest.raises(DatabaseUnsuitable, match="newer Miracle"):
        await Database.open_url(empty_database)


def test_a_warm_start_does_not_import_alembic(empty_database: str) -> None:
    migrate(dict(conninfo_to_dict(empty_database)))
    code = (
        "import asyncio, sys\nfrom memory.database import Database\n"
        "async def main():\n    await (await Database.open_url(sys.argv[1])).close()\n"
        "asyncio.run(main()); print('alembic' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code, empty_database], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


VALUES = {
    "text": "'v'", "bigint": "7", "integer": "7", "smallint": "7", "double precision": "0.5", "boolean": "true",
    "timestamp with time zone": "'2026-01-02'", "jsonb": "'{\"a\": 1}'", "bytea": "'x'",
}  # fmt: skip
COLUMNS = """
    select table_name, column_name, data_type from information_schema.columns join information_schema.tables
    using (table_schema, table_name) where table_schema = 'public' and table_type = 'BASE TABLE'
    and table_name not in ('alembic_version', 'history')"""
DROPPED = {"usage_count", "success_rate"}


def test_rows_of_every_older_schema_come_along(empty_database: str) -> None:
    parameters = dict(conninfo_to_dict(empty_database))
    for revision in sorted(revisions())[:-1]:
        with psycopg.connect(empty_database, autocommit=True) as connection:
            connection.execute("drop schema public cascade; create schema public")
            migrate(dict(parameters), revision)
            columns: dict[str, dict[str, str]] = {}
            for table, column, kind in connection.execute(COLUMNS).fetchall():
                columns.setdefault(table, {})[f'"{column}"'] = VALUES[kind]
            before = {}
            for table in sorted(columns):
                names, values = ", ".join(columns[table]), ", ".join(columns[table].values())
                connection.execute(f"insert into {table} ({names}) values ({values})".encode())
                before[table] = connection.execute(f"select to_jsonb(t) from {table} as t".encode()).fetchall()
            migrate(dict(parameters))
            for table, [(old,)] in before.items():
                [(new,)] = connection.execute(f"select to_jsonb(t) from {table} as t".encode()).fetchall()
                kept = {name: value for name, value in old.items() if name not in DROPPED}
                assert {name: new[name] for name in kept} == kept, f"{table} of {revision}"
            found = connection.execute("select kind from history order by kind").fetchall()
            assert [kind for (kind,) in found] == ["failure", "iteration", "pattern", "run", "task"], revision
