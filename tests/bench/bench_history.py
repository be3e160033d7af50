"""How the history keeps up with a person who types: a search after every key, and the loop of the app meanwhile.

    python -P -m tests.bench.bench_history [--rows 100000] [--home FOLDER]

The rows are failures, iterations, runs and solutions made of the words of this code; with a folder the filled database
is kept there and used again. A search by meaning is timed apart, for it follows the letters and never holds them up.
"""

import argparse
import asyncio
import gc
import random
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from memory.database import Database
from memory.embedded import EmbeddedServer
from memory.history import History
from memory.hits import Filters
from tests.bench.measuring import ROOT, load_now, quantile, spread, verdict, workplace

P95_S, LAG_S = 0.100, 0.050
SHARES = {"failure": 0.45, "iteration": 0.35, "run": 0.12, "task": 0.05, "pattern": 0.03}
TYPED = (
    "index out of range", "keyerror", "subtractive", "wal recovery", "zq", "é", "\\", "100%", "the", "e",
    "assertionerror in test", "unheard-of", "python", "lambda x", "decode worktree",
)  # fmt: skip
NARROWED = (
    Filters(kinds=("pattern",)),
    Filters(kinds=("failure",), outcome="solved"),
    Filters(language="node"),
    Filters(since=datetime(2026, 5, 1, tzinfo=UTC)),
)


def rows(count: int) -> Iterator[tuple[object, ...]]:
    """Rows of the history, the same each time."""
    chance = random.Random(7)
    text = " ".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "engine").rglob("*.py"))[:60])
    words = sorted(set(re.findall(r"\S{2,30}", text)))
    usual = words[:: max(1, len(words) // 400)]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    kinds, shares = list(SHARES), list(SHARES.values())
    for number in range(count):
        kind = chance.choices(kinds, shares)[0]
        pick = [*chance.choices(usual, k=30), *chance.choices(words, k=25)]
        chance.shuffle(pick)
        body = " ".join(pick)
        if number % 1000 == 0:
            body += " subtractive"
        at = start + timedelta(seconds=number * 130)
        language = "node" if chance.random() < 0.01 else "python"
        outcome = chance.choice(("open", "solved", "improved", "unchanged", "red", "green"))
        id = f"r{number}#1" if kind == "iteration" else f"r{number}"
        yield kind, id, f"r{number // 9}", f"p{number % 300}", language, outcome, at, body[:80], body


async def fill(url: str, count: int) -> None:
    """Write the rows, once; the index of letters is made at the end."""
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
    try:
        known = await (await connection.execute("select count(*) from history")).fetchone()
        if known and known[0] == count:
            return
        index = await (await connection.execute("select pg_get_indexdef('ix_history_grams'::regclass)")).fetchone()
        assert index is not None
        await connection.execute("truncate history")
        await connection.execute("drop index ix_history_grams")
        await connection.execute("set maintenance_work_mem = '512MB'")
        begun = time.perf_counter()
        async with (
            connection.cursor() as cursor,
            cursor.copy(
                "COPY history (kind, id, run_id, project, language, outcome, at, title, body) FROM STDIN"
            ) as copy,
        ):
            for row in rows(count):
                await copy.write_row(row)
        await connection.execute(index[0])
        await connection.execute("alter index ix_history_grams alter column 1 set statistics 0")
        taken = time.perf_counter() - begun
        await connection.execute("vacuum analyze history")
        size = await (
            await connection.execute("select pg_size_pretty(pg_relation_size('ix_history_grams'))")
        ).fetchone()
        print(f"{count:,} rows in {taken:.0f} s ({taken / count * 1000:.2f} ms each), index of letters {size}")
    finally:
        await connection.close()


async def measure(url: str) -> list[float]:
    """Type every query, letter by letter, and narrow it: the time of each search."""
    database = await Database.open_url(url)
    history = History(database)
    taken: list[float] = []
    slowest: list[tuple[float, str]] = []

    async def timed(query: str, filters: Filters) -> None:
        begun = time.perf_counter()
        found = await history.search(query, filters, 51)
        taken.append(time.perf_counter() - begun)
        slowest.append((taken[-1], f"{query!r} {filters if filters != Filters() else ''} ({len(found)} found)"))

    for query in TYPED:
        for end in range(len(query) + 1):
            await timed(query[:end], Filters())
        for filters in NARROWED:
            await timed(query, filters)
    for seconds, words in sorted(slowest, reverse=True)[:5]:
        print(f"  {seconds * 1000:7.1f} ms  {words}")
    alike = []
    for query in TYPED[:6]:
        begun = time.perf_counter()
        await history.alike(f"{query} one two three")
        alike.append(time.perf_counter() - begun)
    print(f"by meaning, apart: {spread(alike)}")
    await database.close()
    return taken


async def type_in_the_app(url: str) -> tuple[list[float], list[float], list[float]]:
    """Type in the history screen: from each key to its results, and how long the loop was away."""
    from miracle_tui.cli.lazy import OBJECTS
    from miracle_tui.screens.history_finding import Results
    from miracle_tui.screens.history_screen import HistoryScreen
    from tests.ui.app_fixtures import opened_app, until
    from tests.ui.scripted_engine import ScriptedEngine

    database = await Database.open_url(url)
    history = History(database)

    class Searching(ScriptedEngine):
        """Searches for real."""

        async def search(self, query, filters=Filters(), *, limit=50, after=None):  # type: ignore[no-untyped-def]  # noqa: B008
            return await history.search(query, filters, limit, after)

        async def search_alike(self, query, filters=Filters(), *, limit=10):  # type: ignore[no-untyped-def]  # noqa: B008
            return await history.alike(query, filters, limit)

    keys: list[float] = []
    lags: list[float] = []
    own: list[float] = []

    async def watch_loop() -> None:
        while True:
            begun, worked = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.005)
            lags.append(max(0.0, time.perf_counter() - begun - 0.005))
            own.append(time.thread_time() - worked)

    # As the command and its services do it: else the collector goes through all that is imported, for 0.1 s each time.
    gc.set_threshold(OBJECTS, 20, 20)
    async with opened_app(Searching()) as (app, pilot):
        gc.freeze()
        await pilot.press("escape", "h")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen) and bool(app.screen.rows.hits), 20)
        screen = app.screen
        assert isinstance(screen, HistoryScreen)
        shown = asyncio.Event()
        show = screen.finding._show

        def show_and_tell(results: Results) -> None:
            show(results)
            shown.set()

        screen.finding._show = show_and_tell
        watching = asyncio.create_task(watch_loop())
        for query in TYPED[:5]:
            for end in range(1, len(query) + 1):
                shown.clear()
                begun = time.perf_counter()
                screen.query_one("#history-query").value = query[:end]  # type: ignore[attr-defined]
                await shown.wait()
                keys.append(time.perf_counter() - begun)
                await asyncio.sleep(0.03)
        watching.cancel()
    await database.close()
    return keys, lags, own


async def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--home", type=Path)
    chosen = parser.parse_args()
    with workplace() as folder:
        home = chosen.home or folder / "postgres"
        server = EmbeddedServer(home, durable=False)
        url = await server.start()
        try:
            await (await Database.open_url(url)).close()
            await fill(url, chosen.rows)
            print(f"{chosen.rows:,} rows, {load_now()}")
            taken = await measure(url)
            print(f"a search: {spread(taken)}")
            keys, lags, own = await type_in_the_app(url)
            print(f"a key to its results in the app: {spread(keys)}")
            print(f"the app's loop: {spread(lags)}")
            print(f"  of its own thread: {spread(own)}")
            print(verdict("a key to its results, p95", quantile(keys, 0.95), P95_S))
            print(verdict("the loop, p99", quantile(lags, 0.99), LAG_S))
        finally:
            await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
