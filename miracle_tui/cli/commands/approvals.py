"""`miracle approvals`: the questions that wait for an answer."""

from typing import TYPE_CHECKING

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS

if TYPE_CHECKING:
    from engine.task import BlastRadius

EPILOG = """\b
Examples:
  miracle approvals
  miracle approvals --json | jq -r .approval_id
"""


@click.command("approvals", epilog=EPILOG)
@as_json
def command(as_json: bool) -> int:
    """List the questions that wait for an answer, over all runs."""
    from miracle_tui.cli.opening import in_loop

    return in_loop(_list(as_json))


async def _list(as_json: bool) -> int:
    from config.amounts import moment
    from miracle_tui.cli.console import say, say_json, table
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.opening import configuration, opened

    async with opened(configuration()) as engine:
        waiting = await engine.approvals()
    if as_json:
        for question in waiting:
            say_json(
                {
                    "run_id": question.run_id,
                    "approval_id": question.approval_id,
                    "topic": question.topic,
                    "title": question.title,
                    "asked_at": question.asked_at.isoformat(),
                    "blast_radius": question.blast_radius.model_dump(mode="json"),
                }
            )
        return SUCCESS
    if not waiting:
        say(["Nothing waits for you."])
        return SUCCESS
    rows = [(q.approval_id, q.topic, moment(q.asked_at), _reach(q.blast_radius), one_line(q.title)) for q in waiting]
    header = ("ID", "ABOUT", "ASKED", "REACH", "QUESTION")
    say([*table(rows, header), "→ answer:  miracle approve ID   (--help shows the ways)"])
    return SUCCESS


def _reach(radius: "BlastRadius") -> str:
    """The blast radius in a few words."""
    from config.amounts import dollars, plural
    from miracle_tui.cli.inert import one_line

    paths = one_line(radius.paths[0], 40) if len(radius.paths) == 1 else plural(len(radius.paths), "path")
    words = [paths] if radius.paths else []
    words += ["network"] if radius.network else []
    words += [dollars(radius.cost_usd)] if radius.cost_usd is not None else []
    words += [] if radius.reversible else ["cannot be undone"]
    return ", ".join(words) or "-"
