"""What an append costs: the event, its projection rows and the notice, under a lease, with the run's own feed open.

Run it with `make bench`, or `python -P -m tests.bench.bench_append`. The embedded server syncs each commit to the disk.
"""

import asyncio
import os
import time
from pathlib import Path

from engine import events as e
from engine.run_log import RunLog
from memory.memory import MemoryService
from tests.bench.measuring import load_now, quantile, spread, verdict, workplace
from tests.engine_fixtures import engine_config
from tests.unit.simulated_run import task

BOUND_S = 0.010
APPENDS = 1000
OUTPUT = "a line as tools print it\n" * 80
"""2 KB, as the outputs of most tools."""


async def appends(home: Path) -> list[float]:
    """Seconds of each append of a run's log, after some that warm everything up."""
    memory = await MemoryService.open(engine_config(None, home))
    took = []
    try:
        await memory.store.create_run("r")
        lease = await memory.store.lease("r", "bench")
        log = RunLog(memory.store, "r", lease)
        follower = asyncio.create_task(log.follow())
        await log.append(e.RunStarted(task_id="t", task=task()))
        for number in range(APPENDS + 50):
            done = e.ToolFinished(session_id="s", tool_call_id=f"t{number}", name="read_file", ok=True, output=OUTPUT)
            began = time.perf_counter()
            await log.append(done)
            took.append(time.perf_counter() - began)
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)
        await lease.release()
    finally:
        await memory.close()
    return took[50:]


def syncs(file: Path) -> list[float]:
    """Seconds in which the disk takes 8 KB for good: below that no durable append can come."""
    took = []
    with file.open("wb") as out:
        for _ in range(200):
            began = time.perf_counter()
            out.write(b"x" * 8192)
            out.flush()
            os.fdatasync(out.fileno())
            took.append(time.perf_counter() - began)
    return took


def main() -> None:
    """Print the figures beside the bound."""
    with workplace() as folder:
        took = asyncio.run(appends(folder / "home"))
        disk = syncs(folder / "sync")
    print(f"{APPENDS:,} appends of a 2 KB event: {spread(took)}   ({load_now()})")
    print(f"the disk's own sync of 8 KB:      {spread(disk)}")
    print(verdict("append p95", quantile(took, 0.95), BOUND_S))


if __name__ == "__main__":
    main()
