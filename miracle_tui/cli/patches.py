"""What a run changed, as a patch."""

import sys
from typing import TYPE_CHECKING

import click

from miracle_tui.cli.console import coloured
from miracle_tui.cli.inert import inert

if TYPE_CHECKING:
    from config.config import Config
    from engine.state import State

LOOKS = {"+": "green", "-": "red", "@": "cyan"}


async def run_diff(config: "Config", state: "State") -> str:
    """The unified diff from where the run began to its newest checkpoint.

    Where the run's git directory is gone, the diffs that its iterations left, one after the other.
    """
    from engine.compare import newest_commit
    from engine.workspace.checkpoint import changes_between
    from engine.workspace.prepared import find_prepared

    commit = newest_commit(state)
    prepared = find_prepared(state.run_id, config.paths, None)
    if prepared is not None and commit:
        _, diff = await changes_between(prepared, prepared.base_commit, commit)
        return diff
    return "".join(one.diff for one in state.iterations)


def print_diff(diff: str) -> None:
    """Print a diff: harmless and coloured at a terminal, byte for byte everywhere else."""
    if not sys.stdout.isatty():
        click.echo(diff, nl=False)
        return
    for line in inert(diff).splitlines():
        look = None if line.startswith(("+++", "---")) else LOOKS.get(line[:1])
        click.echo(click.style(line, fg=look) if look and coloured(sys.stdout) else line)
