"""`miracle show`: one run."""

from typing import TYPE_CHECKING

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS, BadInput

if TYPE_CHECKING:
    from engine.engine import Engine

EPILOG = """\b
Examples:
  miracle show last
  miracle show last --diff | less -R
  miracle show roman --events          the whole story as text
  miracle show roman --events --json   every event as a line of JSON
"""


@click.command("show", epilog=EPILOG)
@click.argument("run")
@click.option("--events", is_flag=True, help="Everything that happened, in order.")
@click.option("--diff", is_flag=True, help="What the run changed, as a patch.")
@as_json
def command(run: str, events: bool, diff: bool, as_json: bool) -> int:
    """Show one run: goal, plan, iterations, result.

    RUN is a run's id, a unique beginning of it, or `last`.
    """
    from miracle_tui.cli.opening import in_loop

    if diff and (events or as_json):
        raise BadInput("--diff stands alone", "Use --events --json for the diffs of single iterations.")
    return in_loop(_show(run, events, diff, as_json))


async def _show(name: str, events: bool, diff: bool, as_json: bool) -> int:
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.patches import print_diff, run_diff
    from miracle_tui.cli.records import state_record
    from miracle_tui.cli.run_names import find_run
    from miracle_tui.cli.story import story_lines

    config = configuration()
    async with opened(config) as engine:
        run_id = await find_run(engine, name)
        if events:
            return await _events(engine, run_id, as_json)
        state = await engine.state(run_id)
    if diff:
        print_diff(await run_diff(config, state))
    elif as_json:
        say_json(state_record(state))
    else:
        say(story_lines(state))
    return SUCCESS


async def _events(engine: "Engine", run_id: str, as_json: bool) -> int:
    from engine.evolve import evolve
    from engine.state import State
    from miracle_tui.cli.views import JsonView, TextView

    view = JsonView() if as_json else TextView()
    state = State(run_id=run_id)
    for item in await engine.log(run_id):
        state = evolve(state, item)
        view.recorded(item, state)
    return SUCCESS
