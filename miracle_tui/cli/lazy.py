"""A click group whose commands are imported when they are used, and whose errors a person can read."""

import contextlib
import gc
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

OBJECTS = 20_000
"""New objects after which the garbage collector looks at them."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and one line of help.

    Args:
        lazy: command to (module below `miracle_tui.cli.commands`, one line of help), in the order of the help.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a person meets them."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        found = self.lazy.get(cmd_name)
        if found is None:
            return None
        command: click.Command = import_module(f"miracle_tui.cli.commands.{found[0]}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.lazy.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command; with `standalone_mode`, report every error and exit with its status."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        return _exit(self._status(args, prog_name or "miracle", complete_var, extra))

    def _status(
        self, args: Sequence[str] | None, prog_name: str, complete_var: str | None, extra: Mapping[str, Any]
    ) -> int:
        from miracle_tui.cli.problems import report

        # Nothing that is imported is ever garbage: looking for some after every 700 objects takes a sixth of the start.
        gc.set_threshold(OBJECTS, 20, 20)
        for stream in (sys.stdout, sys.stderr):
            # A character that the terminal's encoding lacks must not end a run.
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
        try:
            status = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
        except BaseException as exc:
            # The outermost edge: every error becomes words and a status.
            if isinstance(exc, SystemExit):
                raise
            return report(exc)
        return status if isinstance(status, int) else 0


def _exit(status: int) -> NoReturn:
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.flush()
    sys.exit(status)
