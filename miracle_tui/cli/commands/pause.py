"""`miracle pause`: nothing new is begun until the run is resumed."""

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS

EPILOG = """\b
Examples:
  miracle pause last
  miracle pause roman      the beginning of a run's id is enough
"""


@click.command("pause", epilog=EPILOG)
@click.argument("run")
@as_json
def command(run: str, as_json: bool) -> int:
    """Stop a run before its next step.

    RUN is a run's id, a unique beginning of it, or `last`. It works from any terminal, whatever process executes it.
    """
    from miracle_tui.cli.opening import in_loop

    return in_loop(_pause(run, as_json))


async def _pause(name: str, as_json: bool) -> int:
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.run_names import find_run

    async with opened(configuration()) as engine:
        run_id = await find_run(engine, name)
        await engine.pause(run_id)
    if as_json:
        say_json({"run_id": run_id, "status": "paused"})
    else:
        say([f"✓ {run_id} is paused", f"→ go on:  miracle resume {run_id}"])
    return SUCCESS
