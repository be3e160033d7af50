"""How long the figures of many runs take to count: 100,000 iterations, their calls, failures, recalls and questions.

    python -P -m tests.bench.bench_metrics [--iterations 100000] [--home FOLDER]

Beside each time stands the processor time of the server, which other work on the machine does not change as much.
"""

import argparse
import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg

from memory.database import Database
from memory.embedded import EmbeddedServer
from memory.metric_figures import MetricFilters
from memory.metrics import read_metrics
from memory.postmaster import Home, running_pid
from tests.bench.measuring import load_now, quantile, spread, verdict, workplace

TIMES = 9
BOUND_S = 1.0
ITERATIONS_A_RUN = 8
CHOSEN = {
    "all runs": MetricFilters(),
    "one language": MetricFilters(language="node"),
    "the last 30 days": MetricFilters(since=datetime(2026, 5, 1, tzinfo=UTC)),
}
_BEGAN = "timestamptz '2025-06-01' + r * interval '40 minutes'"
FILL = f"""
    INSERT INTO tasks (task_id, language) SELECT 't' || r, CASE WHEN r % 20 = 0 THEN 'node' ELSE 'python' END
    FROM generate_series(1, :runs) AS r;
    INSERT INTO runs (run_id, task_id, workspace, outcome, started_at, finished_at)
    SELECT 'run-' || r, 't' || r, '/p' || r % 50, CASE WHEN r % 3 = 0 THEN 'failed' ELSE 'success' END,
           {_BEGAN}, {_BEGAN} + interval '30 minutes'
    FROM generate_series(1, :runs) AS r;
    INSERT INTO iterations (run_id, number, outcome, passed, failed, started_at, error_message, reflection, cause)
    SELECT 'run-' || r, n, CASE WHEN n = {ITERATIONS_A_RUN} AND r % 3 > 0 THEN 'green' ELSE 'red' END, n, 9 - n,
           {_BEGAN} + n * interval '3 minutes', 'E  KeyError', repeat(md5(r::text), 20), repeat(md5(n::text), 5)
    FROM generate_series(1, :runs) AS r, generate_series(1, {ITERATIONS_A_RUN}) AS n;
    INSERT INTO metrics (run_id, metric_type, at, value, metadata)
    SELECT 'run-' || r, 'tokens', {_BEGAN} + c * interval '20 seconds', 900 + c,
           jsonb_build_object('role', (ARRAY['coder', 'tester', 'reflector', 'planner'])[1 + c % 4],
               'model', 'model-' || r % 3, 'phase_id', 'p1', 'iteration', c / 4,
               'input_tokens', 800 + c, 'output_tokens', 100)
           || jsonb_build_object('cost_usd', CASE WHEN r % 9 > 0 THEN 0.01 END)
    FROM generate_series(1, :runs) AS r, generate_series(1, 4 * {ITERATIONS_A_RUN}) AS c;
    INSERT INTO failures (failure_id, run_id, iteration, error_type, helped, at, message, ctx_text, code_context)
    SELECT 'run-' || r || '.' || n, 'run-' || r, n, 'Error' || r % 30, n % 2 = 0, {_BEGAN}, 'KeyError',
           repeat(md5(r::text), 40), repeat(md5(n::text), 40)
    FROM generate_series(1, :runs) AS r, generate_series(1, {ITERATIONS_A_RUN} - 1) AS n;
    INSERT INTO recalls (run_id, iteration, role, memory_id, used, helped)
    SELECT 'run-' || r, n, 'reflector', 'm' || (r * 7 + m) % 5000, m = 1, NULL
    FROM generate_series(1, :runs) AS r, generate_series(1, {ITERATIONS_A_RUN} - 1) AS n, generate_series(1, 3) AS m;
    INSERT INTO approvals (approval_id, run_id, topic, decision, asked_at, answered_at)
    SELECT 'a' || r, 'run-' || r, 'plan', 'once', {_BEGAN}, {_BEGAN} + interval '9 seconds'
    FROM generate_series(1, :runs) AS r;
"""
FILLED = ("tasks", "runs", "iterations", "metrics", "failures", "recalls", "approvals")


def fill(url: str, iterations: int) -> None:
    """Write the rows, once; the triggers of the history stay out."""
    runs = iterations // ITERATIONS_A_RUN
    with psycopg.connect(url, autocommit=True) as connection:
        known = connection.execute("SELECT count(*) FROM runs").fetchone()
        if known and known[0] == runs:
            return
        connection.execute("SET session_replication_role = replica")
        for statement in FILL.replace(":runs", str(runs)).split(";\n")[:-1]:
            connection.execute(statement)
        for table in FILLED:
            connection.execute(f"VACUUM ANALYZE {table}")


def server_time(home: Path) -> float:
    """Processor seconds of the server's processes so far, workers of a parallel query included once they ended."""
    pid = running_pid(Home(home.resolve()))
    assert pid is not None
    times = psutil.Process(pid).cpu_times()
    living = sum(sum(one.cpu_times()[:2]) for one in psutil.Process(pid).children())
    return living + times.children_user + times.children_system


async def measure(home: Path, url: str) -> None:
    """Print the times of each choice."""
    database = await Database.open_url(url)
    try:
        for name, filters in CHOSEN.items():
            took = []
            await read_metrics(database, filters)
            before = server_time(home)
            for _ in range(TIMES):
                begun = time.perf_counter()
                found = await read_metrics(database, filters)
                took.append(time.perf_counter() - begun)
            each = (server_time(home) - before) / TIMES
            print(f"{name}, {found.runs:,} runs: {spread(took)}; of the server {each * 1000:.0f} ms  ({load_now()})")
            print("  " + verdict("p50", quantile(took, 0.5), BOUND_S), flush=True)
    finally:
        await database.close()


async def work(home: Path, iterations: int) -> None:
    """Start a server, fill it, measure."""
    async with EmbeddedServer(home, durable=False) as server:
        url = await server.start()
        await (await Database.open_url(url)).close()
        await asyncio.to_thread(fill, url, iterations)
        await measure(home, url)


def main() -> None:
    """Print the figures beside the bound."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--iterations", type=int, default=100_000)
    parser.add_argument("--home", type=Path, help="keeps the filled database for another time")
    given = parser.parse_args()
    with workplace() as folder:
        asyncio.run(work(given.home or folder / "home", given.iterations))


if __name__ == "__main__":
    main()
