"""How soon a run goes on after a kill -9: from the start of `miracle resume` to the first event it appends.

Run it with `make bench`, or `python -P -m tests.bench.bench_resume`. Nobody else uses the database, so that the killed
process takes the server with it, and the start of the server is in the figure; once more with the server kept up.
"""

import asyncio
import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from config.paths import find_paths
from memory.embedded import EmbeddedServer
from tests.bench.measuring import load_now, model_server, spread, verdict, workplace
from tests.cli_fixtures import BACKEND, start
from tests.engine_fixtures import engine_config, task_of
from tests.tiny_script import tiny_script

BOUND_S = 2.0
ROUNDS = 5
KILL_AT = 12
"""Events after which the run is killed: in the middle of the coder's work."""
WORDS_PER_SECOND = 3
GONE_S = 20.0


async def events_of(process: asyncio.subprocess.Process, most: int) -> list[dict[str, Any]]:
    """The next events that a process with `--json` tells."""
    assert process.stdout is not None
    found: list[dict[str, Any]] = []
    while len(found) < most and (line := await process.stdout.readline()):
        found.append(json.loads(line))
    return found


async def kill(process: asyncio.subprocess.Process) -> None:
    """End a process at once."""
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def resume_once(project: Path, options: tuple[str, ...]) -> float:
    """Seconds from the start of `miracle resume` to the first event of the killed run that it appends."""
    first = await start("run", "-t", "Write double(n).", *options, cwd=project)
    try:
        told = await events_of(first, KILL_AT)
    finally:
        await kill(first)
    assert len(told) == KILL_AT, told
    await asyncio.sleep(2.0)  # The keeper stops a server that nobody uses any more.
    began = time.time()
    second = await start("resume", told[0]["run_id"], "--json", *options[-2:], cwd=project)
    try:
        while more := await events_of(second, 1):
            at = datetime.fromisoformat(more[0]["at"]).timestamp()
            if at > began:
                return at - began
        assert second.stderr is not None
        raise AssertionError((await second.stderr.read()).decode())
    finally:
        await kill(second)


async def measure(folder: Path, *, server_up: bool) -> list[float]:
    """Seconds of each round."""
    home, project = folder / "home", folder / "project"
    engine_config(None, home)
    task_of(tiny_script(), project)
    project.mkdir(exist_ok=True)
    os.environ.update(MIRACLE_HOME=str(home), **BACKEND)
    server = EmbeddedServer(find_paths({"MIRACLE_HOME": str(home)}).database)
    async with model_server(tiny_script(), folder, words_per_second=WORDS_PER_SECOND) as address:
        options = ("--approve", "all", "--json", "--base-url", address)
        if server_up:
            await server.start()
        try:
            return [await resume_once(project, options) for _ in range(ROUNDS)]
        finally:
            await server.stop()


def main() -> None:
    """Print the figures beside the bound."""
    for server_up in (False, True):
        with workplace() as folder:
            took = asyncio.run(measure(folder, server_up=server_up))
        with_server = "while the server is up" if server_up else "and the server with it"
        print(f"resumed after kill -9, {with_server}: {spread(took)}   ({load_now()})")
        print(verdict("the slowest", max(took), BOUND_S))


if __name__ == "__main__":
    main()
