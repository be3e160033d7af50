"""`miracle demo`: the real engine, sandbox and database with a scripted model."""

import sys

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS, BadInput

EPILOG = """\b
Examples:
  miracle demo                 watch the default demo in the app
  miracle demo --list          what there is to see
  miracle demo --headless      the same as text; exit status 0 only when the run is green
"""


@click.command("demo", epilog=EPILOG)
@click.argument("name", required=False)
@click.option("--list", "list_only", is_flag=True, help="List the demos.")
@click.option("--headless", is_flag=True, help="Print progress as text even at a terminal.")
@as_json
def command(name: str | None, list_only: bool, headless: bool, as_json: bool) -> int:
    """See the loop at work with a scripted model; needs no key.

    Everything but the model is real: a plan, code, tests that fail in the sandbox, a reflection, a fix, and the proof.
    Without a terminal the progress is printed as text.
    """
    from miracle_tui.cli.opening import in_loop

    if list_only:
        return in_loop(_list(as_json))
    chosen = _known(name)
    if not headless and not as_json and sys.stdin.isatty() and sys.stdout.isatty():
        from miracle_tui.app import run_app

        return run_app(demo=chosen)
    return in_loop(_play(chosen, as_json))


def _known(name: str | None) -> str:
    """The name of a demo that exists.

    Raises:
        BadInput: there is no such demo, or its file is malformed.
    """
    from engine.scripted.script import ScriptError, load_script
    from miracle_tui.demo import DEFAULT_DEMO

    try:
        load_script(name or DEFAULT_DEMO)
    except ScriptError as exc:
        raise BadInput(exc.title, f"{exc.hint} `miracle demo --list` shows the demos.") from exc
    return name or DEFAULT_DEMO


async def _play(name: str, as_json: bool) -> int:
    from miracle_tui.cli.asking import Answerer
    from miracle_tui.cli.following import attend
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.views import JsonView, TextView
    from miracle_tui.demo import demo_setup

    config = configuration()
    async with demo_setup(config, name) as setup, opened(config, model=setup.model, progress=not as_json) as engine:
        # Nobody may be there to approve the script's plan, and the scripted model has but one.
        task = setup.task.model_copy(update={"approve": "all"})
        run_id = await engine.start(task)
        return await attend(engine, run_id, JsonView() if as_json else TextView(), Answerer(allow_all=True))


async def _list(as_json: bool) -> int:
    from miracle_tui.cli.console import say, say_json, table
    from miracle_tui.cli.inert import one_line
    from miracle_tui.demo import DEFAULT_DEMO, demo_choices

    choices = await demo_choices()
    if as_json:
        for choice in choices:
            say_json({"name": choice.name, "title": choice.title, "description": choice.description})
        return SUCCESS
    rows = [
        (choice.name, one_line(choice.title) + (" (default)" if choice.name == DEFAULT_DEMO else ""))
        for choice in choices
    ]
    say(table(rows, ("NAME", "WHAT IT SHOWS")))
    return SUCCESS
