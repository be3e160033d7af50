"""A line on stderr that says how far something is, written over again and again."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from miracle_tui.cli.inert import one_line


@contextmanager
def progress_line() -> Iterator[Callable[[str], None]]:
    """What shows a text in the line, which is gone at the end; it shows nothing where stderr is no terminal."""

    def write(line: str, end: str = "") -> None:
        if sys.stderr.isatty():
            # A line that fills the terminal would wrap, and could not be written over.
            cells = max(shutil.get_terminal_size().columns - 1, 10)
            click.echo(f"\r{one_line(line, cells).ljust(cells)}{end}", nl=False, err=True)

    try:
        yield lambda text: write(f"· {text}")
    finally:
        write("", "\r")
