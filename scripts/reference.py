"""Writes the commands and keys into docs/reference.md; with --check it only says whether they are up to date."""

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from textual.binding import Binding
from textual.dom import DOMNode

from miracle_tui.cli.main import cli

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"
PACKAGES = ("miracle_tui", "widgets")
SHOWN = {"question_mark": "?", "slash": "/"}


def commands() -> Iterator[str]:
    """The help of every command, groups included, as a terminal of 100 columns shows it."""
    yield from _command(cli, "miracle", None)


def _command(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=100, max_content_width=100)
    yield from (f"### {context.command_path}", "", "```text", _help(command, context), "```", "")
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            if found := command.get_command(context, below):
                yield from _command(found, below, context)


def _help(command: click.Command, context: click.Context) -> str:
    return "\n".join(line.rstrip() for line in command.get_help(context).strip().splitlines())


def keys() -> Iterator[str]:
    """One row a key that can be changed: name for `interface.keymap`, keys, what it does, where."""
    yield from ("| Name | Key | Does | Where |", "| --- | --- | --- | --- |")
    rows = {
        (binding.id, _keys(binding), binding.description, node.__name__)
        for node in _nodes()
        for binding in node.__dict__.get("BINDINGS", ())
        if isinstance(binding, Binding) and binding.id
    }
    for name, shown, does, where in sorted(rows):
        yield f"| `{name}` | {shown} | {does} | {where} |"


def _keys(binding: Binding) -> str:
    return " ".join(f"`{SHOWN.get(key, key)}`" for key in binding.key.split(","))


def _nodes() -> Iterator[type[DOMNode]]:
    for package in PACKAGES:
        for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if found.name.endswith(".__main__"):
                continue
            module = importlib.import_module(found.name)
            yield from (
                item
                for item in vars(module).values()
                if isinstance(item, type) and issubclass(item, DOMNode) and item.__module__ == module.__name__
            )


def filled(page: str) -> str:
    """The page with its two generated parts replaced."""
    for name, lines in (("commands", commands()), ("keys", keys())):
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n" + "\n".join(lines) + f"\n{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    old = PAGE.read_text(encoding="utf-8")
    new = filled(old)
    if "--check" in sys.argv:
        sys.exit(f"{PAGE.name} is out of date: run `make docs`" if new != old else 0)
    PAGE.write_text(new, encoding="utf-8")
