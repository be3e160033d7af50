"""`miracle approve`: answer a question."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS, BadInput

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.events import ApprovalRequested, Decision
    from engine.gates.rehearsal import Rehearsal
    from engine.gates.rules import Rule
    from engine.state import State

EPILOG = """\b
Examples:
  miracle approve roman.1                                    allow it once
  miracle approve roman.1 --run                              and whatever is like it, for this run
  miracle approve roman.1 --always --dry-run                 what would a rule have allowed in past runs?
  miracle approve roman.1 --always --match like              allow it, and make the rule
  miracle approve roman.1 --deny --reason "Use sqlite3, not an ORM"
  miracle approve roman.1 --once --reason "Parse with a table"  a hint for a phase that goes in circles
  miracle approve roman.1 --answer "Python 3.12" --answer "" reply to questions in order; an empty one is skipped
"""
MATCH_HELP = (
    "With --always: this exact command or these files (the default); like it: program, subcommand and kinds of "
    "arguments; on files of the same folder; or the program with any arguments, the rule in any file."
)
REASON_HINT = (
    "Add --deny; or --once, where a phase goes in circles; or use `miracle steer` to send the agent a message."
)
WORDS = {
    "once": "allowed",
    "run": "allowed for the whole run",
    "always": "allowed, now and from now on",
    "deny": "denied",
}


@dataclass(frozen=True)
class _Wish:
    """What the person typed."""

    decision: "Decision"
    reason: str
    answers: tuple[str, ...]
    match: Literal["exact", "like", "paths", "any"]
    everywhere: bool
    dry_run: bool
    as_json: bool


@click.command("approve", epilog=EPILOG)
@click.argument("approval", metavar="ID")
@click.option("--once", "scope", flag_value="once", help="Allow it this once (the default).")
@click.option("--run", "scope", flag_value="run", help="Allow it for the whole run.")
@click.option("--always", "scope", flag_value="always", help="Allow it for good, by a rule; see --match.")
@click.option("--deny", "scope", flag_value="deny", help="Do not allow it.")
@click.option("--match", type=click.Choice(("exact", "like", "paths", "any")), help=MATCH_HELP)
@click.option("--everywhere", is_flag=True, help="With --always: in all projects, not only this run's.")
@click.option("--dry-run", is_flag=True, help="With --always: only show what the rule would have allowed.")
@click.option("--reason", default="", help="Why not; the agent reads it. With --once a hint, or why tests may change.")
@click.option("--answer", "answers", multiple=True, metavar="TEXT", help="A reply to each question, in order.")
@as_json
def command(
    approval: str,
    scope: "Decision | None",
    match: Literal["exact", "like", "paths", "any"] | None,
    everywhere: bool,
    dry_run: bool,
    reason: str,
    answers: tuple[str, ...],
    as_json: bool,
) -> int:
    """Answer a question: allow, deny, or reply.

    ID is `RUN.N` as `miracle approvals` lists it; the run's id may be cut short or be `last`. Whoever executes the run
    goes on at once; if nobody does, `miracle resume RUN` does. The first answer wins, from wherever it comes.
    """
    from miracle_tui.cli.opening import in_loop

    if reason and scope not in ("deny", "once"):
        raise BadInput("--reason goes with --deny", REASON_HINT)
    if answers and scope == "deny":
        raise BadInput("--answer does not go with --deny", "Give the answers, or deny.")
    if scope != "always" and (match or everywhere or dry_run):
        raise BadInput("--match, --everywhere and --dry-run go with --always", "Add --always, or leave them away.")
    wish = _Wish(scope or "once", reason, answers, match or "exact", everywhere, dry_run, as_json)
    return in_loop(_answer(approval, wish))


async def _answer(name: str, wish: _Wish) -> int:
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.rule_lines import rehearsal_lines, rehearsal_record
    from miracle_tui.cli.run_names import find_approval

    async with opened(configuration()) as engine:
        question = await find_approval(engine, name)
        run_id, approval_id = question.run_id, question.approval_id
        _check(_request(await engine.state(run_id), approval_id), wish)
        rehearsal = await _rehearsed(engine, run_id, approval_id, wish) if wish.decision == "always" else None
        if rehearsal and not wish.as_json:
            say(rehearsal_lines(rehearsal))
        if not wish.dry_run and not _confirmed(rehearsal, wish):
            say(["Nothing was answered."])
            return SUCCESS
        rule = rehearsal.rule if rehearsal else None
        if not wish.dry_run:
            given = {"reason": wish.reason, "answers": wish.answers, "rule": rule}
            await engine.answer(run_id, approval_id, wish.decision, **given)  # type: ignore[arg-type]
    if wish.as_json:
        told = {"run_id": run_id, "approval_id": approval_id, "decision": wish.decision}
        told |= {"reason": wish.reason, "answers": wish.answers}  # type: ignore[dict-item]
        made = {"made": not wish.dry_run, "rehearsal": rehearsal_record(rehearsal)} if rehearsal else {}
        say_json({**told, **made})
    elif wish.dry_run:
        say(["  · nothing was answered and no rule was made; leave --dry-run away to do it"])
    else:
        say(_done(run_id, approval_id, wish, rule))
    return SUCCESS


def _done(run_id: str, approval_id: str, wish: _Wish, rule: "Rule | None") -> list[str]:
    word = "answered" if wish.answers else WORDS[wish.decision]
    undo = [f"→ take the rule back:  miracle rules remove {rule.rule_id}"] if rule else []
    return [f"✓ {approval_id} is {word}", *undo, f"→ if nobody executes the run:  miracle resume {run_id}"]


async def _rehearsed(engine: "Engine", run_id: str, approval_id: str, wish: _Wish) -> "Rehearsal":
    """The rule that is asked for, and what it would have allowed.

    Raises:
        BadInput: the question has no rule of this breadth.
        CommandRefused: it has none at all.
    """
    proposed = await engine.propose_rules(run_id, approval_id)
    rule = next((one for one in proposed if one.breadth == wish.match), None)
    if rule is None:
        there = ", ".join(one.breadth for one in proposed)
        raise BadInput(f"--match {wish.match} does not fit this question", f"What fits: {there}.")
    if wish.everywhere:
        rule = rule.model_copy(update={"project": ""}).named()
    (rehearsal,) = await engine.rehearse(rule)
    return rehearsal


def _confirmed(rehearsal: "Rehearsal | None", wish: _Wish) -> bool:
    """Whether the person at the terminal wants the rule after they saw what it would have done."""
    present = sys.stdin.isatty() and sys.stdout.isatty() and not wish.as_json
    return rehearsal is None or not present or click.confirm("Allow it for good?")


def _request(state: "State", approval_id: str) -> "ApprovalRequested | None":
    return next((a.request for a in state.approvals if a.request.approval_id == approval_id), None)


def _check(request: "ApprovalRequested | None", wish: _Wish) -> None:
    """Refuse replies that do not fit the question."""
    asked = request.questions if request else ()
    if wish.reason and wish.decision != "deny" and (request is None or request.topic not in ("stuck", "tests")):
        raise BadInput("--reason goes with --deny", REASON_HINT)
    if wish.answers and not asked:
        raise BadInput("This question asks to allow something, not for a reply", "Leave --answer away.")
    if asked and wish.decision in ("once", "run") and not wish.answers:
        listed = "\n".join(f"{number}. {question}" for number, question in enumerate(asked, 1))
        raise BadInput("Give a reply to each question with --answer, or --deny to skip them", listed)
    if len(wish.answers) > len(asked):
        raise BadInput(
            f"There are {len(asked)} questions and {len(wish.answers)} replies", "Give one --answer for each."
        )
