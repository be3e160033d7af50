"""What memory recalls, over a real PostgreSQL with pgvector."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import text

from memory.database import Database
from memory.embedders import ApiEmbedder, Counted
from memory.embedding_cache import CachedEmbedder
from memory.hashed_ngrams import embed_text
from memory.marks import MarkStore
from memory.offline import OfflineEmbedder
from memory.views import FailureQuery
from tests.database_fixtures import database, database_url, postgres_server  # noqa: F401
from tests.memory_fixtures import FailureRecord, PatternRecord, WritableMemory


def report(function: str, error: str, line: str = "x = 1") -> str:
    return (
        f"____ test_{function} ____\n\n    def test_{function}():\n>       assert {function}([]) == []\n\n"
        f"tests/test_{function}.py:7: \n_ _ _ _\n\n    def {function}(items):\n        {line}\n"
        f">       return items[0]\nE       {error}\n\n/tmp/w-4711/{function}.py:12: {error.split(':')[0]}\n"
    )


BISECT = report("bisect_left", "IndexError: list index out of range", "low, high = 0, len(items)")
PARSER = report("parse_row", "KeyError: 'amount'", "row = dict(zip(header, items))")
SERVER = report("serve", "ConnectionRefusedError: [Errno 111] Connection refused", "sock.connect(address)")


def record(failure_id: str, shown: str, project: str = "mine") -> FailureRecord:
    return FailureRecord(failure_id, FailureQuery(project, "python", report=shown), run_id="r1", iteration=1)


@pytest.fixture
def memory(database: Database) -> WritableMemory:  # noqa: F811
    return WritableMemory(database, OfflineEmbedder())


async def test_the_same_place_is_recalled_by_fingerprint_with_what_helped(memory: WritableMemory) -> None:
    known = replace(record("a", BISECT), solution="check for an empty list first", helped=True, cause="empty input")
    await memory.remember(known)
    moved = BISECT.replace(":12:", ":40:").replace("/tmp/w-4711/", "/home/me/")
    first = (await memory.recall(FailureQuery("mine", report=moved)))[0]
    assert (first.memory_id, first.via, first.similarity) == ("a", "fingerprint", 1.0)
    assert (first.solution, first.cause) == ("check for an empty list first", "empty input")
    assert first.own_project


async def test_two_failures_without_an_error_that_is_known_are_not_taken_for_one(memory: WritableMemory) -> None:
    texts = ("make: *** [Makefile:4: check] Error 2\nthree links are broken", "\nThe page is 40 kB too large")
    for name, shown in zip("ab", texts, strict=True):
        await memory.remember(replace(record(name, shown), solution=f"what mended {name}", helped=True))
    for name, shown in zip("ab", texts, strict=True):
        found = await memory.recall(FailureQuery("mine", report=shown))
        assert [one.memory_id for one in found if one.via == "fingerprint"] == [name]
        assert found[0].title == shown.strip().split("\n")[0]


async def test_what_helped_comes_before_what_did_not(memory: WritableMemory) -> None:
    for name, solution, helped in (("a", "guess", False), ("b", "cure", True), ("c", "another guess", False)):
        await memory.remember(replace(record(name, BISECT), solution=solution, helped=helped))
    found = await memory.recall(FailureQuery("mine", report=BISECT))
    assert [one.solution for one in found] == ["cure", "another guess", "guess"]


async def test_a_changed_report_is_recalled_by_context(memory: WritableMemory) -> None:
    for name, shown in (("a", BISECT), ("b", PARSER), ("c", SERVER)):
        await memory.remember(record(name, shown))
    changed = PARSER.replace("KeyError: 'amount'", "KeyError: 'price'").replace(
        "return items[0]", "return row['price']"
    )
    found = await memory.recall(FailureQuery("mine", report=changed.replace("def parse_row(", "def parse_record(")))
    assert (found[0].memory_id, found[0].via) == ("b", "context")
    assert "c" not in {one.memory_id for one in found if one.via == "context" and one.similarity > 0.6}


async def test_another_projects_bug_of_the_same_kind_is_recalled_by_signature(memory: WritableMemory) -> None:
    await memory.remember(record("theirs", SERVER, project="theirs"))
    for number in range(6):
        await memory.remember(record(f"mine{number}", PARSER.replace("row", f"row{number}")))
    short = "E   ConnectionRefusedError: [Errno 111] Connection refused"
    found = await memory.recall(FailureQuery("mine", report=PARSER + short), limit=4)
    strange = next(one for one in found if one.memory_id == "theirs")
    assert strange.via == "signature"
    assert not strange.own_project
    assert len(found) == 4


async def test_limits_thresholds_and_exclusions_hold(memory: WritableMemory) -> None:
    await memory.remember(record("a", BISECT))
    query = FailureQuery("mine", report=BISECT)
    assert await memory.recall(query, limit=0) == []
    assert await memory.recall(FailureQuery("mine", report=BISECT, exclude=("a",))) == []
    assert await memory.recall(FailureQuery("mine", report=SERVER), threshold=0.99) == []
    assert await memory.recall(FailureQuery("mine")) == []


async def test_awkward_text_is_remembered(memory: WritableMemory) -> None:
    await memory.remember(record("a", BISECT + "\x00 \ud800 \x1b[31mred\x1b[0m"))
    assert (await memory.recall(FailureQuery("mine", report=BISECT)))[0].memory_id == "a"


async def test_patterns_are_recalled_by_likeness_help_and_wish(memory: WritableMemory, database: Database) -> None:  # noqa: F811
    flask = PatternRecord(
        "p1", "web service", "a Flask web service with a JSON endpoint\nmore", "mine", plan="- one app"
    )
    await memory.remember_pattern(flask)
    await memory.remember_pattern(PatternRecord("p2", "sorting", "a sorting algorithm with property tests"))
    found = await memory.recall_patterns("web service in Flask that returns JSON", 1)
    assert [(one.memory_id, one.kind, one.via) for one in found] == [("p1", "pattern", "text")]
    assert (found[0].title, found[0].plan) == ("web service: a Flask web service with a JSON endpoint", "- one app")
    for name, plan in (("p0", "- two apps"), ("p3", "- no app"), ("p4", "- no app")):
        await memory.remember_pattern(replace(flask, pattern_id=name, plan=plan))
    used = "INSERT INTO recalls (run_id, iteration, memory_id, used, helped) VALUES "
    await database.run(lambda c: c.execute(text(f"{used} ('r', 0, 'p1', true, false), ('r', 0, 'p3', true, true)")))

    async def names(project: str = "mine") -> list[str]:
        return [one.memory_id for one in await memory.recall_patterns("a Flask web service", 3, project=project)]

    assert await names() == ["p3", "p0", "p1"], "what helped comes first, what failed comes last"
    marks = MarkStore(database)
    await marks.set("p1", pinned=True)
    assert (await names(), await names("theirs")) == (["p1", "p3", "p0"], ["p3", "p0", "p1"])
    await marks.set("p1", forgotten=True)
    assert await names() == ["p3", "p0"]


class Endpoint:
    """An embeddings endpoint in this process: the offline vectors, cut to another length."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.broken = False

    async def __call__(self, texts: Sequence[str], model: str, dimensions: int) -> Counted:
        if self.broken:
            raise ConnectionError("no route")
        self.asked += texts
        return Counted([embed_text(one)[:dimensions].tolist() for one in texts], None)


async def test_an_endpoint_is_cached_and_its_failure_is_no_failure(database: Database) -> None:  # noqa: F811
    endpoint = Endpoint()
    memory = WritableMemory(database, CachedEmbedder(ApiEmbedder(endpoint, "large", 256), database, ttl_s=60))
    await memory.remember(record("a", BISECT))
    asked = len(endpoint.asked)
    changed = FailureQuery("another", report=BISECT)
    assert (await memory.recall(changed))[0].memory_id == "a"
    assert len(endpoint.asked) == asked
    endpoint.broken = True
    await memory.remember(record("b", SERVER))
    assert (await memory.recall(FailureQuery("another", report=SERVER + "more")))[0].memory_id == "b"


async def test_an_expired_vector_is_asked_for_again(database: Database) -> None:  # noqa: F811
    endpoint = Endpoint()
    embedder = CachedEmbedder(ApiEmbedder(endpoint, "large", 256), database, ttl_s=60)
    await embedder.embed(["text"])
    await database.run(
        lambda connection: connection.execute(text("UPDATE embedding_cache SET created_at = now() - interval '61 s'"))
    )
    await embedder.embed(["text"])
    assert endpoint.asked == ["text", "text"]
