"""`miracle promote`: take the result of a green run."""

from typing import Literal

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS, BadInput

EPILOG = """\b
Examples:
  miracle promote last --merge     merge it into the branch that your project stands on
  miracle promote last --patch     write it as a patch file
  miracle promote last --branch    keep it as a branch of your repository
"""


@click.command("promote", epilog=EPILOG)
@click.argument("run")
@click.option("--merge", "how", flag_value="merge", help="Merge into your own tree.")
@click.option("--patch", "how", flag_value="patch", help="Write RUN.patch.")
@click.option("--branch", "how", flag_value="branch", help="Keep the branch autonomous/RUN in your repository.")
@as_json
def command(run: str, how: Literal["merge", "patch", "branch"] | None, as_json: bool) -> int:
    """Take the result of a green run: this is the only way in which your own files change.

    RUN is a run's id, a unique beginning of it, or `last`. Look at the result first: miracle show RUN --diff.
    """
    from miracle_tui.cli.opening import in_loop

    if how is None:
        raise BadInput("Say how to take the result", "One of --merge, --patch and --branch.")
    return in_loop(_promote(run, how, as_json))


async def _promote(name: str, how: Literal["merge", "patch", "branch"], as_json: bool) -> int:
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.run_names import find_run

    async with opened(configuration()) as engine:
        run_id = await find_run(engine, name)
        taken = await engine.promote(run_id, how)
    if as_json:
        say_json({"run_id": run_id, "how": taken.how, "detail": taken.detail, "commit": taken.commit})
    else:
        say([f"✓ {run_id}: {one_line(taken.detail or taken.how, 400)}"])
    return SUCCESS
