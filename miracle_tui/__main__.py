"""What a person launches: `miracle`, or `python -m miracle_tui`."""

import os
import sys

HOUSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The folder that holds Miracle's own packages."""


def leave_working_directory(path: list[str]) -> list[str]:
    """An import path without the working directory.

    `python -m` puts it first, and a person's project may well have a `config` or an `engine` of its own: importing
    those would run code that nobody has looked at, outside of any sandbox. Miracle's own house stays.
    """
    here = os.path.realpath(os.getcwd())
    house = os.path.realpath(HOUSE)
    return [entry for entry in path if os.path.realpath(entry or here) != here or here == house]


def main() -> None:
    """Open the app, or hand the command line to its parser."""
    if len(sys.argv) > 1:
        from miracle_tui.cli.main import cli

        cli()
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stderr.write(
            "Miracle's app needs a terminal.\n"
            "Without one, use `miracle run -t GOAL`; `miracle --help` lists the commands.\n"
        )
        sys.exit(2)
    from miracle_tui.app import run_app

    sys.exit(run_app())


if __name__ == "__main__":
    sys.path[:] = leave_working_directory(sys.path)
    main()
