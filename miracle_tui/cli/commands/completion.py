"""`miracle completion`: the script that lets a shell complete Miracle's commands and options."""

import os
from pathlib import Path

import click

from miracle_tui.cli.problems import SUCCESS, BadInput

SHELLS = ("bash", "zsh", "fish")

EPILOG = """\b
Examples:
  bash:  miracle completion bash >> ~/.bashrc
  zsh:   miracle completion zsh >> ~/.zshrc
  fish:  miracle completion fish > ~/.config/fish/completions/miracle.fish
"""


@click.command("completion", epilog=EPILOG)
@click.argument("shell", required=False, type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str | None) -> int:
    """Print the completion script of your shell; without SHELL, of the one that $SHELL names."""
    from click.shell_completion import get_completion_class

    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise BadInput("Which shell?", "Say one of: miracle completion bash, zsh, fish.")
    found = get_completion_class(name)
    assert found is not None
    complete = found(ctx.find_root().command, {}, "miracle", "_MIRACLE_COMPLETE")
    click.echo(complete.source())
    return SUCCESS
