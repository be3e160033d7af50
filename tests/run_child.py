"""Works on runs in processes that a test can kill: `python -P -m tests.run_child`, one line of orders on stdin each.

Everything is imported once, before the first order; each order is carried out by a fork, whose pid is printed.
"""

import asyncio
import importlib
import json
import os
import sys
import traceback
from pathlib import Path

from engine.engine import Engine
from engine.llm.choose import make_model
from tests.engine_fixtures import engine_config, task_of
from tests.tiny_script import tiny_script

HEAVY = ("openai", "sqlalchemy.ext.asyncio", "pgvector.psycopg", "numpy", "bandit", "memory.failures", "memory.schema")


async def work(orders: dict[str, str]) -> None:
    """Start the run, or go on with the one that is named, until it settles."""
    settings = {"settings.sandbox.backend": "bubblewrap"}
    config = engine_config(orders["database"], Path(orders["home"]), **settings)
    model = make_model(config, base_url=orders["server"], model="scripted", scripted="tiny")
    engine = await Engine.open(config, model=model)
    try:
        run_id = orders["run_id"]
        if run_id:
            engine.drive(run_id)
        else:
            run_id = await engine.start(task_of(tiny_script(wrong_first=True), Path(orders["folder"])))
        print(f"run {run_id}", flush=True)
        await engine.settled(run_id)
    finally:
        await engine.close()


def main() -> None:
    """Fork for each order, and say how it ended."""
    for name in HEAVY:
        importlib.import_module(name)
    while line := sys.stdin.readline():
        pid = os.fork()
        if not pid:
            code = 1
            try:
                asyncio.run(work(json.loads(line)))
                code = 0
            except BaseException:  # noqa: BLE001  the fork ends here, and the test reads why
                traceback.print_exc()
            os._exit(code)
        print(f"pid {pid}", flush=True)
        _, status = os.waitpid(pid, 0)
        print(f"ended {os.waitstatus_to_exitcode(status)}", flush=True)


if __name__ == "__main__":
    main()
