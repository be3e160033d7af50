"""Recall in one trip: filters, marks, what helped before, an index that is searched widely, and bad input."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

import memory.recalling
from memory.database import Database
from memory.marks import MarkStore
from memory.offline import OfflineEmbedder
from memory.ranking import TrackRecord, weight
from memory.recalling import RecallFilters
from memory.records import Recollection
from memory.views import FailureQuery
from tests.database_fixtures import database_url, postgres_server  # noqa: F401
from tests.memory_fixtures import FailureRecord, WritableMemory

REPORT = "    def total(rows):\n>       return rows[0]['{0}']\nE       KeyError: '{0}'\n\n{1}.py:12: KeyError\n"
NOW = datetime.now(UTC)


class Counting(Database):
    """A database that counts what is asked of it."""

    asked = 0

    async def run(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        """Count a transaction."""
        self.asked += 1
        return await super().run(work)

    async def attempt(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Count a statement."""
        self.asked += 1
        return await super().attempt(statement, parameters)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Counting]:  # noqa: F811
    opened = await Counting.open_url(database_url)
    yield opened
    await opened.close()


async def execute(database: Database, statement: str) -> None:
    await database.run(lambda connection: connection.execute(text(statement)))


def query(project: str = "mine", key: str = "amount", place: str = "shop") -> FailureQuery:
    return FailureQuery(project, "python", report=REPORT.format(key, place))


def ids(found: Sequence[Recollection]) -> list[str]:
    return [one.memory_id for one in found]


async def test_recall_is_one_trip_and_narrowed_by_filters(database: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    memory_ = WritableMemory(database, OfflineEmbedder())
    languages = {"old": "python", "cured": "python", "worse": "python", "other": "node"}
    for name, language in languages.items():
        seen = FailureQuery("mine", language, report=REPORT.format(name, name))
        outcome = {"cured": "solved", "worse": "unchanged"}.get(name, "open")
        kind = "error" if name == "other" else "test"
        await memory_.remember(FailureRecord(name, seen, kind=kind, outcome=outcome, solution=name))
    await execute(database, "UPDATE failures SET at = now() - interval '9 days' WHERE failure_id = 'old'")
    week = NOW - timedelta(days=7)
    narrowed: list[tuple[RecallFilters, set[str]]] = [
        (RecallFilters(), set(languages)),
        (RecallFilters(language="node"), {"other"}),
        (RecallFilters(language="rust"), set()),
        (RecallFilters(kind="error"), {"other"}),
        (RecallFilters(outcome="solved"), {"cured"}),
        (RecallFilters(since=week, language="python"), {"cured", "worse"}),
        (RecallFilters(until=week), {"old"}),
        (RecallFilters(language="it's \\ é"), set()),
    ]
    for few in (memory.recalling.FEW_ROWS, 0):
        monkeypatch.setattr(memory.recalling, "FEW_ROWS", few)
        for project in ("mine", "theirs"):
            for filters, wanted in narrowed:
                before = database.asked
                found = await memory_.recall(query(project), 9, threshold=-1, filters=filters)
                assert set(ids(found)) == wanted, (few, project, filters)
                assert database.asked - before == 1


async def test_marks_and_what_came_of_advice_decide_the_order(database: Counting) -> None:
    memory_, marks = WritableMemory(database, OfflineEmbedder()), MarkStore(database)
    for name in ("a", "b", "c"):
        await memory_.remember(FailureRecord(name, query(), solution=f"try {name}"))
    for run, helped in (("r1", "true"), ("r2", "false")):
        for number, name in enumerate("ab" if helped == "true" else "c", start=1):
            await execute(
                database,
                "INSERT INTO recalls (run_id, iteration, role, memory_id, used, helped) "
                f"VALUES ('{run}', {number}, 'reflector', '{name}', true, {helped if name != 'b' else 'NULL'})",
            )
    found = await memory_.recall(query())
    assert [(one.memory_id, one.used, one.helped, one.harmed) for one in found] == [
        ("a", 1, 1, 0),
        ("b", 1, 0, 0),
        ("c", 1, 0, 1),
    ]
    await marks.set("c", pinned=True, by="me")
    assert ids(await memory_.recall(query())) == ["c", "a", "b"]
    assert (await memory_.recall(query()))[0].pinned
    assert not any(one.pinned for one in await memory_.recall(query("theirs"))), "a pin holds in its own project"
    forgotten = await marks.set("c", forgotten=True, by="me")
    assert (forgotten.pinned, forgotten.forgotten, forgotten.by) == (False, True, "me")
    for project in ("mine", "theirs"):
        assert set(ids(await memory_.recall(query(project)))) == {"a", "b"}
    assert [one.memory_id for one in await marks.all()] == ["c"]
    await marks.set("c", forgotten=False)
    assert await marks.all() == []
    assert "c" in ids(await memory_.recall(query()))


async def test_the_index_is_searched_beyond_what_the_filter_takes_away(
    database: Counting,
    database_url: str,  # noqa: F811
) -> None:
    """With the width that pgvector has by itself, the project's own rows would hide all others."""
    memory_ = WritableMemory(database, OfflineEmbedder())
    for number in range(60):
        await memory_.remember(FailureRecord(f"own{number}", query(place=f"shop{number}")))
    await memory_.remember(FailureRecord("stranger", query("theirs", "price", "cart")))
    name = (await database.attempt("SELECT current_database()", ()))[0][0]
    for setting in ("enable_seqscan", "enable_sort"):
        await execute(database, f"ALTER DATABASE {name} SET {setting} = off")
    again = await Database.open_url(database_url)
    try:
        found = await WritableMemory(again, OfflineEmbedder()).recall(query(place="nowhere"), 70, threshold=-1)
    finally:
        await again.close()
    assert "stranger" in ids(found)


@pytest.mark.parametrize(
    "report",
    [
        "x" * 100_000,
        ("word " * 20_000) + "E   KeyError: 'amount'",
        "E   KeyError: 'am\x00ount'\n\ud800",
        "the of and to",
        "ошибка: ключ не найден",
        "错误：找不到键",
        "'; DROP TABLE failures; --",
        "\x00",
        "   \n",
        "",
    ],
    ids=["100,000", "words", "NUL", "stop words", "Cyrillic", "Chinese", "quotes", "only NUL", "blank", "empty"],
)
async def test_bad_input_is_answered_and_stored(database: Counting, report: str) -> None:
    memory_ = WritableMemory(database, OfflineEmbedder())
    await memory_.remember(FailureRecord("known", query()))
    began = time.process_time()
    for project in ("mine", "theirs", "\x00"):
        found = await memory_.recall(FailureQuery(project, "py\x00thon", report=report, exclude=("\x00",)))
        assert all(one.memory_id == "known" for one in found)
    assert time.process_time() - began < 5
    await memory_.remember(FailureRecord("odd", FailureQuery("mine", "python", report=report)))
    first = await memory_.recall(FailureQuery("mine", "python", report=report))
    assert "odd" in ids(first) or not report.strip()


def test_help_lifts_and_failed_advice_sinks_within_bounds() -> None:
    def of(helped: int, harmed: int, days: float = 0) -> float:
        record = TrackRecord(helped + harmed, helped + harmed, helped, harmed)
        return weight(record, None, NOW - timedelta(days=days), NOW)

    assert of(0, 0) == 1
    assert of(10, 0) > of(1, 0) > of(1, 1) == of(0, 0) > of(0, 1) > of(0, 10)
    assert of(0, 0, days=180) == pytest.approx(0.95)
    assert 0.675 < of(0, 1000, days=10_000) < of(1000, 0) < 1.25
    assert weight(TrackRecord(), True, NOW, NOW) > 1 > weight(TrackRecord(), False, NOW, NOW)
