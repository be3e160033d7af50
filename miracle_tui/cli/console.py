"""What goes to the terminal: plain lines on stdout, coloured by their first mark, and words to the person on stderr."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import IO, Any

import click

from miracle_tui.cli.inert import inert

MARKS: dict[str, dict[str, Any]] = {
    "✓": {"fg": "green"},
    "✗": {"fg": "red"},
    "!": {"fg": "yellow"},
    "?": {"fg": "magenta", "bold": True},
    "▸": {"fg": "cyan", "bold": True},
    "·": {"dim": True},
    "→": {"fg": "cyan"},
}
"""The first character of a line to its look."""


def coloured(stream: IO[Any]) -> bool:
    """Whether colours may be written: only to a terminal that can show them, and not with NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(line: str) -> str:
    """A line with the look of its first mark."""
    look = MARKS.get(line.lstrip()[:1])
    return click.style(line, **look) if look else line


def say(lines: Iterable[str]) -> None:
    """Print lines on stdout, at once and harmless: a name out of a database may be anything."""
    colour = coloured(sys.stdout)
    for line in map(inert, lines):
        click.echo(paint(line) if colour else line, color=colour)


def tell(lines: Iterable[str]) -> None:
    """Print lines on stderr, harmless: what is said to a person while stdout is for a program."""
    colour = coloured(sys.stderr)
    for line in map(inert, lines):
        click.echo(paint(line) if colour else line, err=True, color=colour)


def say_json(value: Any) -> None:
    """Print a value as one line of JSON; JSON escapes control characters by itself."""
    click.echo(json.dumps(value, ensure_ascii=True, default=str))


def table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> list[str]:
    """Rows as columns of even width; the last column is as long as it is, and no cell has more than one line."""
    rows = [tuple(" ".join(cell.splitlines()) for cell in row) for row in rows]
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header) - 1)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in (header, *rows)
    ]
