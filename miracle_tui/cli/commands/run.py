"""`miracle run`: give a goal and stay with the run."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from miracle_tui.cli.options import as_json, chosen_model, finite, model_options
from miracle_tui.cli.problems import BadInput

if TYPE_CHECKING:
    from config.config import Config
    from engine.engine import Engine
    from engine.llm.protocol import ModelClient
    from engine.task import Task
    from miracle_tui.cli.asking import Answerer

PROJECT_TYPES = ("web_app", "data_pipeline", "cli_tool", "library", "script", "existing")
LANGUAGES = ("python", "node")
POLICIES = ("ask", "safe", "all")
MAX_ITERATIONS = 1000
SOME_MUTANTS = 10
"""Faults that are tried where a person only says what share of them must be caught."""

EPILOG = """\b
Examples:
  miracle run -t "Write a library that converts Roman numerals" -p library
  miracle run -t @goal.md --workspace ~/src/shop --verify "make check"
  git log -1 --format=%B | miracle run -t - --enable-review --budget-usd 2
  miracle run -t "Fix the failing test" --approve all --json > events.jsonl

\b
Exit status:
  0 green   1 failed or cancelled   2 usage   4 a budget is used up   130 interrupted
  3 waits for a person: with a question, or paused because the model, the sandbox or the workspace does not work
After 3, 4 and 130 nothing is lost: `miracle resume RUN` goes on where it stopped.
"""


@click.command("run", epilog=EPILOG)
@click.option("-t", "--task", "goal", metavar="TEXT|@FILE|-", required=True, help="The goal; - reads stdin.")
@click.option("-p", "--project-type", type=click.Choice(PROJECT_TYPES), help="What is being built.")
@click.option("-l", "--language", type=click.Choice(LANGUAGES), help="The language to write.")
@click.option(
    "--workspace",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Your project; the current folder by default. A folder inside a repository stands for the whole of it.",
)
@click.option("--verify", metavar="CMD", default="", help="An acceptance check that no agent can edit.")
@click.option("--enable-review", is_flag=True, help="Let a code reviewer read each iteration.")
@click.option("--enable-audit", is_flag=True, help="Let a security auditor read each iteration.")
@click.option(
    "--mutants",
    metavar="N",
    type=click.IntRange(0, 1000),
    help="Put N small faults into each phase's changes, and see how many its tests catch.",
)
@click.option(
    "--min-mutants",
    metavar="PERCENT",
    type=click.IntRange(0, 100),
    help="A phase whose tests catch fewer of them is not done.",
)
@click.option("--budget-usd", metavar="N", type=float, callback=finite, help="US dollars the run may spend.")
@click.option("--max-iterations", metavar="N", type=click.IntRange(1, MAX_ITERATIONS), help="Trips round the loop.")
@click.option(
    "--approve", type=click.Choice(POLICIES), help="Who answers: you; nobody for the plan (safe); nobody at all (all)."
)
@click.option(
    "--approval-timeout",
    metavar="S",
    type=click.IntRange(min=0),
    help="Seconds after which an unanswered question is denied; 0 waits for ever. The plan always waits.",
)
@click.option("--priority", metavar="N", type=click.IntRange(-1000, 1000), help="In the queue the higher goes first.")
@click.option("--no-questions", is_flag=True, help="Do not ask anything about the goal.")
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
    """Give a goal and let Miracle work until its tests prove it done.

    The work happens in a git worktree on a branch of its own; your files stay as they are until you take the result
    with `miracle promote`. Progress is printed as it happens. At a terminal you are asked at the prompt; without one
    the run waits for `miracle approve`, or decides by itself with --approve.
    """
    from miracle_tui.cli.opening import in_loop

    return in_loop(_run(given))


async def _run(given: dict[str, Any]) -> int:
    from miracle_tui.cli.following import attend
    from miracle_tui.cli.opening import configuration, opened, served_by, workspace_folder
    from miracle_tui.cli.texts import read_text
    from miracle_tui.cli.views import JsonView, TextView
    from miracle_tui.stored_key import with_stored_key

    workspace = workspace_folder(given["workspace"])
    _check_command(given["verify"])
    answerer = make_answerer(given["approve"], given["answers"], given["as_json"])
    goal = read_text(given["goal"], what="the goal")
    config = served_by(with_stored_key(configuration(workspace)), given["base_url"])
    model = chosen_model(config, given["model"], given["base_url"], given["record"], given["replay"])
    try:
        task = make_task(config, goal, workspace, model, given)
        progress = not given["as_json"]
        async with opened(config, model=model, unsafe_local=given["unsafe_local"], progress=progress) as engine:
            run_id = await engine.start(task)
            await _tell_expected(engine, task)
            return await attend(engine, run_id, JsonView() if given["as_json"] else TextView(), answerer)
    finally:
        await model.close()


async def _tell_expected(engine: "Engine", task: "Task") -> None:
    """Say on stderr what runs like this one took."""
    from engine.gates.forecast import NOTHING_KNOWN
    from miracle_tui.cli.console import tell

    found = await engine.forecast(task)
    tell([f"· {found.text if found else NOTHING_KNOWN}"])


def make_answerer(approve: str | None, answers: Path | None, as_json: bool) -> "Answerer":
    """Who answers while the run is followed: a file, a policy, or the person at the prompt."""
    from miracle_tui.cli.answers import read_answers
    from miracle_tui.cli.asking import Answerer, TerminalLines

    present = sys.stdin.isatty() and sys.stdout.isatty() and not as_json
    return Answerer(
        prepared=read_answers(answers) if answers else None,
        allow_all=approve == "all",
        lines=TerminalLines() if present else None,
    )


def make_task(config: "Config", goal: str, workspace: Path, model: "ModelClient", given: dict[str, Any]) -> "Task":
    """The task that the options describe.

    Raises:
        BadInput: the goal is far too long.
    """
    from engine.agents.registry import agents
    from engine.errors import EngineError
    from miracle_tui.new_task import task_from

    approve = given["approve"]
    if approve == "all" and given["answers"]:
        # The policy `all` declines every question at once, before the file could answer it.
        approve = "safe"
    choices: dict[str, Any] = {
        "project_type": given["project_type"],
        "language": given["language"],
        "verify": given["verify"].strip() or None,
        "budget_usd": given["budget_usd"],
        "max_iterations": given["max_iterations"],
        "warn_iteration": _warn_at(config, given["max_iterations"]),
        "approve": approve,
        "approval_timeout_s": given["approval_timeout"],
        "questions": False if given["no_questions"] else None,
        "review": True if given["enable_review"] else None,
        "audit": True if given["enable_audit"] else None,
        "mutants": _mutants(given),
        "min_mutants": given["min_mutants"],
        "priority": given["priority"],
    }
    chosen = {name: value for name, value in choices.items() if value is not None}
    if given["model"]:
        chosen["models"] = dict.fromkeys(agents(), (given["model"],))
    chosen |= {"base_url": given["base_url"] or "", "model_label": model.label}
    chosen |= {"scripted": model.scripted, "unsafe_local": given["unsafe_local"]}
    try:
        return task_from(config, goal=goal, workspace=workspace, **chosen)
    except EngineError as exc:
        raise BadInput(exc.title, exc.hint) from exc


def _mutants(given: dict[str, Any]) -> int | None:
    """How many faults are tried; a percentage alone asks for a few."""
    return SOME_MUTANTS if given["mutants"] is None and given["min_mutants"] else given["mutants"]


def _warn_at(config: "Config", max_iterations: int | None) -> int | None:
    """The iteration of the warning, kept at the configured share of the limit."""
    if max_iterations is None:
        return None
    configured = config.settings.orchestrator
    return max(1, max_iterations * configured.warning_threshold // configured.max_iterations)


def _check_command(verify: str) -> None:
    try:
        shlex.split(verify)
    except ValueError as exc:
        raise BadInput(f"--verify {verify!r}: {str(exc).lower()}", "Correct the quotes of the command.") from exc
