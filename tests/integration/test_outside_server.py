"""A PostgreSQL of one's own: what Miracle says of each way in which it can be unfit, and what works on it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from config.database import PostgreSQL
from engine.engine import Engine
from engine.task import Task
from memory.backup import back_up
from memory.database import Database
from memory.errors import DatabaseUnavailable, DatabaseUnsuitable, MemoryStoreError
from memory.projections import Projections
from memory.records import NewEvent, Row
from memory.refusals import refusal
from memory.store import EventStore
from tests.engine_fixtures import engine_config
from tests.outside_server import PASSWORD, Outside, outside, tls_before

__all__ = ["outside"]


@pytest.fixture
async def app(outside: Outside) -> AsyncIterator[Database]:
    """The database of the owner, with a run in it, that `reader` may look at."""
    opened = await Database.open_url(outside.url())
    store = EventStore(opened)
    if not await Projections(opened).find_runs("r1"):
        await store.create_run("r1")
        rows = [Row("runs", {"run_id": "r1"}, {"title": "Parse three dates", "goal": "Parse"})]
        await store.append("r1", [NewEvent("e1", "odd", {"n": 1})], rows, lease=None, after=0)
        outside.admin(
            "grant connect on database app to reader;\ngrant usage on schema public to reader;\n"
            "grant select on all tables in schema public to reader", "app",
        )  # fmt: skip
    yield opened
    await opened.close()


def told(caught: pytest.ExceptionInfo[MemoryStoreError]) -> str:
    """What a person reads; never the password."""
    said = f"{caught.value.title}\n{caught.value.hint}"
    assert PASSWORD not in said + str(caught.value) + repr(caught.value.__cause__)
    assert caught.value.hint
    return said


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"password": "wrong"}, "password of owner"),
        ({"user": "absent"}, "password of absent"),  # the server does not tell strangers which roles there are
        ({"database": "absent"}, "has no database absent"),
        ({"user": "stranger"}, "no rule for"),
        ({"sslmode": "require"}, "speaks no TLS"),
        ({"host": "nowhere.invalid"}, "host nowhere.invalid is not known"),
        ({"database": "bare"}, "CREATE EXTENSION vector;"),
    ],
    ids=[
        "password",
        "role",
        "database",
        "no-rule",
        "no-tls",
        "host",
        "bare",
    ],
)
async def test_each_refusal_says_what_to_do(outside: Outside, change: dict[str, str], expected: str) -> None:
    url = outside.url(**{key: value.format(home=outside.home) for key, value in change.items()})
    with pytest.raises(MemoryStoreError) as caught:
        await Database.open_url(url)
    assert expected in told(caught)


@pytest.mark.parametrize(
    ("host", "authority", "certificate", "expected"),
    [
        ("localhost", "ca.crt", "server.crt", ""),
        ("127.0.0.1", "ca.crt", "server.crt", "certificate is for localhost"),
        ("localhost", "other.crt", "server.crt", "not trusted"),
        ("localhost", "ca.crt", "expired.crt", "expired"),
        ("localhost", "gone.crt", "server.crt", "gone.crt"),
    ],
    ids=["good", "other-name", "other-authority", "expired", "no-file"],
)
async def test_tls_is_checked_to_the_name_and_the_date(
    outside: Outside, app: Database, host: str, authority: str, certificate: str, expected: str
) -> None:
    async with tls_before(outside, certificate) as port:
        root = str(outside.home / authority)
        url = outside.url(sslmode="verify-full", sslrootcert=root, host=host, port=str(port))
        if not expected:
            opened = await Database.open_url(url)
            assert await Projections(opened).find_runs("r1") == ["r1"]
            await opened.close()
            return
        with pytest.raises(DatabaseUnsuitable) as caught:
            await Database.open_url(url)
    assert expected in told(caught)


async def test_a_role_without_a_free_connection_is_told_so(outside: Outside, app: Database) -> None:
    busy = await app.connect(user="limited")
    with pytest.raises(DatabaseUnavailable) as caught:
        await Database.open_url(outside.url("limited"))
    assert "no free connection" in told(caught)
    await busy.close()


async def test_a_statement_that_took_too_long_is_named(outside: Outside, app: Database) -> None:
    opened = await Database.open_url(outside.url("slow"))

    async def slow(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT pg_sleep(5)"))

    with pytest.raises(DatabaseUnavailable) as caught:
        await opened.run(slow)
    assert "statement timeout" in told(caught)
    await opened.close()


@pytest.mark.parametrize("user", ["reader", "frozen"])
async def test_who_may_only_look_can_look(outside: Outside, app: Database, user: str, tmp_path: Path) -> None:
    config = engine_config(None, tmp_path / "home", **{"database.postgresql.url": outside.url(user)})
    engine = await Engine.open(config)
    try:
        assert engine.memory.database.read_only
        assert [run.run_id for run in await engine.runs()] == ["r1"]
        assert [hit.id for hit in await engine.search("three dates")] == ["r1"]
        assert [hit.id for hit in await engine.search("parse three dates")] == ["r1"]
        assert await engine.search_alike("parse three dates") == [], "no memory was ever embedded here"
        assert [one.seq for one in await engine.log("r1")] == [1]
        assert await engine.approvals() == []
        with pytest.raises(DatabaseUnsuitable) as caught:
            await engine.start(Task(goal="g", workspace=str(tmp_path)))
        assert "look" in told(caught) or "only be read" in told(caught)
        made = await back_up(engine.memory.database, tmp_path / "b")
        assert made.rows["events"] == 1
    finally:
        await engine.close()
    assert PASSWORD.encode() not in (tmp_path / "b").read_bytes()
    assert outside.url().encode() not in (tmp_path / "b").read_bytes()


async def test_an_older_schema_is_not_migrated_by_who_may_only_look(outside: Outside, app: Database) -> None:
    outside.admin("update alembic_version set version_num = '0001'", "app")
    try:
        with pytest.raises(DatabaseUnsuitable) as caught:
            await Database.open_url(outside.url("reader"))
        assert "a role that may write" in told(caught)
    finally:
        from memory.schema import head_revision

        outside.admin(f"update alembic_version set version_num = '{head_revision()}'", "app")


async def test_behind_a_pool_of_transactions_nothing_is_prepared(outside: Outside, app: Database) -> None:
    async def prepared(connection: AsyncConnection) -> int:
        for _ in range(8):
            await connection.execute(text("SELECT count(*) FROM runs WHERE run_id = :run"), {"run": "r1"})
        return int((await connection.execute(text("SELECT count(*) FROM pg_prepared_statements"))).scalar_one())

    assert await app.run(prepared) > 0
    settings = PostgreSQL.model_validate(
        {"prepared_statements": False, "session_url": outside.url(application_name="past")}
    )
    pooled = await Database.open_url(outside.url(), settings)
    try:
        assert await pooled.run(prepared) == 0
        own = await pooled.connect()
        assert own.info.get_parameters()["application_name"] == "past"
        await own.close()
        await EventStore(pooled).append("r1", [], lease=None, after=1)
    finally:
        await pooled.close()


async def test_connections_that_the_server_ends_lose_nothing(outside: Outside, app: Database) -> None:
    store = EventStore(app)
    await store.create_run("r2")

    async def end_all() -> None:
        for _ in range(5):
            await asyncio.sleep(0.05)
            await asyncio.to_thread(
                outside.admin, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'owner'"
            )

    ending = asyncio.create_task(end_all())
    for seq in range(40):
        await store.append("r2", [NewEvent(f"x{seq}", "odd", {})], lease=None, after=seq)
        await asyncio.sleep(0.01)
    await ending
    assert [one.seq for one in await store.read("r2")] == list(range(1, 41))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("FATAL:  sorry, too many clients already", "no free connection"),
        ("FATAL:  the database system is starting up", "starting up"),
        ("FATAL:  the database system is not yet accepting connections", "not ready"),
        ("ERROR:  cannot execute INSERT in a read-only transaction", "only be read"),
        ("ERROR:  canceling statement due to conflict with recovery", "conflict with recovery"),
        ("ERROR:  permission denied for schema public", "GRANT USAGE, CREATE ON SCHEMA public"),
        ("connection failed: server does not support SSL, but SSL was required", "no TLS"),
        ("fe_sendauth: no password supplied", "wants a password"),
    ],
)
def test_what_is_costly_to_bring_about_is_known_by_its_words(said: str, expected: str) -> None:
    error = refusal(said)
    assert error is not None
    assert expected in f"{error.title} {error.hint}"
    assert refusal("something else") is None
