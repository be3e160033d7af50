"""`miracle rules`: what was allowed for good."""

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS

EPILOG = """\b
Examples:
  miracle rules                              list them, with who made each and how often it was used
  miracle rules rehearse 3fa90c1b            what it would have allowed in past runs
  miracle rules remove 3fa90c1b              ask a person again from now on
  miracle approve shop.2 --always --dry-run  what a new rule would allow
"""


@click.group("rules", epilog=EPILOG, invoke_without_command=True)
@as_json
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> int:
    """List what was allowed for good, look at a rule's past, take one back.

    A rule answers a question in your stead, wherever the safety rules want an approval; what they block stays blocked.
    Rules are made by `miracle approve ID --always` and in the app, and by nothing in a project's own files.
    """
    if ctx.invoked_subcommand is not None:
        return SUCCESS
    from miracle_tui.cli.opening import in_loop

    return in_loop(_list(as_json))


@command.command("list")
@as_json
def listed(as_json: bool) -> int:
    """List the rules, the oldest first."""
    from miracle_tui.cli.opening import in_loop

    return in_loop(_list(as_json))


@command.command("remove")
@click.argument("rule", metavar="ID")
@as_json
def remove(rule: str, as_json: bool) -> int:
    """Take a rule back: from now on a person is asked again."""
    from miracle_tui.cli.opening import in_loop

    return in_loop(_remove(rule, as_json))


@command.command("rehearse")
@click.argument("rule", metavar="ID")
@as_json
def rehearse(rule: str, as_json: bool) -> int:
    """Show what a rule would have allowed in past runs, and how that was decided then."""
    from miracle_tui.cli.opening import in_loop

    return in_loop(_rehearse(rule, as_json))


async def _list(as_json: bool) -> int:
    from config.amounts import moment, plural
    from miracle_tui.cli.console import say, say_json, table
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.rule_lines import rule_record, scope_words

    async with opened(configuration()) as engine:
        rules = await engine.rules()
    if as_json:
        for rule in rules:
            say_json(rule_record(rule))
        return SUCCESS
    if not rules:
        say(["Nothing is allowed for good.", "→ make a rule when you answer:  miracle approve ID --always"])
        return SUCCESS
    rows = [
        (
            rule.rule_id,
            rule.topic,
            moment(rule.created_at),
            one_line(rule.created_by, 40) or "-",
            plural(rule.uses, "use"),
            scope_words(rule),
            one_line(rule.describe(), 200),
        )
        for rule in rules
    ]
    say(table(rows, ("ID", "ABOUT", "MADE", "BY", "USED", "WHERE", "ALLOWS")))
    return SUCCESS


async def _remove(name: str, as_json: bool) -> int:
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.run_names import find_rule

    async with opened(configuration()) as engine:
        rule = await find_rule(engine, name)
        await engine.remove_rule(rule.rule_id)
    if as_json:
        say_json({"rule_id": rule.rule_id, "removed": True})
    else:
        say([f"✓ removed: {one_line(rule.describe(), 400)}", "  · you are asked again from now on"])
    return SUCCESS


async def _rehearse(name: str, as_json: bool) -> int:
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.rule_lines import rehearsal_lines, rehearsal_record
    from miracle_tui.cli.run_names import find_rule

    async with opened(configuration()) as engine:
        (rehearsal,) = await engine.rehearse(await find_rule(engine, name))
    if as_json:
        say_json(rehearsal_record(rehearsal))
    else:
        say(rehearsal_lines(rehearsal))
    return SUCCESS
