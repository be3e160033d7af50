"""The history over a real PostgreSQL: by letters, by meaning, by likeness, and what triggers keep of it."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import text

from memory.database import Database
from memory.history import History
from memory.hits import Filters, Hit, is_cut, project_named, words_of
from memory.marks import MarkStore
from memory.offline import OfflineEmbedder
from memory.records import NewEvent, Row
from memory.store import EventStore
from memory.views import FailureQuery
from miracle_tui.cli.main import cli
from tests.database_fixtures import TEMPLATE, postgres_server, url_of  # noqa: F401
from tests.memory_fixtures import FailureRecord, PatternRecord, WritableMemory

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BISECT = """Traceback (most recent call last):
  File "/work/search.py", line 12, in bisect
    if items[middle] < wanted:
IndexError: list index out of range"""
SERVER = """Traceback (most recent call last):
  File "/work/server.py", line 40, in serve
    sock.connect(address)
ConnectionRefusedError: [Errno 111] Connection refused"""
ROWS = [
    Row("tasks", {"task_id": "t1"}, {"goal": "Parse 100%_of the CSV files", "language": "python", "workspace": "/a"}),
    Row("runs", {"run_id": "r1"}, {"title": "CSV parser", "status": "running", "workspace": "/a", "task_id": "t1"}),
    Row("runs", {"run_id": "r2"}, {"title": "web shop", "status": "success", "outcome": "success"}),
    Row("iterations", {"run_id": "r1", "number": 2}, {"hypothesis": "the header is skipped twice"}),
    Row("iterations", {"run_id": "r1", "number": 1}, {"error_message": "KeyError: 'amount'"}),
    Row("failures", {"failure_id": "f1"}, {"error_signature": "KeyError: 'amount'", "run_id": "r1", "solution": "get"}),
    Row("patterns", {"pattern_id": "p1"}, {"problem_type": "csv", "code_template": "csv.DictReader('Straße 東京')"}),
    Row("runs", {"run_id": "r3"}, {"goal": "\n Count words\nin a file"}),
    Row("iterations", {"run_id": "r3", "number": 1}, {"outcome": "red", "cause": "it splits at tabs only"}),
    Row("iterations", {"run_id": "odd#name", "number": 1}, {"cause": "<b>![x](y)\x1b[2J\u202e"}),
    Row("patterns", {"pattern_id": "p2"}, {"problem_type": "library", "description": "\nword count\nmore"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def url(postgres_server: str) -> Iterator[str]:  # noqa: F811
    """One database for what only reads, filled once."""
    name = f"h_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        made = sql.SQL("create database {} template {} strategy file_copy")
        connection.execute(made.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
        conninfo = make_conninfo(postgres_server, dbname=name)
        asyncio.run(_fill(conninfo))
        yield conninfo
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


async def _fill(url: str) -> None:
    database = await Database.open_url(url)
    store = EventStore(database)
    await store.create_run("r1")
    await store.append("r1", [NewEvent("e1", "noted", {})], ROWS, lease=None, after=0)
    await database.close()


@pytest.fixture
async def history(url: str) -> AsyncIterator[History]:
    database = await Database.open_url(url)
    yield History(database)
    await database.close()


@pytest.fixture
async def opened(url: str) -> AsyncIterator[Database]:
    database = await Database.open_url(url)
    yield database
    await database.close()


async def ids(history: History, query: str, filters: Filters = Filters()) -> set[str]:  # noqa: B008
    return {hit.id for hit in await history.search(query, filters)}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("csv", {"t1", "r1", "p1"}),
        ("CSV pars", {"t1", "r1"}),
        ("100%_of", {"t1"}),
        ("1__%", set()),
        ("\\", set()),
        ("mount", {"r1#1", "f1"}),
        ("'amount'", {"r1#1", "f1"}),
        ("skipped header", {"r1#2"}),
        ("東京", {"p1"}),
        ("東", {"p1"}),
        ("nothing like it", set()),
        ("\x00", set()),
        ("the", {"t1", "r1#2"}),
        ("", {"t1", "r1", "r2", "r3", "r1#1", "r1#2", "r3#1", "odd#name#1", "f1", "p1", "p2"}),
    ],
)
async def test_parts_of_words_are_found(history: History, query: str, found: set[str]) -> None:
    assert await ids(history, query) == found


async def test_the_index_of_letters_finds_what_the_newest_rows_do_not_hold(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memory.search.NEWEST", 1)
    assert await ids(history, "mount") == {"r1#1", "f1"}
    assert await ids(history, "東") == {"p1"}
    assert await ids(history, "cs") == {"t1", "r1", "p1"}
    assert await ids(history, "skipped header") == {"r1#2"}


async def test_titles_tell_what_it_was_about(history: History) -> None:
    hits = await history.search("", Filters(kinds=("iteration", "pattern", "failure", "task")))
    assert {hit.id: (hit.title, hit.context, hit.run_id) for hit in hits} == {
        "r1#1": ("KeyError: 'amount'", "CSV parser", "r1"),
        "r1#2": ("the header is skipped twice", "CSV parser", "r1"),
        "r3#1": ("it splits at tabs only", "Count words", "r3"),
        "odd#name#1": ("<b>![x](y)\x1b[2J\u202e", "", "odd#name"),
        "f1": ("KeyError: 'amount'", "CSV parser", "r1"),
        "p1": ("csv", "", ""),
        "p2": ("library: word count", "", ""),
        "t1": ("Parse 100%_of the CSV files", "", "r1"),
    }


async def test_filters_narrow_what_is_found(history: History) -> None:
    (hit,) = await history.search("amount", Filters(kinds=("failure",)))
    assert (hit.kind, hit.title, hit.run_id) == ("failure", "KeyError: 'amount'", "r1")
    assert "amount" in hit.snippet
    assert await ids(history, "", Filters(language="python", kinds=("run", "iteration"))) == {"r1", "r1#1", "r1#2"}
    assert await ids(history, "", Filters(project=project_named("/a"))) == {"t1", "r1", "r1#1", "r1#2"}
    assert await ids(history, "", Filters(outcome="success")) == {"r2"}
    soon = datetime.now(UTC) + timedelta(hours=1)
    assert await ids(history, "csv", Filters(since=soon)) == set()
    assert await ids(history, "web", Filters(until=soon)) == {"r2"}


async def test_pages_follow_each_other_without_a_gap(history: History) -> None:
    whole = await history.search("")
    pages: list[Hit] = []
    while page := await history.search("", limit=3, after=pages[-1] if pages else None):
        pages += page
    assert pages == whole
    assert await history.search("", limit=0) == []


@pytest.mark.parametrize("query", ["x" * 100_000, "amount " * 20_000, "\x00" * 100_000, "é" * 100_000, "' OR 1=1 --"])
async def test_a_query_that_is_no_query_is_answered(history: History, query: str) -> None:
    async with asyncio.timeout(20):
        assert len(await history.search(query)) in (0, 2)
    assert len(words_of(query)) <= 8
    assert await history.find(query + "\x00\udcff") is None
    assert await history.alike(f"{query} the of \x00 \udcff") == []


def test_what_of_a_query_counts_is_known() -> None:
    assert not is_cut("a few words")
    assert is_cut("one two three four five six seven eight nine")
    assert is_cut("x" * 101)


async def test_triggers_keep_up_with_what_is_written(opened: Database) -> None:
    history = History(opened)

    async def write(statement: str) -> None:
        await opened.run(lambda connection: connection.execute(text(statement)))

    await write("INSERT INTO tasks (task_id, goal) VALUES ('kept', 'zebra stripes')")
    await write("INSERT INTO runs (run_id, task_id, title) VALUES ('kept', 'kept', 'zebra')")
    await write("INSERT INTO iterations (run_id, number, cause) VALUES ('kept', 1, 'zebra lost a stripe')")
    assert await ids(history, "zebra") == {"kept", "kept#1"}
    await write("UPDATE tasks SET language = 'node' WHERE task_id = 'kept'")
    assert await ids(history, "zebra", Filters(language="node")) == {"kept", "kept#1"}
    await write("UPDATE iterations SET cause = 'a horse' WHERE run_id = 'kept'")
    assert await ids(history, "horse") == {"kept#1"}
    await write("DELETE FROM iterations WHERE run_id = 'kept'")
    await write("DELETE FROM runs WHERE run_id = 'kept'")
    await write("DELETE FROM tasks WHERE task_id = 'kept'")
    assert await ids(history, "zebra") == await ids(history, "horse") == set()


async def test_marks_are_told_and_what_is_forgotten_is_hidden(opened: Database) -> None:
    history, marks = History(opened), MarkStore(opened)

    async def told(filters: Filters = Filters()) -> dict[str, tuple[bool, bool]]:  # noqa: B008
        return {hit.kind: (hit.pinned, hit.forgotten) for hit in await history.search("DictReader", filters)}

    for statement in (
        "INSERT INTO runs (run_id, title) VALUES ('p1', 'the run that wrote a DictReader')",
        "INSERT INTO recalls (run_id, iteration, memory_id, role) VALUES ('r2', 0, 'p1', 'planner')",
    ):
        await opened.run(lambda connection, said=statement: connection.execute(text(said)))  # type: ignore[misc]
    await marks.set("p1", pinned=True)
    assert await told() == {"pattern": (True, False), "run": (False, False)}, "a solution has the id of its run"
    await marks.set("p1", forgotten=True)
    assert await told() == {"run": (False, False)}
    assert await told(Filters(forgotten=True)) == {"pattern": (False, True), "run": (False, False)}
    entries = [await history.entry(kind, "p1") for kind in ("pattern", "run")]
    assert [entry and entry.shown for entry in entries] == [1, 0]
    await marks.set("p1", forgotten=False)
    for table, key in (("runs", "run_id"), ("recalls", "memory_id")):
        await opened.run(lambda c, said=f"DELETE FROM {table} WHERE {key} = 'p1'": c.execute(text(said)))  # type: ignore[misc]


async def test_meaning_and_likeness(opened: Database) -> None:
    history, memory = History(opened), WritableMemory(opened, OfflineEmbedder())
    for name, report in (("alike-a", BISECT), ("alike-b", SERVER), ("alike-c", BISECT.replace("12", "13"))):
        await memory.remember(FailureRecord(name, FailureQuery("mine", report=report)))
    await memory.remember_pattern(PatternRecord("alike-p", "web service", "a Flask web service that returns JSON"))
    query = "def serve(items): sock.connect(address) ConnectionRefusedError: refused connection"
    assert [hit.id for hit in await history.alike(query)][:1] == ["alike-b"]
    assert await history.alike(query, Filters(kinds=("run",))) == []
    assert await history.alike("two words") == []
    (found,) = [hit for hit in await history.search("bisect") if hit.id == "alike-a"]
    near = await history.like(found)
    assert near[0].id == "alike-c"
    assert near[0].similarity is not None
    assert near[0].similarity > 0.9
    assert "alike-a" not in [hit.id for hit in near]


async def test_an_entry_tells_all_and_ids_may_be_short(history: History) -> None:
    entry = await history.entry("failure", "f1")
    assert entry is not None
    assert entry.values["solution"] == "get"
    assert (entry.shown, entry.helped) == (0, 0)
    step = await history.entry("iteration", "r1#1")
    assert step is not None
    assert step.values["number"] == 1
    assert await history.entry("run", "none") is None
    assert await history.find("r1") == ("run", "r1")
    assert await history.find("r1#2") == ("iteration", "r1#2")
    assert await history.find("none") is None


async def told(url: str, *arguments: str) -> Result:
    """What the command says; it has a loop of its own, so it runs in a thread."""
    return await asyncio.to_thread(CliRunner().invoke, cli, ["history", *arguments], env={"DATABASE_URL": url_of(url)})


async def test_the_command_is_the_screens_twin(url: str, tmp_path: Path) -> None:
    found = await told(url, "mount", "--kind", "failure", "--json")
    assert [json.loads(line)["id"] for line in found.stdout.splitlines()] == ["f1"], found.output
    told_all = await told(url, "--project", "/a", "--language", "python", "--since", "1d")
    assert {"t1", "r1", "r1#2"} <= set(told_all.stdout.split())
    assert "r2" not in told_all.stdout.split()
    assert "Nothing mentions 'zzz'" in (await told(url, "zzz")).stdout
    assert "first 8 words" in (await told(url, "a b c d e f g h i")).stderr
    assert "SOLUTION" not in (shown := await told(url, "show", "f1")).stdout
    assert "WHAT WAS TRIED\nget" in shown.stdout
    page = tmp_path / "f1.json"
    assert "written" in (await told(url, "show", "f1", "--export", str(page))).stdout
    assert json.loads(page.read_text(encoding="utf-8"))["values"]["solution"] == "get"
    again = await told(url, "show", "f1", "--export", str(page))
    await told(url, "show", "odd#name#1", "--export", str(tmp_path / "odd.md"))
    told_odd = (tmp_path / "odd.md").read_text(encoding="utf-8")
    assert told_odd.startswith("# Iteration: \\<b>!\\[x](y)\\[2J�\n"), "nothing of it acts"
    assert "## Cause\n\n```text\n<b>![x](y)�\n```\n" in told_odd
    assert (again.exit_code, "nothing is overwritten" in again.stderr) == (1, True)
    assert "nothing named 'nowhere'" in (await told(url, "show", "nowhere")).stderr
    assert (await told(url, "x", "--export", "y.md")).exit_code == 2
    assert (await told(url, "x", "--since", "soonish")).exit_code == 2
