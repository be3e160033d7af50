"""`miracle steer`: a message to the running agent."""

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS

EPILOG = """\b
Examples:
  miracle steer last "Use only the standard library"
  miracle steer roman @hint.md
"""


@click.command("steer", epilog=EPILOG)
@click.argument("run")
@click.argument("text")
@as_json
def command(run: str, text: str, as_json: bool) -> int:
    """Send a message to the running agent.

    RUN is a run's id, a unique beginning of it, or `last`. TEXT is the message, @FILE, or - for stdin; the agent reads
    it before its next answer.
    """
    from miracle_tui.cli.opening import in_loop

    return in_loop(_steer(run, text, as_json))


async def _steer(name: str, given: str, as_json: bool) -> int:
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.run_names import find_run
    from miracle_tui.cli.texts import read_text

    text = read_text(given, what="the message")
    async with opened(configuration()) as engine:
        run_id = await find_run(engine, name)
        await engine.steer(run_id, text)
    if as_json:
        say_json({"run_id": run_id, "text": text})
    else:
        say([f"✓ {run_id} gets the message with its next step"])
    return SUCCESS
