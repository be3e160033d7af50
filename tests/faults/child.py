"""Works on runs in processes that a test can kill: `python -P -m tests.faults.child`, one line of orders on stdin each.

Everything is imported once, before the first order; each order is carried out by a fork, in a process group of its own.
Orders may say at which moment the fork kills itself, which no watcher outside could hit as exactly.
"""

import asyncio
import contextlib
import gc
import importlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import psutil

from engine.engine import Engine
from engine.llm.choose import make_model
from engine.task import Task
from sandbox.bubblewrap import Bubblewrap
from sandbox.protocol import EnvSpec
from tests.engine_fixtures import engine_config

HEAVY = ("openai", "openai.resources.chat.completions", "openai.lib.streaming.chat", "httpcore2", "truststore", "h11",
         "anyio._backends._asyncio", "anyio._core._tasks", "sqlalchemy.ext.asyncio", "pgvector.psycopg", "numpy.typing",
         "bandit", "jiter", "tenacity", "genai_prices.data",
         "cryptography.hazmat.primitives.asymmetric.ed25519")  # fmt: skip
AGENTS = ("auditor", "coder", "planner", "reflector", "replanner", "reprompter", "reviewer", "tester")
OWN = (*(f"engine.agents.{name}" for name in AGENTS), "memory.failures", "memory.hashed_ngrams", "memory.history",
       "memory.marks", "memory.projections", "memory.rules", "memory.schema", "memory.search", "memory.vectors",
       "sandbox.runners.inside", "sandbox.scan_bandit")  # fmt: skip
"""What a run loads when it first needs it: a fork that is killed would load it in vain, some hundred times a test."""


async def work(orders: dict[str, Any]) -> None:
    """Start the run, or go on with the one that is named, until it settles."""
    settings = {"settings.sandbox.backend": "bubblewrap", **orders.get("settings", {})}
    config = engine_config(orders["database"], Path(orders["home"]), **settings)
    model = make_model(config, base_url=orders["server"], model="scripted", scripted="tiny")
    engine = await Engine.open(config, model=model)
    try:
        _arm(engine, orders.get("kill") or {})
        if run_id := orders["run_id"]:
            if orders["resumes"]:
                await engine.resume(run_id)
            engine.drive(run_id)
        else:
            run_id = await engine.start(Task.model_validate(orders["task"]))
        say(f"run {run_id}")
        await engine.settled(run_id)
    finally:
        await engine.close()


async def prepare(orders: dict[str, Any]) -> None:
    """Make an environment, as the step that installs packages does."""
    os.environ.update(orders["environ"])
    home = Path(orders["home"])
    backend = Bubblewrap(home / "environments", home / "cache")
    await backend.prepare(EnvSpec("python", lock=orders["lock"]))


def _arm(engine: Engine, kill: dict[str, Any]) -> None:
    """Make this process kill itself at the n-th append, before or after it is committed, or after its n-th program.

    Each append is told, so that a life which is slow is not taken for one that hangs.
    """
    if kill.get("at") == "program":
        _arm_programs(kill)
    store, made = engine.memory.store, 0
    append = store.append

    async def counted(run_id: str, new: Any, *rest: Any, **named: Any) -> Any:
        nonlocal made
        made += 1
        if (kill.get("at"), kill.get("n")) == ("before", made):
            die(kill["tree"])
        stored = await append(run_id, new, *rest, **named)
        if (kill.get("at"), kill.get("n")) == ("after", made):
            die(kill["tree"])
        say("appended")
        return stored

    setattr(store, "append", counted)  # noqa: B010  a type checker forbids the plain assignment


def _arm_programs(kill: dict[str, Any]) -> None:
    begin, begun = asyncio.create_subprocess_exec, 0

    async def counted(*argv: Any, **named: Any) -> asyncio.subprocess.Process:
        nonlocal begun
        process = await begin(*argv, **named)
        begun += 1
        if begun == kill["n"]:
            asyncio.get_running_loop().call_later(kill["delay_s"], die, kill["tree"])
        return process

    asyncio.create_subprocess_exec = counted


def say(line: str) -> None:
    """Tell the test something, in one piece: `print` may write the end of a line by itself, or never."""
    os.write(1, f"{line}\n".encode())


def die(tree: bool) -> None:
    """Kill this process as SIGKILL does, with everything it started or without."""
    if tree:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    os.kill(os.getpid(), signal.SIGKILL)


def _say_where(*_: object) -> None:
    for task in asyncio.all_tasks():
        task.print_stack()


def main() -> None:
    """Fork for each order, and say how it ended."""
    for name in (*HEAVY, *OWN):
        importlib.import_module(name)
    # A fork that looks through what it shares with its parent makes it its own, page by page.
    gc.collect()
    gc.freeze()
    say("ready")
    while line := sys.stdin.readline():
        pid = os.fork()
        if not pid:
            os.setpgid(0, 0)
            signal.signal(signal.SIGUSR1, _say_where)
            code = 1
            try:
                orders = json.loads(line)
                asyncio.run(prepare(orders) if "lock" in orders else work(orders))
                code = 0
            except BaseException:  # noqa: BLE001  the fork ends here, and the test reads why
                traceback.print_exc()
            os._exit(code)
        say(f"pid {pid}")
        _, status = os.waitpid(pid, 0)
        say(f"ended {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()
