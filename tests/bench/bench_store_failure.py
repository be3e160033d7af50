"""How long memory takes to keep a failure while it already knows many: the row, its two vectors, their indexes.

    python -P -m tests.bench.bench_store_failure [--rows 1000000] [--home FOLDER]

Both tables of vectors are filled and indexed first; with a folder they are kept there and used again. Then failures
are stored one by one, as a run does it: a row that a projection made gets its vectors.
"""

import argparse
import asyncio
import time
from pathlib import Path

from memory.database import Database
from memory.offline import OfflineEmbedder
from memory.views import FailureQuery
from tests.bench.bench_recall_scale import RoomyServer, Truth, fill, server_times, spent_since
from tests.bench.measuring import load_now, quantile, spread, verdict, workplace
from tests.bench.recall_rows import RowSource
from tests.memory_fixtures import FailureRecord, WritableMemory

STORED = 300
WARM = 20
P95_S = 0.050


def report(number: int) -> str:
    """A report of its own, as long as most are."""
    lines = "\n".join(f"        step_{number}_{line} = rows[{line}] + offset_{number % 37}" for line in range(30))
    return (
        f"    def total_{number}(rows):\n{lines}\n>       return rows[{number}]\nE   IndexError: list index {number}\n"
    )


async def stored(memory: WritableMemory) -> list[float]:
    """Seconds for each row and, after it, its vectors."""
    took = []
    for number in range(-WARM, STORED):
        failure = FailureRecord(f"s{number}", FailureQuery("p001", "python", report=report(number)))
        begun = time.perf_counter()
        await memory.remember(failure)
        took.append(time.perf_counter() - begun)
    return took[WARM:]


async def measure(home: Path, conninfo: str, rows: int) -> None:
    """Fill, store and print."""
    database = await Database.open_url(conninfo)
    try:
        memory = WritableMemory(database, OfflineEmbedder())
        _, vectors = memory.spaces.offline
        truth = Truth(RowSource(2).vectors(1))
        for number, view in enumerate(("ctx", "sig")):
            space = await vectors.space(view)  # type: ignore[arg-type]
            await asyncio.to_thread(fill, conninfo, space, RowSource(number + 1), rows, truth)
        before = server_times(home)
        took = await stored(memory)
        print(f"stored: {spread(took)}; {spent_since(before, home, len(took))}   ({load_now()})")
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
