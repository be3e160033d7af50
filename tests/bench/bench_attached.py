"""How long the app's loop is kept while eight runs are at work in it and one of them is shown.

Run it with `make bench`, or `python -P -m tests.bench.bench_attached`. The model server is a process of its own; app,
engine, database and sandboxes are real.
"""

import asyncio
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from textual.pilot import Pilot

from engine.engine import Engine
from miracle_tui.app import MiracleApp
from miracle_tui.services import Launch
from tests.bench.measuring import load_now, model_server, quantile, spread, verdict, workplace
from tests.engine_fixtures import engine_config, task_of
from tests.tiny_script import tiny_script

BOUND_S = 0.050
RUNS = 8
TICK_S = 0.005
WORDS_PER_SECOND = 3
"""A call takes about a second and a half: several times as many turns a minute as a real model gives."""
IDLE_S = 3.0
PATIENCE_S = 180.0


@dataclass
class Ticker:
    """Asks for a turn of the loop every few milliseconds and notes how late each came."""

    late: list[float] = field(default_factory=list)
    """By the clock, so with what other processes took of the machine."""
    worked: list[float] = field(default_factory=list)
    """What the loop's own thread worked between two turns."""

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            wall, work = time.perf_counter(), time.thread_time()
            await asyncio.sleep(TICK_S)
            self.late.append(max(0.0, time.perf_counter() - wall - TICK_S))
            self.worked.append(time.thread_time() - work)


async def ticked(pilot: Pilot[None], seconds: float) -> Ticker:
    """The loop's turns over so many seconds."""
    ticker = Ticker()
    with_it = asyncio.create_task(ticker.run())
    await pilot.pause(seconds)
    with_it.cancel()
    await asyncio.gather(with_it, return_exceptions=True)
    return ticker


@dataclass(frozen=True)
class Watched:
    """The loop's turns over some time of the app's life."""

    name: str
    ticker: Ticker
    seconds: float


async def measure(folder: Path) -> list[Watched]:
    """The turns of the idle app, those of its first run, which brings imports with it, and those with all runs."""
    script = tiny_script(wrong_first=True)
    home = folder / "home"
    engine_config(None, home)
    os.environ["MIRACLE_HOME"] = str(home)
    async with model_server(script, folder, words_per_second=WORDS_PER_SECOND) as address:
        overrides = {
            "openai.api.base_url": address,
            "settings.sandbox.backend": "bubblewrap",
            "settings.orchestrator.max_concurrent_tasks": RUNS,
        }
        app = MiracleApp(Launch(folder, overrides))
        try:
            async with app.run_test(size=(120, 36)) as pilot:
                return await _with_runs(app, pilot, folder)
        finally:
            await app.services.close()


async def _with_runs(app: MiracleApp, pilot: Pilot[None], folder: Path) -> list[Watched]:
    while app.run_screen.desk is None:
        await pilot.pause(0.05)
    engine = app.engine
    assert isinstance(engine, Engine)
    await pilot.pause(1.0)
    idle = Watched("idle app", await ticked(pilot, IDLE_S), IDLE_S)
    first = await watched_runs(app, engine, folder, "the first run", 1)
    return [idle, first, await watched_runs(app, engine, folder, f"{RUNS} runs", RUNS)]


async def watched_runs(app: MiracleApp, engine: Engine, folder: Path, name: str, count: int) -> Watched:
    """The turns while so many runs are at work and one of them is shown, from their start to their end."""
    runs = []
    ticker, began = Ticker(), time.perf_counter()
    ticking = asyncio.create_task(ticker.run())
    for number in range(count):
        project = folder / f"project-{count}-{number}"
        project.mkdir()
        runs.append(await engine.start(task_of(tiny_script(), project)))
    app.run_screen.show_run(runs[0])
    async with asyncio.timeout(PATIENCE_S):
        states = await asyncio.gather(*(engine.settled(run_id) for run_id in runs))
    ticking.cancel()
    await asyncio.gather(ticking, return_exceptions=True)
    assert [state.outcome for state in states] == ["success"] * count, [state.paused for state in states]
    return Watched(name, ticker, time.perf_counter() - began)


def main() -> None:
    """Print the figures beside the bound."""
    with workplace() as folder:
        found = asyncio.run(measure(folder))
    print(f"the app with its runs in the same process   ({load_now()})")
    for one in found:
        print(f"  {one.name:13} {one.seconds:5.1f} s  late by the clock: {spread(one.ticker.late)}")
        print(f"  {'':13}          worked at a time:  {spread(one.ticker.worked)}")
    busy = found[-1].ticker
    over = sum(late > BOUND_S for late in busy.late)
    print(f"  {over} of {len(busy.late):,} turns came more than {BOUND_S * 1000:.0f} ms late")
    print(verdict("lag p99, by the clock", quantile(busy.late, 0.99), BOUND_S))
    print(verdict("longest work at a time", max(busy.worked), BOUND_S))


if __name__ == "__main__":
    main()
