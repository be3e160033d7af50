"""`miracle worker`: work on the runs of a shared queue."""

from typing import TYPE_CHECKING

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS, BadInput

if TYPE_CHECKING:
    from config.config import Config

EPILOG = """\b
Examples:
  miracle worker
  miracle worker --concurrency 4 --name build-box
  DATABASE_URL=postgresql://miracle@db.example/miracle miracle worker

\b
A worker takes the runs whose files lie in its own data folder: those that were started on this machine, or on one that
shares the folder. Ctrl+C or SIGTERM ends it: it takes nothing more, waits for answers that are paid for, and leaves its
runs to the other workers. docs/workers.md tells the rest.
"""


@click.command("worker", epilog=EPILOG)
@click.option("--concurrency", metavar="N", type=click.IntRange(1, 1000), help="Runs at the same time.")
@click.option("--name", metavar="NAME", default="", help="How this worker is called; the machine's name by default.")
@as_json
def command(concurrency: int | None, name: str, as_json: bool) -> int:
    """Work on the runs that wait in the queue, until it is stopped.

    Runs get there where `orchestrator.execution` is `queue`. Any number of workers may share one PostgreSQL; the runs
    of one that dies, freezes or loses the network go on with another within seconds.
    """
    from miracle_tui.cli.opening import in_loop

    return in_loop(_serve(concurrency, name.strip(), as_json))


async def _serve(concurrency: int | None, name: str, as_json: bool) -> int:
    import asyncio
    import os
    import signal
    import socket

    from engine.workers.run_worker import RunWorker
    from engine.workers.surroundings import Surroundings
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.stored_key import with_stored_key

    config = with_stored_key(configuration())
    limit = concurrency or config.settings.workers.concurrency
    name = name or f"{socket.gethostname()}:{os.getpid()}"

    def tell(run_id: str, text: str) -> None:
        if as_json:
            say_json({"worker": name, "run_id": run_id, "text": text})
        else:
            say([f"▸ {run_id}: {one_line(text)}" if run_id else f"✓ {one_line(text)}"])

    surroundings = Surroundings(config)
    try:
        async with opened(working(config, limit), progress=not as_json) as engine:
            engine.surroundings = surroundings
            worker = RunWorker(engine, name, limit, tell)
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, worker.stop)
            tell("", f"Worker {name} serves {config.paths.data}, {limit} at a time. Ctrl+C ends it.")
            await worker.run()
            tell("", f"Worker {name} has ended; what it left goes on with the next worker.")
    except OSError as exc:
        raise BadInput(f"The worker cannot start: {exc}", "See whether the data folder can be written.") from exc
    finally:
        await surroundings.close()
    return SUCCESS


def working(config: "Config", concurrency: int) -> "Config":
    """The configuration of a process that works on runs itself, so many at a time."""
    from dataclasses import replace

    orchestrator = config.settings.orchestrator.model_copy(
        update={"execution": "inline", "max_concurrent_tasks": concurrency}
    )
    return replace(config, settings=config.settings.model_copy(update={"orchestrator": orchestrator}))
