"""`miracle show`: one run, as it is or as it was."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.places import Place, place_of
from miracle_tui.cli.problems import SUCCESS, BadInput

if TYPE_CHECKING:
    from config.config import Config
    from engine.events import Recorded

EPILOG = """\b
Examples:
  miracle show last
  miracle show last --diff | less -R
  miracle show roman --events          the whole story as text
  miracle show roman --events --json   every event as a line of JSON
  miracle show roman --moments         the moments that it can be looked at and forked from
  miracle show roman --at iteration:2  as iteration 2 left it
  miracle show roman --at 41 --prompt  what the model was told by the last call before event 41
  miracle show roman --plan > plan.yaml
"""
VIEWS = ("events", "moments", "diff", "prompt", "tests", "plan")


@click.command("show", epilog=EPILOG)
@click.argument("run")
@click.option("--at", metavar="N|iteration:K", callback=place_of, help="As it was after event N, or iteration K.")
@click.option("--events", is_flag=True, help="Everything that happened, in order.")
@click.option("--moments", is_flag=True, help="The moments worth stopping at, one a line.")
@click.option("--diff", is_flag=True, help="What the run changed, as a patch.")
@click.option("--prompt", is_flag=True, help="What the last call told the model, and the answer.")
@click.option("--tests", is_flag=True, help="The newest test run: every test, and the output.")
@click.option("--plan", is_flag=True, help="The plan as YAML, to edit and fork with.")
@as_json
def command(run: str, at: Place | None, as_json: bool, **views: bool) -> int:
    """Show one run: goal, plan, iterations, result; as it is, or as it was at some moment.

    RUN is a run's id, a unique beginning of it, or `last`.
    """
    from miracle_tui.cli.opening import in_loop

    wanted = [view for view in VIEWS if views[view]]
    if views["diff"] and (len(wanted) > 1 or as_json):
        raise BadInput("--diff stands alone", "Use --events --json for the diffs of single iterations.")
    if len(wanted) > 1:
        raise BadInput(f"--{wanted[0]} and --{wanted[1]} are two views of the run", "Ask for one at a time.")
    return in_loop(_show(run, at, wanted[0] if wanted else "", as_json))


async def _show(name: str, at: Place | None, view: str, as_json: bool) -> int:
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.places import seq_of
    from miracle_tui.cli.run_names import find_run

    config = configuration()
    async with opened(config) as engine:
        run_id = await find_run(engine, name)
        log = await engine.log(run_id)
    seq = seq_of(at, log, end=True)
    past = seq < len(log)
    log = log[:seq]
    if view == "events":
        _events(run_id, log, as_json)
    elif view == "moments":
        _moments(log, as_json)
    else:
        await _state(config, log, view, as_json, past)
    return SUCCESS


def _events(run_id: str, log: "Sequence[Recorded]", as_json: bool) -> None:
    from engine.evolve import evolve
    from engine.state import State
    from miracle_tui.cli.views import JsonView, TextView

    view = JsonView() if as_json else TextView()
    state = State(run_id=run_id)
    for item in log:
        state = evolve(state, item)
        view.recorded(item, state)


def _moments(log: "Sequence[Recorded]", as_json: bool) -> None:
    from engine.moments import moments
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.moment_lines import moment_lines, moment_record

    found = moments(log)
    if as_json:
        for moment in found:
            say_json(moment_record(moment))
    else:
        say(moment_lines(found))


async def _state(config: "Config", log: "Sequence[Recorded]", view: str, as_json: bool, past: bool) -> None:
    from engine.moments import snapshot
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.moment_lines import plan_text, prompt_lines, prompt_record
    from miracle_tui.cli.patches import print_diff, run_diff
    from miracle_tui.cli.records import state_record
    from miracle_tui.cli.report_lines import full_report_lines
    from miracle_tui.cli.story import story_lines

    then = snapshot(log, log[-1].seq)
    record: Any
    match view:
        case "diff":
            print_diff(await run_diff(config, then.state))
            return
        case "plan":
            plan = _present(then.plan, "plan")
            record, lines = plan.model_dump(mode="json"), plan_text(plan).splitlines()
        case "prompt":
            prompt = _present(then.prompt, "call of a model")
            record, lines = prompt_record(prompt), prompt_lines(prompt)
        case "tests":
            report = _present(then.report, "test run")
            record, lines = report.model_dump(mode="json"), full_report_lines(report)
        case _:
            record, lines = state_record(then.state), story_lines(then.state, past=past)
    if as_json:
        say_json(record)
    else:
        say(lines)


def _present(value: Any, what: str) -> Any:
    """The value.

    Raises:
        BadInput: at that moment there was none.
    """
    if value is None:
        raise BadInput(f"There is no {what} yet at this moment", "Choose a later one: --moments lists them.")
    return value
