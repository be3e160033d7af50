"""`miracle resume`: go on with a run that was paused or interrupted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from miracle_tui.cli.commands.run import MAX_ITERATIONS, make_answerer
from miracle_tui.cli.options import as_json, finite, model_options

if TYPE_CHECKING:
    from engine.engine import Engine

EPILOG = """\b
Examples:
  miracle resume last
  miracle resume roman --budget-usd +2          after the budget was used up
  miracle resume roman --tokens +500000
  miracle resume roman --max-iterations +5 --json

\b
Exit status: as `miracle run`.
"""


def _more(ctx: click.Context, param: click.Parameter, value: str | None) -> float:
    """The number of `+2` or `2`."""
    if value is None:
        return 0.0
    try:
        amount = float(value.removeprefix("+"))
    except ValueError as exc:
        raise click.BadParameter(f"{value!r} is not a number such as +2.", ctx, param) from exc
    finite(ctx, param, amount)
    return amount


def _more_tokens(ctx: click.Context, param: click.Parameter, value: str | None) -> int:
    amount = _more(ctx, param, value)
    if amount != int(amount):
        raise click.BadParameter(f"{value!r} is not a whole number.", ctx, param)
    return int(amount)


def _more_trips(ctx: click.Context, param: click.Parameter, value: str | None) -> int:
    amount = _more(ctx, param, value)
    if amount != int(amount) or amount > MAX_ITERATIONS:
        raise click.BadParameter(f"{value!r} is not a whole number up to {MAX_ITERATIONS}.", ctx, param)
    return int(amount)


@click.command("resume", epilog=EPILOG)
@click.argument("run")
@click.option("--budget-usd", metavar="+N", default=None, callback=_more, help="More US dollars to spend.")
@click.option("--tokens", metavar="+N", default=None, callback=_more_tokens, help="More tokens to use.")
@click.option("--max-iterations", metavar="+N", default=None, callback=_more_trips, help="More trips round the loop.")
@click.option(
    "--answers",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Answers to questions about the goal: YAML, JSON, or one a line.",
)
@click.option("--unsafe-local", is_flag=True, help="Run code WITHOUT a sandbox on this machine.")
@model_options
@as_json
def command(**given: Any) -> int:
    """Go on with a run that was paused or interrupted.

    RUN is a run's id, a unique beginning of it, or `last`. Nothing that was done is done again, and no answer of a
    model is paid for twice.
    """
    from miracle_tui.cli.opening import in_loop

    return in_loop(_resume(given))


async def _resume(given: dict[str, Any]) -> int:
    from miracle_tui.cli.going_on import going_on
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.run_names import find_run

    answerer = make_answerer(None, given["answers"], given["as_json"])
    async with opened(configuration()) as engine:
        run_id = await find_run(engine, given["run"])
        state = await engine.state(run_id)
    chosen = {name: given[name] for name in ("model", "base_url", "record", "replay", "unsafe_local")}
    async with going_on(state, progress=not given["as_json"], **chosen) as engine:
        return await _go_on(engine, run_id, given, answerer)


async def _go_on(engine: "Engine", run_id: str, given: dict[str, Any], answerer: Any) -> int:
    from miracle_tui.cli.following import attend
    from miracle_tui.cli.views import JsonView, TextView

    state = await engine.state(run_id)
    more_usd, more_trips, more_tokens = given["budget_usd"], given["max_iterations"], given["tokens"]
    if state.outcome or state.paused or more_usd or more_trips or more_tokens:
        await engine.resume(run_id, add_budget_usd=more_usd, add_iterations=more_trips, add_tokens=more_tokens)
    return await attend(engine, run_id, JsonView() if given["as_json"] else TextView(), answerer, known=state)
