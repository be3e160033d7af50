"""`miracle doctor`: what is missing on this machine, and how to fix it."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import FAILED, SUCCESS

if TYPE_CHECKING:
    from config.config import Config
    from miracle_tui.check import Check

MARKS = {"ok": "✓", "warn": "!", "fail": "✗"}

EPILOG = """\b
Examples:
  miracle doctor
  miracle doctor --online       whether the model server takes the key
  miracle doctor --fix          make folders, build the sandbox's image, install bubblewrap where that is allowed
  miracle doctor --json | jq -r 'select(.status == "fail").remedy'

\b
Exit status: 0 when Miracle can do its job, 1 when something that it needs is missing.
"""


@click.command("doctor", epilog=EPILOG)
@click.option("--fix", is_flag=True, help="Do what can be done safely, and say what was done.")
@click.option("--online", is_flag=True, help="Ask the configured model server whether the API key is valid.")
@as_json
def command(fix: bool, online: bool, as_json: bool) -> int:
    """Find what is missing on this machine, and how to fix it.

    Looks at Python, git, PostgreSQL, the sandboxes (each by a self-test), Node.js, the API key, the configuration, the
    folders, the disk and the terminal. Nobody on the network is asked, but for the model server with --online.
    """
    from miracle_tui.cli.opening import in_loop

    return in_loop(_examine(fix, online, as_json))


async def _examine(fix: bool, online: bool, as_json: bool) -> int:
    from config.amounts import plural
    from miracle_tui.cli.console import say, say_json, tell
    from miracle_tui.cli.logs import command_log

    config, broken = _load()
    with command_log(config, to_stderr=False):
        if fix:
            from miracle_tui.cli.repairs import repair

            async for line in repair(config):
                (tell if as_json else say)([line])
        found = []
        async for check in _checks(config, broken, online):
            found.append(check)
            if as_json:
                say_json(vars(check))
            else:
                say(lines_of(check))
    failed = sum(check.status == "fail" for check in found)
    if not as_json:
        say(
            ["", f"{plural(failed, 'issue')} found. Fix {'it' if failed == 1 else 'them'} and run again."]
            if failed
            else ["", "Miracle can work here."]
        )
    return FAILED if failed else SUCCESS


def lines_of(check: "Check") -> list[str]:
    """A check as lines: a mark, and below it what to do."""
    from miracle_tui.cli.inert import inert, one_line

    lines = [f"{MARKS[check.status]} {check.name}: {one_line(check.detail, 300)}"]
    if check.status != "ok" and check.remedy:
        first, *rest = inert(check.remedy).split("\n")
        lines += [f"  → Solution: {first}", *(f"    {line}" for line in rest)]
    return lines


def _load() -> "tuple[Config, Check | None]":
    """The configuration; the defaults, with what is wrong, where it cannot be loaded."""
    from config.config import Config
    from config.errors import ConfigError
    from config.paths import find_paths
    from miracle_tui.checks import broken_configuration
    from miracle_tui.cli.opening import configuration

    try:
        return configuration(), None
    except ConfigError as exc:
        return Config(paths=find_paths()), broken_configuration(exc.title, exc.hint)


async def _checks(config: "Config", broken: "Check | None", online: bool) -> "AsyncIterator[Check]":
    from miracle_tui.checks import each_check

    async for check in each_check(config, online=online):
        yield broken if broken and check.name == broken.name else check
