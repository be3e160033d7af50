"""A line on stderr that says how far something is, written over again and again."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from miracle_tui.cli.inert import one_line

CELLS = 100


@contextmanager
def progress_line() -> Iterator[Callable[[str], None]]:
    """What shows a text in the line, which is gone at the end; it shows nothing where stderr is no terminal."""

    def show(text: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r· {one_line(text, CELLS).ljust(CELLS)}", nl=False, err=True)

    try:
        yield show
    finally:
        if sys.stderr.isatty():
            click.echo(f"\r{' ' * (CELLS + 2)}\r", nl=False, err=True)
