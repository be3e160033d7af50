"""Finds the run that a person means by the beginning of its id, or by `last`."""

from typing import TYPE_CHECKING

from miracle_tui.cli.inert import one_line
from miracle_tui.cli.problems import BadInput

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.gates.rules import Rule
    from engine.summary import PendingApproval, RunSummary

LAST = "last"
SEARCHED = 10_000
"""Runs that are looked through, the newest first."""


async def find_run(engine: "Engine", name: str) -> str:
    """The id of a run.

    Args:
        engine: the open engine.
        name: an id, a unique beginning of one, or `last`.

    Raises:
        BadInput: there is no such run, or more than one.
    """
    return pick_run(await engine.runs(1 if name == LAST else SEARCHED), name)


def pick_run(runs: "list[RunSummary]", name: str) -> str:
    """The id that a name stands for among runs, the newest first."""
    if name == LAST:
        if not runs:
            raise BadInput("There is no run yet", 'Start one: miracle run -t "what you want", or miracle demo.')
        return runs[0].run_id
    matching = [run.run_id for run in runs if name and run.run_id.startswith(name)]
    if name in matching:
        return name
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise BadInput(f"No run begins with {one_line(name)!r}", "`miracle history` lists the runs.")
    shown = ", ".join(matching[:5]) + (", …" if len(matching) > 5 else "")
    raise BadInput(f"{one_line(name)!r} stands for {len(matching)} runs: {shown}", "Give more of the id.")


async def find_approval(engine: "Engine", name: str) -> "PendingApproval":
    """A question that waits for an answer.

    Args:
        engine: the open engine.
        name: `<run>.<n>`, where the run's id may be cut short or be `last`; or just a run with a single question.

    Raises:
        BadInput: nothing waits under that name, or more than one question does; says who answered it.
    """
    try:
        return pick_approval(await engine.approvals(), await engine.runs(1), name)
    except BadInput as exc:
        if answered := await _answered(engine, name):
            raise BadInput(f"{exc.title}: {answered}", exc.hint) from exc
        raise


async def _answered(engine: "Engine", name: str) -> str:
    """Who answered the question of this whole name, and how; empty when there is none."""
    run, dot, _ = name.rpartition(".")
    if not dot:
        return ""
    try:
        state = await engine.state(await find_run(engine, run))
    except BadInput:
        return ""
    number = name[len(run) :]
    found = next((a.answer for a in state.approvals if a.request.approval_id == f"{state.run_id}{number}"), None)
    return f"{one_line(found.by)} answered it ({found.decision})" if found else ""


async def find_rule(engine: "Engine", name: str) -> "Rule":
    """A standing rule by its id or a unique beginning of it.

    Raises:
        BadInput: there is none, or more than one.
    """
    matching = [rule for rule in await engine.rules() if name and rule.rule_id.startswith(name)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise BadInput(f"{one_line(name)!r} stands for {len(matching)} rules", "Give more of the id.")
    raise BadInput(f"There is no rule {one_line(name)!r}", "`miracle rules` lists them.")


def pick_approval(waiting: "list[PendingApproval]", newest: "list[RunSummary]", name: str) -> "PendingApproval":
    """The question that a name stands for among those that wait."""
    run, dot, number = name.rpartition(".")
    if not dot:
        run, number = name, ""
    if run == LAST and newest:
        run = newest[0].run_id
    matching = [
        question
        for question in waiting
        if run
        and question.run_id.startswith(run)
        and (not number or question.approval_id == f"{question.run_id}.{number}")
    ]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise BadInput(f"No question waits under {one_line(name)!r}", "`miracle approvals` lists what waits.")
    shown = ", ".join(question.approval_id for question in matching[:5])
    raise BadInput(f"{one_line(name)!r} stands for {len(matching)} questions: {shown}", "Give the whole id.")
