"""`miracle cancel`: end a run for good."""

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS

EPILOG = """\b
Examples:
  miracle cancel last
"""


@click.command("cancel", epilog=EPILOG)
@click.argument("run")
@as_json
def command(run: str, as_json: bool) -> int:
    """End a run for good.

    RUN is a run's id, a unique beginning of it, or `last`. What it did stays readable with `miracle show`; to stop a
    run that should go on later, use `miracle pause`.
    """
    from miracle_tui.cli.opening import in_loop

    return in_loop(_cancel(run, as_json))


async def _cancel(name: str, as_json: bool) -> int:
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.run_names import find_run

    async with opened(configuration()) as engine:
        run_id = await find_run(engine, name)
        await engine.cancel(run_id)
    if as_json:
        say_json({"run_id": run_id, "status": "cancelled"})
    else:
        say([f"✓ {run_id} is cancelled"])
    return SUCCESS
