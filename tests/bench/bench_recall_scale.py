"""How recall keeps its pace: vectors of the shipped embedder in PostgreSQL, 100,000 rows or as many as are asked for.

    python -P -m tests.bench.bench_recall_scale [--rows 1000000] [--signatures] [--home FOLDER]

With a folder the filled database is kept there and used again. The server has the memory that so many rows deserve; the
answers are held against the exact ones. Signatures take a second index, as long to build as the first.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import psycopg
from numpy.typing import NDArray

from memory.database import Database
from memory.embedded import EmbeddedServer
from memory.offline import DIMENSIONS, OfflineEmbedder
from memory.postmaster import Home, running_pid
from memory.recalling import ALL, Asked, Places, RecallFilters, found_in, recall_statement
from memory.vectors import Space, Vectors
from memory.views import FailureQuery
from tests.bench.measuring import load_now, quantile, spread, verdict, workplace
from tests.bench.recall_rows import COMMON_LANGUAGE, RARE_LANGUAGE, Chunk, Floats, RowSource
from tests.memory_fixtures import FailureRecord, WritableMemory

QUERIES = 200
TIMES = 3
STORED = 100
TOP = 10
P50_S, P95_S, STORE_P95_S, RECALL = 0.008, 0.025, 0.050, 0.98
TIE = 1e-4
"""Half precision and sums in another order move a similarity by less than this."""
SETTINGS = {
    "shared_buffers": "3GB",
    "effective_cache_size": "5GB",
    "maintenance_work_mem": "2GB",
    "max_parallel_maintenance_workers": "2",
    "max_wal_size": "8GB",
}

OWN = "p010"
"""The project that asks; it has some thousands of the rows."""
Search = Callable[[list[float]], Awaitable[list[float]]]
"""The similarities of what is found near a vector."""


class RoomyServer(EmbeddedServer):
    """The embedded server with the memory of a machine of 8 GB."""

    def _settings(self) -> dict[str, str]:
        return super()._settings() | SETTINGS


class Truth:
    """The exact best similarities of each query, gathered while the rows go by."""

    def __init__(self, queries: Floats) -> None:
        self._queries = queries
        self.of = {name: np.full((len(queries), TOP), -1.0, dtype=np.float32) for name in ("all", "rare")}

    def see(self, chunk: Chunk) -> None:
        """Take these rows into account."""
        likeness = self._queries @ chunk.vectors.T
        for name, some in (("all", likeness), ("rare", likeness[:, chunk.rare])):
            both = np.hstack([self.of[name], some])
            self.of[name] = -np.partition(-both, TOP - 1, axis=1)[:, :TOP]


def packed(chunk: Chunk, rare: bool) -> bytes:
    """The chunk's rows of one language, as COPY takes them in binary: every field has the same length in each row."""
    language = (RARE_LANGUAGE if rare else COMMON_LANGUAGE).encode()
    fields = (("id", "m00000000"), ("project", "p000"), ("language", language.decode()))
    kind: list[Any] = [("count", ">i2")]
    for name, example in fields:
        kind += [(f"{name}_bytes", ">i4"), (name, f"S{len(example)}")]
    kind += [("v_bytes", ">i4"), ("dimensions", ">u2"), ("unused", ">u2"), ("v", ">f2", (DIMENSIONS,))]
    of = np.flatnonzero(chunk.rare == rare)
    rows = np.zeros(len(of), dtype=kind)
    rows["count"], rows["v_bytes"], rows["dimensions"] = 4, 4 + 2 * DIMENSIONS, DIMENSIONS
    for name, example in fields:
        rows[f"{name}_bytes"] = len(example)
    rows["id"] = [f"m{chunk.first + at:08d}" for at in of]
    rows["project"] = [f"p{number:03d}" for number in chunk.projects[of]]
    rows["language"] = language
    rows["v"] = chunk.vectors[of]
    return rows.tobytes()


def fill(conninfo: str, space: Space, source: RowSource, rows: int, truth: Truth) -> None:
    """Fill the table by COPY, and only then index it: a row at a time would take hours."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        known = connection.execute(f"SELECT count(*) FROM {space.table}").fetchone()
        kept = known is not None and known[0] >= rows
        indexes = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname LIKE 'ix%%'", (space.table,)
        ).fetchall()
        begun = time.perf_counter()
        if not kept:
            connection.execute(f"TRUNCATE {space.table}")
            for name, _ in indexes:
                connection.execute(f"DROP INDEX {name}")
        for chunk in source.chunks(rows):
            truth.see(chunk)
            if not kept:
                with connection.cursor() as cursor:
                    copy_in(cursor, space, chunk)
        print(f"rows filled in {time.perf_counter() - begun:.0f} s", flush=True)
        for name, definition in () if kept else indexes:
            begun = time.perf_counter()
            connection.execute(definition)
            size = connection.execute("SELECT pg_size_pretty(pg_relation_size(%s))", (name,)).fetchone()
            print(f"{name}: {time.perf_counter() - begun:.0f} s, {size[0] if size else ''}", flush=True)
        connection.execute(f"VACUUM ANALYZE {space.table}")


def copy_in(cursor: psycopg.Cursor[Any], space: Space, chunk: Chunk) -> None:
    """Write a chunk."""
    with cursor.copy(f"COPY {space.table} (memory_id, project, language, v) FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for rare in (False, True):
            copy.write(packed(chunk, rare))
        copy.write(b"\xff\xff")


def fill_failures(conninfo: str, table: str) -> None:
    """A failure's own row for each vector, as recall joins them; the triggers of the history's search stay out."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("ALTER TABLE failures DISABLE TRIGGER USER")
        connection.execute(
            "INSERT INTO failures (failure_id, project, language, error_signature, fingerprint) "
            "SELECT memory_id, project, language, 'KeyError', sha256(convert_to(left(memory_id, -1), 'UTF8')) "
            f"FROM {table} ON CONFLICT DO NOTHING"
        )
        connection.execute("ALTER TABLE failures ENABLE TRIGGER USER")
        connection.execute("VACUUM ANALYZE failures")


def server_times(home: Path) -> dict[int, float]:
    """Processor time of the server's processes so far: what a query costs however busy the machine is."""
    pid = running_pid(Home(home.resolve()))
    assert pid is not None
    return {one.pid: sum(one.cpu_times()[:2]) for one in psutil.Process(pid).children()}


def spent_since(before: dict[int, float], home: Path, times: int) -> str:
    """What each of so many queries cost the server."""
    each = sum(spent - before.get(pid, 0.0) for pid, spent in server_times(home).items()) / times
    return f"the server's processor time: {each * 1000:.1f} ms each"


async def timed(queries: Floats, search: Search, times: int) -> tuple[list[float], list[list[float]]]:
    """Seconds of each query, each asked so many times, and its answers."""
    took, answers = [], []
    for _ in range(times):
        for query in queries:
            vector = query.tolist()
            begun = time.perf_counter()
            answers.append(await search(vector))
            took.append(time.perf_counter() - begun)
    return took, answers[: len(queries)]


def recall_at(answers: Sequence[Sequence[float]], truth: NDArray[np.float32]) -> float:
    """Tie-aware: an answer counts when it is as near as the last of the exact ones."""
    found = 0
    for answer, exact in zip(answers, truth, strict=True):
        found += sum(similarity >= exact.min() - TIE for similarity in answer[:TOP])
    return found / (len(answers) * TOP)


def searches(database: Database, vectors: Vectors, context: Space, sign: Space) -> dict[str, tuple[Search, str]]:
    """What is measured, and which exact answers it is held against."""

    async def nearest(vector: list[float]) -> list[float]:
        near = await database.run(lambda connection: vectors.nearest(connection, context, vector, 40))
        return [one.similarity for one in near]

    def whole(filters: RecallFilters) -> Search:
        async def recall(vector: list[float]) -> list[float]:
            views = Places(context.table, sign.table, vector, vector, vectors.search_settings())
            statement = recall_statement(Asked(OWN, b"none", filters=filters), views)
            found = found_in(await database.persist(lambda: database.attempt(*statement)), OWN)
            return sorted((one.similarity for one in found if one.via == "context"), reverse=True)

        return recall

    return {
        "nearest contexts of all": (nearest, "all"),
        "the whole of recall": (whole(ALL), "all"),
        "the whole of recall, a filter on 1 %": (whole(RecallFilters(language=RARE_LANGUAGE)), "rare"),
        "the whole of recall, a filter on 99 %": (whole(RecallFilters(language=COMMON_LANGUAGE)), ""),
    }


async def measure(home: Path, conninfo: str, rows: int, signatures: bool) -> None:
    """Fill, search, store, and print."""
    database = await Database.open_url(conninfo)
    try:
        vectors = Vectors(database, OfflineEmbedder())
        context, sign = await vectors.space("ctx"), await vectors.space("sig")
        queries = RowSource(2).vectors(QUERIES * 8)[::8]
        truth = Truth(queries)
        await asyncio.to_thread(fill, conninfo, context, RowSource(1), rows, truth)
        if signatures:
            await asyncio.to_thread(fill, conninfo, sign, RowSource(1), rows, Truth(queries))
        await asyncio.to_thread(fill_failures, conninfo, context.table)
        for name, (search, exact) in searches(database, vectors, context, sign).items():
            cold, answers = await timed(queries, search, 1)
            before = server_times(home)
            took, _ = await timed(queries, search, TIMES)
            cost = spent_since(before, home, len(took))
            print(f"{name}: {spread(took)}   ({load_now()})")
            print(f"  asked for the first time: {spread(cold)}")
            print(f"  {cost}")
            print("  " + verdict("p50", quantile(took, 0.5), P50_S))
            print("  " + verdict("p95", quantile(took, 0.95), P95_S))
            if exact:
                print(
                    f"  tie-aware recall@{TOP}: {recall_at(answers, truth.of[exact]):.3f}, bound {RECALL}", flush=True
                )
        before = server_times(home)
        took = await stores(database)
        print(f"storing a failure: {spread(took)}; {spent_since(before, home, len(took))}")
        print("  " + verdict("p95", quantile(took, 0.95), STORE_P95_S))
    finally:
        await database.close()


async def stores(database: Database) -> list[float]:
    """Seconds in which memory takes a failure, as of a run: its row, then two vectors, with their indexes."""
    memory = WritableMemory(database, OfflineEmbedder())
    took = []
    for number in range(STORED):
        shown = (
            f"    def total_{number}(rows):\n>       return rows[{number}]\nE   IndexError: list index out of range\n"
        )
        begun = time.perf_counter()
        await memory.remember(FailureRecord(f"s{number}", FailureQuery("p001", "python", report=shown)))
        took.append(time.perf_counter() - begun)
    return took


def main() -> None:
    """Print the figures beside the bounds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--home", type=Path, help="keeps the filled database for another time")
    parser.add_argument("--signatures", action="store_true", help="as many signatures beside the contexts")
    given = parser.parse_args()

    async def work(home: Path) -> None:
        async with RoomyServer(home) as server:
            await measure(home, await server.start(), given.rows, given.signatures)

    print(f"{given.rows:,} rows, {load_now()}", flush=True)
    if given.home is not None:
        asyncio.run(work(given.home))
        return
    with workplace() as folder:
        asyncio.run(work(folder / "home"))


if __name__ == "__main__":
    main()
