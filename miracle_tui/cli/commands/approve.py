"""`miracle approve`: answer a question."""

from typing import TYPE_CHECKING, Literal

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS, BadInput

if TYPE_CHECKING:
    from engine.events import ApprovalRequested
    from engine.state import State

EPILOG = """\b
Examples:
  miracle approve roman.1                                    allow it once
  miracle approve roman.1 --run                              and whatever is like it, for this run
  miracle approve roman.1 --deny --reason "Use sqlite3, not an ORM"
  miracle approve roman.1 --answer "Python 3.12" --answer "" reply to questions in order; an empty one is skipped
"""


@click.command("approve", epilog=EPILOG)
@click.argument("approval", metavar="ID")
@click.option("--once", "scope", flag_value="once", help="Allow it this once (the default).")
@click.option("--run", "scope", flag_value="run", help="Allow it for the whole run.")
@click.option("--deny", "scope", flag_value="deny", help="Do not allow it.")
@click.option("--reason", default="", help="Why not; the agent reads it. With --deny.")
@click.option("--answer", "answers", multiple=True, metavar="TEXT", help="A reply to each question, in order.")
@as_json
def command(
    approval: str,
    scope: Literal["once", "run", "deny"] | None,
    reason: str,
    answers: tuple[str, ...],
    as_json: bool,
) -> int:
    """Answer a question: allow, deny, or reply.

    ID is `RUN.N` as `miracle approvals` lists it; the run's id may be cut short or be `last`. Whoever executes the run
    goes on at once; if nobody does, `miracle resume RUN` does.
    """
    from miracle_tui.cli.opening import in_loop

    if reason and scope != "deny":
        raise BadInput("--reason goes with --deny", "Add --deny, or use `miracle steer` to send the agent a message.")
    if answers and scope == "deny":
        raise BadInput("--answer does not go with --deny", "Give the answers, or deny.")
    return in_loop(_answer(approval, scope or "once", reason, answers, as_json))


async def _answer(
    name: str, decision: Literal["once", "run", "deny"], reason: str, answers: tuple[str, ...], as_json: bool
) -> int:
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.run_names import find_approval

    async with opened(configuration()) as engine:
        question = await find_approval(engine, name)
        request = _request(await engine.state(question.run_id), question.approval_id)
        _check(request, decision, answers)
        await engine.answer(question.run_id, question.approval_id, decision, reason=reason, answers=answers)
    if as_json:
        ids = {"run_id": question.run_id, "approval_id": question.approval_id}
        say_json({**ids, "decision": decision, "reason": reason, "answers": answers})
        return SUCCESS
    word = {"once": "allowed", "run": "allowed for the whole run", "deny": "denied"}[decision]
    say(
        [
            f"✓ {question.approval_id} is {'answered' if answers else word}",
            f"→ if nobody executes the run:  miracle resume {question.run_id}",
        ]
    )
    return SUCCESS


def _request(state: "State", approval_id: str) -> "ApprovalRequested | None":
    return next((a.request for a in state.approvals if a.request.approval_id == approval_id), None)


def _check(request: "ApprovalRequested | None", decision: str, answers: tuple[str, ...]) -> None:
    """Refuse replies that do not fit the question."""
    asked = request.questions if request else ()
    if answers and not asked:
        raise BadInput("This question asks to allow something, not for a reply", "Leave --answer away.")
    if asked and decision != "deny" and not answers:
        listed = "\n".join(f"{number}. {question}" for number, question in enumerate(asked, 1))
        raise BadInput("Give a reply to each question with --answer, or --deny to skip them", listed)
    if len(answers) > len(asked):
        raise BadInput(f"There are {len(asked)} questions and {len(answers)} replies", "Give one --answer for each.")
