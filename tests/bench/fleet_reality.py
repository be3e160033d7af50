"""A small fleet in reality: real `miracle worker` processes over a real PostgreSQL, to hold the simulation against."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from engine import events as e
from engine.engine import Engine
from engine.llm.choose import make_model
from memory.feed import CHANNEL
from tests.bench.fleet_costs import Bench
from tests.bench.fleet_figures import Fleet
from tests.bench.measuring import ROOT, model_server
from tests.database_fixtures import url_of
from tests.engine_fixtures import engine_config, task_of
from tests.tiny_script import tiny_script

WORDS_PER_SECOND = 2.0
"""So slow that a call takes seconds, as in earnest, and the machine is not what the runs wait for."""
PATIENCE_S = 300.0
NAME = "miracle-worker"
"""How the workers' connections call themselves."""


@dataclass(frozen=True)
class Observed:
    """What a number of runs came to."""

    seconds: float
    appends: int
    connections: int
    """Of the workers, when most were open."""
    calls: float
    """A run's, as what follows."""
    call_s: float
    tests: float
    test_s: float
    run_s: float

    def as_fleet(self, workers: int, places: int, runs: int) -> Fleet:
        """The fleet that the simulation should make the same of."""
        return Fleet(
            workers=workers,
            places=places,
            runs=runs,
            load=0.0,
            calls=round(self.calls),
            call_s=self.call_s,
            call_sigma=0.2,
            appends_per_call=max(1, round(self.appends / self.calls)),
            tests=round(self.tests),
            test_s=self.test_s,
            database_cores=os.cpu_count() or 1,
            max_connections=1200,
        )

    @property
    def own_s(self) -> float:
        """What a call cost beside the model and the tests, when a run had the machine for itself."""
        return max(0.0, self.run_s - self.calls * self.call_s - self.tests * self.test_s) / self.calls


@asynccontextmanager
async def working(bench: Bench, home: Path, workers: int, places: int) -> AsyncIterator[None]:
    """So many workers."""
    environ = {
        **os.environ,
        "MIRACLE_HOME": str(home),
        "DATABASE_URL": f"{url_of(bench.dsn)}&application_name={NAME}",
        "OPENAI_API_KEY": "sk-none",
        "MIRACLE_SETTINGS__SANDBOX__BACKEND": "bubblewrap",
        "MIRACLE_SETTINGS__MEMORY__EMBEDDER": "offline",
    }
    command = [sys.executable, "-P", "-m", "miracle_tui", "worker", "--json", "--concurrency", str(places), "--name"]
    with (home / "workers.log").open("w") as log:
        processes = [
            await asyncio.create_subprocess_exec(*command, f"w{n}", cwd=ROOT, env=environ, stdout=log, stderr=log)
            for n in range(workers)
        ]
    try:
        while (home / "workers.log").read_text().count(" serves ") < workers:  # noqa: ASYNC110  other processes write it
            await asyncio.sleep(0.1)
        yield
    finally:
        for process in processes:
            process.terminate()
        await asyncio.gather(*(process.wait() for process in processes))


async def observe(bench: Bench, folder: Path, workers: int, places: int, runs: int) -> Observed:
    """Have workers do runs of the smallest script, and count."""
    script = tiny_script(wrong_first=True)
    home = folder / "home"
    config = engine_config(
        None,
        home,
        **{
            "database.postgresql.url": url_of(bench.dsn),
            "settings.orchestrator.execution": "queue",
            "settings.memory.embedder": "offline",
        },
    )
    async with model_server(script, folder, words_per_second=WORDS_PER_SECOND) as address:
        engine = await Engine.open(config, model=make_model(config))
        try:
            async with working(bench, home, workers, places):
                counting = asyncio.create_task(_count_notices(bench))
                began = time.perf_counter()
                begun = []
                for number in range(runs):
                    project = folder / f"project-{workers}-{number}"
                    project.mkdir()
                    begun.append(await engine.start(task_of(script, project, base_url=address)))
                connections = await _until_over(bench, engine, begun)
                seconds = time.perf_counter() - began
                counting.cancel()
                appends = await counting
            return await _figures(engine, begun, seconds, appends, connections)
        finally:
            await engine.close()


async def _count_notices(bench: Bench) -> int:
    """Every append sends one notice."""
    count = 0
    async with await psycopg.AsyncConnection.connect(bench.dsn, autocommit=True) as connection:
        await connection.execute(f"listen {CHANNEL}")
        try:
            async for _ in connection.notifies():
                count += 1
        except asyncio.CancelledError:
            return count
    raise AssertionError("the connection is gone")


async def _until_over(bench: Bench, engine: Engine, runs: list[str]) -> int:
    """Wait for the ends; the most connections of the workers that were open at a time."""
    most = 0
    async with asyncio.timeout(PATIENCE_S):
        while True:
            states = {run.run_id: run.status for run in await engine.runs(len(runs) + 10)}
            if all(states[run_id] in ("success", "failed", "paused", "cancelled") for run_id in runs):
                assert all(states[run_id] == "success" for run_id in runs), states
                return most
            most = max(most, _connections(bench))
            await asyncio.sleep(0.5)


def _connections(bench: Bench) -> int:
    with bench.connect() as connection:
        asked = connection.execute("select count(*) from pg_stat_activity where application_name = %s", (NAME,))
        return int(asked.fetchall()[0][0])


async def _figures(engine: Engine, runs: list[str], seconds: float, appends: int, connections: int) -> Observed:
    calls, tests, spans = [], [], []
    for run_id in runs:
        log = await engine.log(run_id)
        events = [one.event for one in log]
        calls += [event.answer.duration_s for event in events if isinstance(event, e.AnswerReceived)]
        reports = [event.report for event in events if isinstance(event, e.TestsFinished | e.ProofFinished)]
        tests += [report.duration_s for report in reports]
        spans.append((log[-1].at - log[1].at).total_seconds())
    return Observed(
        seconds=seconds,
        appends=appends // len(runs),
        connections=connections,
        calls=len(calls) / len(runs),
        call_s=sum(calls) / len(calls),
        tests=len(tests) / len(runs),
        test_s=sum(tests) / len(tests),
        run_s=sum(spans) / len(spans),
    )
