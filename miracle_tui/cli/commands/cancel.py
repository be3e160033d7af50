"""`miracle cancel`: end a run for good."""

import click

from miracle_tui.cli.problems import SUCCESS

EPILOG = """\b
Examples:
  miracle cancel last
"""


@click.command("cancel", epilog=EPILOG)
@click.argument("run")
def command(run: str) -> int:
    """End a run for good.

    RUN is a run's id, a unique beginning of it, or `last`. What it did stays readable with `miracle show`; to stop a
    run that should go on later, use `miracle pause`.
    """
    from miracle_tui.cli.opening import in_loop

    return in_loop(_cancel(run))


async def _cancel(name: str) -> int:
    from miracle_tui.cli.console import say
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.run_names import find_run

    async with opened(configuration()) as engine:
        run_id = await find_run(engine, name)
        await engine.cancel(run_id)
    say([f"✓ {run_id} is cancelled"])
    return SUCCESS
