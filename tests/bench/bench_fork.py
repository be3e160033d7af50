"""How long the fork of a run of 1,000 events takes: log and worktree. Run it with `make bench`."""

import asyncio
import time
from pathlib import Path
from uuid import uuid4

from memory.records import NewEvent
from tests.bench.measuring import load_now, spread, verdict, workplace
from tests.engine_fixtures import engine_config, scripted_engine, task_of
from tests.tiny_script import tiny_script

BOUND_S = 1.0
EVENTS = 1000
FORKS = 7


async def forks(folder: Path) -> list[float]:
    """Seconds of each fork of one run, whose log is a real one made long by outputs of 10 KB each."""
    script = tiny_script(wrong_first=True)
    config = engine_config(None, folder / "home", **{"settings.sandbox.backend": "bubblewrap"})
    project = folder / "project"
    project.mkdir()
    took = []
    async with scripted_engine(config, script) as (engine, _):
        source = await engine.start(task_of(script, project))
        state = await engine.settled(source)
        assert state.outcome == "success", state
        body = {"session_id": "gone", "tool_call_id": "t", "name": "read_file", "ok": True, "output": "line\n" * 2000}
        more = [NewEvent(event_id=str(uuid4()), kind="tool_finished", body=body) for _ in range(EVENTS - state.seq)]
        await engine.memory.store.append(source, more, lease=None, after=state.seq)
        for _ in range(FORKS):
            began = time.perf_counter()
            fork = await engine.fork(source, drive=False)
            took.append(time.perf_counter() - began)
            assert (await engine.state(fork)).seq == EVENTS + 1
    return took


def main() -> None:
    """Print the figures beside the bound."""
    with workplace() as folder:
        took = asyncio.run(forks(folder))
    print(f"{FORKS} forks of a run of {EVENTS:,} events: {spread(took)}   ({load_now()})")
    print(verdict("the slowest fork", max(took), BOUND_S))


if __name__ == "__main__":
    main()
