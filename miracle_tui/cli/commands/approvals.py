"""`miracle approvals`: the questions that wait for an answer."""

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS

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
    from miracle_tui.cli.amounts import moment
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
                }
            )
        return SUCCESS
    if not waiting:
        say(["Nothing waits for you."])
        return SUCCESS
    rows = [(q.approval_id, q.topic, moment(q.asked_at), one_line(q.title)) for q in waiting]
    say([*table(rows, ("ID", "ABOUT", "ASKED", "QUESTION")), "→ answer:  miracle approve ID   (--help shows the ways)"])
    return SUCCESS
