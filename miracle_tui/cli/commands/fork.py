"""`miracle fork`: a new run that begins as another one was at some moment."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from miracle_tui.cli.options import as_json, finite
from miracle_tui.cli.places import place_of, seq_of
from miracle_tui.cli.problems import SUCCESS, BadInput

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.task import Plan

MAX_ITERATIONS = 1000
MOST_PROBLEMS = 5

EPILOG = """\b
Examples:
  miracle show roman --moments                     where it can be forked from
  miracle fork roman --at iteration:2 --hypothesis "Parse with a table, not with a regex"
  miracle fork roman --at 41 --model coder=gpt-5 --budget-usd 2
  miracle fork roman --plan plan.yaml --no-run     from where it is now, with another plan
  miracle compare roman FORK                       what came of the two

\b
Exit status: as `miracle run`; with --no-run 0.
"""


def _models(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Agent to models of `coder=a,b`; the agent is empty for all of them."""
    found: dict[str, tuple[str, ...]] = {}
    for value in values:
        role, equals, names = value.partition("=") if "=" in value else ("", "", value)
        models = tuple(name.strip() for name in names.split(","))
        if not all(models) or (equals and not role.strip()):
            raise click.BadParameter(f"{value!r} is not like coder=MODEL.", ctx, param)
        found[role.strip()] = models
    return found


@click.command("fork", epilog=EPILOG)
@click.argument("run")
@click.option(
    "--at",
    metavar="N|iteration:K",
    callback=place_of,
    help="Begin after event N, or where iteration K began; by default where the run is now.",
)
@click.option("--hypothesis", metavar="TEXT|@FILE", help="What the iteration that is gone on with tries.")
@click.option(
    "--plan",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another plan, YAML or JSON, as `miracle show RUN --plan` prints it.",
)
@click.option(
    "--model",
    "models",
    metavar="[AGENT=]M[,M]",
    multiple=True,
    callback=_models,
    help="Models of an agent, tried in turn, or of all agents; may be repeated.",
)
@click.option("--budget-usd", metavar="N", type=float, callback=finite, help="US dollars the fork may spend.")
@click.option(
    "--max-iterations", metavar="N", type=click.IntRange(1, MAX_ITERATIONS), help="More trips round the loop."
)
@click.option("--no-run", is_flag=True, help="Only make the fork; `miracle resume` works on it.")
@as_json
def command(**given: Any) -> int:
    """Begin a new run as another one was at some moment, and go another way from there.

    RUN is a run's id, a unique beginning of it, or `last`; it may be running, paused or over, and stays as it is.
    The fork has a branch and a worktree of its own, which begin at the run's last checkpoint before that moment; what
    was written after it is written anew. It spends from a budget of its own.
    """
    from miracle_tui.cli.opening import in_loop

    return in_loop(_fork(given))


async def _fork(given: dict[str, Any]) -> int:
    from miracle_tui.cli.going_on import going_on
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.run_names import find_run

    changes = _changes(given)
    async with opened(configuration()) as engine:
        run_id = await find_run(engine, given["run"])
        at = seq_of(given["at"], await engine.log(run_id), end=False)
        if given["no_run"]:
            forked = await engine.fork(run_id, at, drive=False, **changes)
            _say_made(forked, run_id, at, given["as_json"])
            return SUCCESS
        source = await engine.state(run_id)
    async with going_on(source, progress=not given["as_json"]) as engine:
        forked = await engine.fork(run_id, at, drive=False, **changes)
        return await _follow(engine, forked, at, given["as_json"])


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    """What the fork does otherwise, as `Engine.fork` takes it.

    Raises:
        BadInput: a file cannot be read.
    """
    from engine.agents.registry import agents
    from miracle_tui.cli.texts import read_text

    models = dict(given["models"])
    if "" in models:
        models = {**dict.fromkeys(agents(), models.pop("")), **models}
    return {
        "hypothesis": read_text(given["hypothesis"], what="the hypothesis") if given["hypothesis"] is not None else "",
        "plan": read_plan(given["plan"]) if given["plan"] else None,
        "models": models or None,
        "budget_usd": given["budget_usd"],
        "max_iterations": given["max_iterations"],
    }


def read_plan(path: Path) -> "Plan":
    """The plan of a YAML or JSON file.

    Raises:
        BadInput: it is no plan; the title says what is wrong.
    """
    import yaml
    from pydantic import ValidationError

    from engine.task import Plan
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.texts import read_text

    hint = "`miracle show RUN --plan` prints a plan to begin with."
    try:
        return Plan.model_validate(yaml.safe_load(read_text(f"@{path}", what="the plan")))
    except yaml.YAMLError as exc:
        raise BadInput(f"{path} is not YAML: {one_line(str(exc), 300)}", hint) from exc
    except ValidationError as exc:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'plan'}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in exc.errors(include_url=False, include_input=False, include_context=False)[:MOST_PROBLEMS]
        )
        raise BadInput(f"{path} is no plan: {one_line(problems, 600)}", hint) from exc


def _say_made(forked: str, run_id: str, at: int, as_json: bool) -> None:
    from miracle_tui.cli.console import say, say_json

    if as_json:
        say_json({"run_id": forked, "source_run_id": run_id, "source_seq": at})
    else:
        say([f"✓ {forked} begins as {run_id} was at event {at}", f"→ let it work:  miracle resume {forked}"])


async def _follow(engine: "Engine", run_id: str, at: int, as_json: bool) -> int:
    from miracle_tui.cli.commands.run import make_answerer
    from miracle_tui.cli.following import attend
    from miracle_tui.cli.views import JsonView, TextView

    known = await engine.state(run_id, at)
    answerer = make_answerer(None, None, as_json)
    return await attend(engine, run_id, JsonView() if as_json else TextView(), answerer, known=known)
