"""Memories without vectors get them, over a real PostgreSQL and an embeddings endpoint behind real HTTP."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from config.config import Config
from config.openai import Price
from config.paths import find_paths
from engine.bus import Bus, Notice
from engine.embedding_worker import EmbeddingWorker
from engine.llm.choose import make_embeddings
from engine.scripted.faults import Fault, FaultKind
from engine.scripted.server import ScriptedServer
from memory.backlog import Backlog, standing
from memory.backlog_pass import Pass, Progress
from memory.database import Database
from memory.embedders import API_CHARACTERS, ApiEmbedder, Counted
from memory.embedding_cache import CachedEmbedder
from memory.failures import FailureMemory
from memory.offline import OfflineEmbedder
from memory.patience import Patience, PatientEmbedder
from memory.records import Row
from memory.spaces import Spaces
from memory.upsert import upsert
from memory.vectors import Vectors
from memory.views import FailureQuery
from tests.cli_fixtures import aside
from tests.database_fixtures import database, database_url, postgres_server, url_of  # noqa: F401
from tests.model_fixtures import SCRIPT, settings

DIMENSIONS = 32
ROWS = 70
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
CHILD = """
import asyncio, sys
from memory.backlog import Backlog
from memory.database import Database
from memory.offline import OfflineEmbedder
from memory.spaces import Spaces

async def main():
    database = await Database.open_url(sys.argv[1])
    def told(progress):
        print(progress.done, flush=True)
        sys.stdin.readline()
    await Backlog(database, Spaces(database, OfflineEmbedder())).work(told)
asyncio.run(main())
"""


class Memory:
    """A failure memory and its backlog over an endpoint, as the engine puts them together."""

    def __init__(self, opened: Database, server: ScriptedServer, model: str, **backlog: object) -> None:
        prices = {"large": Price(input=1000.0, output=0)}
        openai = settings(server.base_url, prices=prices)
        self.endpoint = make_embeddings(Config(paths=find_paths({"MIRACLE_HOME": "nowhere"}), openai=openai))
        self.told: list[str] = []
        self.clock = 1000.0
        patience = Patience(self.told.append, clock=lambda: self.clock)

        def made(name: str, dimensions: int) -> CachedEmbedder:
            api = ApiEmbedder(self.endpoint.embed, name, dimensions, 0.2)
            return CachedEmbedder(PatientEmbedder(api, patience), opened, 600)

        self.failures = FailureMemory(opened, made(model, DIMENSIONS), former=made)
        self.backlog = Backlog(
            opened,
            self.failures.spaces,
            self.endpoint,
            patience=patience,
            **{"max_usd": 1e6} | backlog,  # type: ignore[arg-type]
        )

    async def found(self, number: int) -> list[str]:
        """What is recalled by a report that is like a stored one."""
        recalled = await self.failures.recall(FailureQuery("other", report=report(number) + "\nagain"), 3)
        return [one.memory_id for one in recalled]


@asynccontextmanager
async def memory_of(
    opened: Database, model: str = "large", faults: Sequence[Fault] = (), **backlog: object
) -> AsyncIterator[tuple[Memory, ScriptedServer]]:
    async with ScriptedServer(SCRIPT, faults) as server:
        memory = Memory(opened, server, model, **backlog)
        try:
            yield memory, server
        finally:
            await memory.endpoint.close()


def report(number: int) -> str:
    return f"E   ValueError: row{number} of table{number} has no column{number}"


async def fill(opened: Database, rows: int = ROWS, long: str = "") -> None:
    """Failures without vectors, as a log that is folded leaves them, learnt a while ago."""
    made = [
        Row(
            "failures",
            {"failure_id": f"f{number:04d}"},
            {"project": "p", "language": "python", "ctx_text": report(number) + long, "sig_text": report(number)}
            | {"error_signature": report(number), "at": LONG_AGO},
        )
        for number in range(rows)
    ]
    blank = Row("failures", {"failure_id": "blank"}, {"project": "p", "ctx_text": "", "sig_text": ""})
    await opened.run(lambda connection: upsert(connection, [*made, blank]))
    await opened.run(
        lambda connection: upsert(
            connection, [Row("patterns", {"pattern_id": "q"}, {"problem_type": "api", "created_at": LONG_AGO})]
        )
    )


async def tables(opened: Database) -> set[str]:
    query = text("SELECT relname FROM pg_class WHERE relkind IN ('r', 'i') AND relname LIKE '%emb\\_%\\_ctx%'")
    return set((await opened.run(lambda connection: connection.execute(query))).scalars())


async def test_the_offline_embedder_catches_up_and_goes_on_where_it_was_killed(
    database: Database,  # noqa: F811
    database_url: str,  # noqa: F811
) -> None:
    await fill(database)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, database_url, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    done = int(await child.stdout.readline())
    backlog = Backlog(database, Spaces(database, OfflineEmbedder()))
    assert (await backlog.work()).state == "elsewhere"
    child.send_signal(signal.SIGKILL)
    await child.communicate()
    async with asyncio.timeout(20):
        while (ended := await backlog.work()).state == "elsewhere":  # noqa: ASYNC110  the server notices when it does
            await asyncio.sleep(0.05)
    assert (ended.state, ended.done, ended.total) == ("done", 2 * ROWS + 1 - done, 2 * ROWS + 1 - done)
    assert 0 < done < ROWS
    assert (await backlog.work()).total == 0
    memory = FailureMemory(database, OfflineEmbedder())
    assert (await memory.recall(FailureQuery("other", report=report(7))))[0].memory_id == "f0007"


async def test_another_model_takes_over_when_it_knows_everything(database: Database) -> None:  # noqa: F811
    async with memory_of(database, "first") as (first, _):
        await first.found(0)
        await fill(database)
        assert (await first.backlog.work()).done == 2 * ROWS + 1
    async with memory_of(database, "second", grace_s=0) as (second, server):
        assert (await second.found(7))[0] == "f0007"
        assert server.requests[-1].json()["model"] == "first"
        before = {one.model: (one.active, one.lacking) for one in await standing(database)}
        assert before == {"first": (True, 0), OfflineEmbedder.name: (True, 0), "second": (False, 2 * ROWS + 1)}
        shown: list[Progress] = []
        ended = await second.backlog.work(shown.append)
        assert (ended.state, ended.done, ended.total) == ("done", 2 * ROWS + 1, 2 * ROWS + 1)
        assert [one.done for one in shown] == sorted(one.done for one in shown)
        assert f"of {2 * ROWS + 1}" in shown[0].line
        assert (await second.found(7))[0] == "f0007"
        assert server.requests[-1].json()["model"] == "second"
        assert {one.model for one in await standing(database)} == {OfflineEmbedder.name, "second"}
    left = await tables(database)
    assert len([name for name in left if name.endswith("_ctx")]) == 2
    assert len([name for name in left if name.endswith("_ctx_v")]) == 2


async def test_no_more_is_spent_than_was_said(database: Database) -> None:  # noqa: F811
    await fill(database)
    async with memory_of(database, "large", max_usd=1.0) as (memory, _):
        ended = await memory.backlog.work()
        assert ended.state == "capped"
        assert "reembed_max_usd" in ended.reason
        assert 0 < ended.done < ended.total
        assert 0 < ended.usd <= 1.0
        again = await memory.backlog.work()
        assert (again.state, again.done, again.usd) == ("capped", 0, 0.0)
        (large,) = [one for one in await standing(database) if one.model == "large"]
        assert large.usd == pytest.approx(ended.usd)
        assert large.problem == again.reason
        assert (large.lacking, large.active) == (ended.total - ended.done, False)
        rest = await memory.backlog.work(more_usd=100.0)
        assert (rest.state, rest.done) == ("done", ended.total - ended.done)
        (large,) = [one for one in await standing(database) if one.model == "large"]
        assert (large.lacking, large.active, large.problem) == (0, True, "")
        assert large.usd == pytest.approx(ended.usd + rest.usd)


async def test_what_may_be_spent_is_not_spent_again_when_the_server_was_away(database: Database) -> None:  # noqa: F811
    await fill(database)
    cut = False

    def told(progress: Progress) -> None:
        nonlocal cut
        if progress.model == "large" and not cut:
            cut = True
            raise ConnectionResetError

    async with memory_of(database, "large") as (memory, _):
        assert (await memory.backlog.work(told, more_usd=1.0)).state == "capped"
        (large,) = [one for one in await standing(database) if one.model == "large"]
    assert cut
    assert 0 < large.usd <= 1.0


async def test_nothing_is_paid_for_twice(database: Database) -> None:  # noqa: F811
    # Texts of which sixteen fill a request.
    await fill(database, 20, " x" * API_CHARACTERS)
    broken = [Fault(FaultKind.STATUS, status=404, embedding=True, with_text="row17 ")]
    async with memory_of(database, "large", broken) as (memory, server):
        # A run that just met a failure asks about it itself, and again when it has a row.
        young = {"project": "p", "ctx_text": "young failure", "sig_text": "young", "at": datetime.now(UTC)}
        await database.run(lambda one: upsert(one, [Row("failures", {"failure_id": "young"}, young)]))
        first = await memory.backlog.work(settled_s=30)
        (large,) = [one for one in await standing(database) if one.model == "large"]
        assert (first.state, first.done) == ("failed", 16), "what one request gave is kept when the next one fails"
        assert large.usd == pytest.approx(first.usd)
        assert large.usd > 0
        before = asked(server)
    async with memory_of(database, "large") as (memory, server):
        rest = await memory.backlog.work(settled_s=30)
        assert (rest.state, rest.done, rest.total) == ("done", 25, 25)
        told = before + asked(server)
        assert not any("young" in text for text in told), "it is left to its run"
        assert {text for text in told if told.count(text) > 1} <= set(before[16:]), "what was refused"
        (embedder, _) = memory.failures.spaces.preferred or pytest.fail("the endpoint is preferred")
        await embedder.embed(["young failure", "young"])
        ended = await memory.backlog.work()
        assert (ended.done, ended.usd) == (2, 0.0), "and when that paid, its vectors are taken from there"
        assert asked(server)[len(told) - len(before) :] == ["young failure", "young"]
        (large,) = [one for one in await standing(database) if one.model == "large"]
        assert large.usd == pytest.approx(first.usd + rest.usd)


def asked(server: ScriptedServer) -> list[str]:
    """Every text that was sent to the endpoint."""
    return [text for request in server.requests for text in request.json()["input"]]


async def test_what_is_gone_or_reads_otherwise_when_its_vector_comes_gets_none(database: Database) -> None:  # noqa: F811
    await fill(database, 3)

    async def endpoint(texts: list[str], model: str, dimensions: int) -> Counted:
        await database.run(lambda one: one.execute(text("DELETE FROM failures WHERE failure_id = 'f0001'")))
        await database.run(
            lambda one: one.execute(text("UPDATE failures SET ctx_text = 'x' WHERE failure_id = 'f0002'"))
        )
        return Counted([[1.0] * dimensions for _ in texts], None)

    api = ApiEmbedder(endpoint, "large", 2)
    ended = await Pass(database, api, Vectors(database, api), lambda progress: None).run()
    rows = await database.run(
        lambda one: one.execute(
            text("SELECT memory_id FROM emb_1_ctx UNION ALL SELECT memory_id FROM emb_1_sig ORDER BY 1")
        )
    )
    assert (ended.state, rows.scalars().all()) == ("done", ["f0000", "f0000", "f0002"])


OUTAGES = {
    "no such model": Fault(FaultKind.STATUS, status=404, embedding=True),
    "wrong length": Fault(FaultKind.WRONG_LENGTH, embedding=True),
    "silence": Fault(FaultKind.CLOSE, embedding=True),
}


@pytest.mark.parametrize("name", OUTAGES)
async def test_an_outage_is_told_once_and_loses_nothing(database: Database, name: str) -> None:  # noqa: F811
    async with memory_of(database, "large", [OUTAGES[name]] * (6 if name == "silence" else 2)) as (memory, server):
        assert await memory.found(0) == []
        await fill(database)
        asked = len(server.requests)
        for number in (7, 8):
            # Recall goes on by the offline embedder's vectors, and the endpoint is left alone.
            assert (await memory.backlog.work()).state == "failed"
            assert (await memory.found(number))[0] == f"f{number:04d}"
        assert len(server.requests) == asked
        assert len(memory.told) == 1
        assert "offline embedder" in memory.told[0]
        memory.clock += 31
        assert (await memory.backlog.work()).state == "failed"
        assert len(memory.told) == 1
        memory.clock += 31
        assert (await memory.backlog.work()).state == "failed", "the pause grows"
        memory.clock += 31
        ended = await memory.backlog.work()
        assert (ended.state, ended.done) == ("done", 2 * ROWS + 1)
        assert memory.told[1:] == ["The embeddings endpoint works again."]


async def test_one_text_that_is_refused_keeps_no_other_waiting(database: Database) -> None:  # noqa: F811
    await fill(database, 10)
    refused = [Fault(FaultKind.STATUS, status=400, embedding=True, message="bad input", with_text="row3 ")]
    async with memory_of(database, "large", refused) as (memory, _):
        ended = await memory.backlog.work()
        assert (ended.state, ended.done, ended.total) == ("done", 19, 21)


async def test_whoever_watches_a_run_is_told_how_far_it_is_and_what_is_wrong(database: Database) -> None:  # noqa: F811
    await fill(database)
    bus = Bus()
    async with memory_of(database, "large", [OUTAGES["no such model"]]) as (memory, _):
        worker = EmbeddingWorker(memory.backlog, bus)
        with bus.subscribe("a run") as watched:
            worker.start()
            async with asyncio.timeout(30):
                told = [await watched.get() for _ in range(2)]
            await worker.close()
    assert [type(one) for one in told] == [Notice, Notice]
    first, second = (one.text for one in told if isinstance(one, Notice))
    assert first == f"re-embedding 64 of {2 * ROWS + 1} · $0.00"
    assert "has no model 'large'" in second
    assert worker.progress.total == 2 * ROWS + 1


async def test_paid_vectors_are_kept_for_a_while_and_not_without_end(database: Database) -> None:  # noqa: F811
    calls: list[list[str]] = []

    async def endpoint(texts: list[str], model: str, dimensions: int) -> Counted:
        calls.append(texts)
        return Counted([[float(len(one)), 1.0] for one in texts], None)

    embedder = CachedEmbedder(ApiEmbedder(endpoint, "large", 2), database, ttl_s=60, most=3)
    first = await embedder.embed(["a", "bb", "a"])
    assert await embedder.embed(["bb", "a"]) == [first[1], first[0]]
    assert calls == [["a", "bb"]]
    older = text("UPDATE embedding_cache SET created_at = created_at - interval '61 seconds'")
    await database.run(lambda connection: connection.execute(older))
    await embedder.embed(["bb"])
    assert calls[1:] == [["bb"]]
    for word in ("c", "d", "e", "f"):
        await embedder.embed([word])
    count = text("SELECT count(*) FROM embedding_cache")
    assert (await database.run(lambda connection: connection.execute(count))).scalar_one() == 3
    await embedder.embed(["f"])
    assert calls[-1] == ["f"]
    assert len(calls) == 6
    for bad in ("0000c07f0000803f", "00", "0000000000000000"):
        connection = await database.connect()
        await connection.execute("UPDATE embedding_cache SET vector = %s", (bytes.fromhex(bad),))
        await connection.close()
        assert await embedder.embed(["f"]) == [[1.0, 1.0]], "what is no vector is asked for again"
    assert len(calls) == 9
    await CachedEmbedder(ApiEmbedder(endpoint, "large", 2), database, ttl_s=0).embed(["f"])
    assert len(calls) == 10


async def test_the_command_embeds_and_status_tells_what_is_missing(
    database: Database,  # noqa: F811
    database_url: str,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await fill(database)
    async with ScriptedServer(SCRIPT) as server:
        values = {
            "MIRACLE_HOME": str(tmp_path),
            "DATABASE_URL": url_of(database_url),
            "MIRACLE_OPENAI__EMBEDDING__BASE_URL": server.base_url,
            "MIRACLE_OPENAI__EMBEDDING__DIMENSIONS": "32",
        }
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        capped = await aside("db", "embed", "--max-usd", "0.0001", "--json")
        assert capped.code == 1
        assert capped.events[-1]["state"] == "capped"
        status = await aside("db", "status")
        assert "! text-embedding-3-large: " in status.out
        assert "vectors are missing" in status.out
        done = await aside("db", "embed")
        assert (done.code, done.out.splitlines()[0]) == (0, "✓ Everything that memory holds has its vectors")
        vectors = json.loads((await aside("db", "status", "--json")).out)["vectors"]
        assert [(one["lacking"], one["active"]) for one in vectors] == [(0, True), (0, True)]
        for name, state in (("text-embedding-3-large", "used"), ("absent", "unknown")):
            kept = await aside("db", "embed", "--forget", name, "--json")
            assert (kept.code, kept.events) == (1, [{"model": name, "state": state}])
    monkeypatch.setenv("MIRACLE_SETTINGS__MEMORY__EMBEDDER", "offline")
    assert "text-embedding-3-large: not used" in (await aside("db", "status")).out
    assert "wait for ten minutes" in (await aside("db", "embed", "--forget", "text-embedding-3-large")).out
    long_unused = text("UPDATE embed_model SET used_at = now() - interval '11 minutes'")
    await database.run(lambda connection: connection.execute(long_unused))
    assert (await aside("db", "embed", "--forget", "text-embedding-3-large")).code == 0
    assert json.loads((await aside("db", "status", "--json")).out)["vectors_unused"] == []
    assert len([name for name in await tables(database) if name.endswith("_ctx")]) == 1
