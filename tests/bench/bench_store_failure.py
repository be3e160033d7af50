"""How long memory takes to keep a failure while it already knows many: the row, its two vectors, their indexes.

    python -P -m tests.bench.bench_store_failure [--rows 1000000] [--home FOLDER]

Both tables of vectors are filled and indexed first; with a folder they are kept there and used again. Then failures
are stored one by one, and as a run does it: a row that a projection made gets its vectors.
"""

import argparse
import asyncio
import time
from pathlib import Path

from memory.database import Database
from memory.failures import FailureMemory, FailureQuery, FailureRecord
from memory.offline import OfflineEmbedder
from memory.records import Row
from memory.upsert import upsert
from memory.views import views_of
from tests.bench.bench_recall_scale import RoomyServer, Truth, fill, server_times, spent_since
from tests.bench.measuring import load_now, quantile, spread, verdict, workplace
from tests.bench.recall_rows import RowSource

STORED = 300
WARM = 20
P95_S = 0.050


def report(number: int) -> str:
    """A report of its own, as long as most are."""
    lines = "\n".join(f"        step_{number}_{line} = rows[{line}] + offset_{number % 37}" for line in range(30))
    return (
        f"    def total_{number}(rows):\n{lines}\n>       return rows[{number}]\nE   IndexError: list index {number}\n"
    )


async def by_hand(memory: FailureMemory) -> list[float]:
    """Seconds for each failure that is stored with its row."""
    took = []
    for number in range(-WARM, STORED):
        failure = FailureRecord(f"s{number}", FailureQuery("p001", "python", report=report(number)))
        begun = time.perf_counter()
        await memory.remember(failure)
        took.append(time.perf_counter() - begun)
    return took[WARM:]


async def of_a_run(database: Database, memory: FailureMemory) -> list[float]:
    """Seconds for each row and, after it, its vectors."""
    took = []
    for number in range(STORED):
        query = FailureQuery("p001", "python", report=report(STORED + number))
        begun = time.perf_counter()
        values = {"project": "p001", "language": "python", **views_of(query).columns()}
        row = Row("failures", {"failure_id": f"r{number}"}, values)
        await database.run(lambda connection, row=row: upsert(connection, [row]))  # type: ignore[misc]
        await memory.embed(f"r{number}")
        took.append(time.perf_counter() - begun)
    return took


async def measure(home: Path, conninfo: str, rows: int) -> None:
    """Fill, store and print."""
    database = await Database.open_url(conninfo)
    try:
        memory = FailureMemory(database, OfflineEmbedder())
        _, vectors = memory.spaces.offline
        truth = Truth(RowSource(2).vectors(1))
        for number, view in enumerate(("ctx", "sig")):
            space = await vectors.space(view)  # type: ignore[arg-type]
            await asyncio.to_thread(fill, conninfo, space, RowSource(number + 1), rows, truth)
        for name, store in (("stored whole", by_hand(memory)), ("of a run", of_a_run(database, memory))):
            before = server_times(home)
            took = await store
            print(f"{name}: {spread(took)}; {spent_since(before, home, len(took))}   ({load_now()})")
            print("  " + verdict("p95", quantile(took, 0.95), P95_S), flush=True)
    finally:
        await database.close()


def main() -> None:
    """Print the figures beside the bound."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--home", type=Path, help="keeps the filled database for another time")
    given = parser.parse_args()

    async def work() -> None:
        with workplace() as folder:
            home = given.home or folder / "home"
            async with RoomyServer(home) as server:
                await measure(home, await server.start(), given.rows)

    print(f"{given.rows:,} rows, {load_now()}", flush=True)
    asyncio.run(work())


if __name__ == "__main__":
    main()
