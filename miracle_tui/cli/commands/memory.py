"""`miracle memory`: what was learnt, what it was worth, and what a person thinks of it."""

from typing import TYPE_CHECKING

import click

from miracle_tui.cli.options import as_json, project
from miracle_tui.cli.problems import SUCCESS, BadInput

if TYPE_CHECKING:
    from engine.engine import Engine
    from memory.hits import Entry, Kind

EPILOG = """\b
Examples:
  miracle memory list                        the newest failures and solutions, and what each was worth
  miracle memory list --pinned               what is recalled first
  miracle memory show roman-k3f9x.2          the whole of one, by its id or a unique beginning
  miracle memory pin roman-k3f9x.2           recall it first, whenever it is similar enough
  miracle memory forget roman-k3f9x.2        show it to no agent again; restore takes that back
"""


@click.group("memory", epilog=EPILOG, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> int:
    """List what was learnt from failures and successes; show, pin or forget one of it."""
    if ctx.invoked_subcommand is not None:
        return SUCCESS
    from memory.hits import MEMORIES
    from miracle_tui.cli.opening import in_loop

    return in_loop(_list(MEMORIES, "", False, False, 20, False))


@command.command("list")
@click.option("--kind", type=click.Choice(["failure", "solution", "pattern"]), help="Only this kind.")
@project("Only what was learnt in this folder.")
@click.option("--pinned", is_flag=True, help="Only what is pinned.")
@click.option("--forgotten", is_flag=True, help="Only what is forgotten.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Most lines.")
@as_json
def listed(kind: str | None, project: str, pinned: bool, forgotten: bool, limit: int, as_json: bool) -> int:
    """List failures and solutions, the newest first, with how often each helped."""
    if pinned and forgotten:
        raise BadInput("Nothing is both pinned and forgotten", "Ask for one of them.")
    from memory.hits import MEMORIES, kind_named, project_named
    from miracle_tui.cli.opening import in_loop

    kinds = (kind_named(kind),) if kind else MEMORIES
    return in_loop(_list(kinds, project and project_named(project), pinned, forgotten, limit, as_json))


@command.command("show")
@click.argument("memory", metavar="ID")
@as_json
def show(memory: str, as_json: bool) -> int:
    """Show the whole of a memory: the failure, its cause, what was tried, the change that followed."""
    from miracle_tui.cli.opening import in_loop

    return in_loop(_show(memory, as_json))


def _marking(name: str, text: str, said: str, *, pinned: bool | None = None, forgotten: bool | None = None) -> None:
    """Add a command that changes the marks of a memory."""

    @command.command(name, help=text)
    @click.argument("memory", metavar="ID")
    @as_json
    def mark(memory: str, as_json: bool) -> int:
        from miracle_tui.cli.opening import in_loop

        return in_loop(_mark(memory, said, pinned, forgotten, as_json))


_marking("pin", "Recall a memory first, whenever it is similar enough.", "pinned", pinned=True)
_marking("unpin", "Recall a memory in its turn again.", "no longer pinned", pinned=False)
_marking("forget", "Show a memory to no agent again; `restore` takes that back.", "forgotten", forgotten=True)
_marking("restore", "Recall a forgotten memory again.", "remembered again", forgotten=False)


async def _list(
    kinds: "tuple[Kind, ...]", project: str, pinned: bool, forgotten: bool, limit: int, as_json: bool
) -> int:
    from config.amounts import moment
    from memory.hits import Filters, kind_name
    from miracle_tui.cli.console import say, say_json, table
    from miracle_tui.cli.entry_lines import memory_record, worth_of
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.opening import configuration, opened

    async with opened(configuration()) as engine:
        if pinned or forgotten:
            marked = [(one, one.hit) for one in await _marked(engine, pinned)]
            found = [one for one, hit in marked if hit.kind in kinds and project in ("", hit.project)][:limit]
        else:
            hits = await engine.search("", Filters(kinds, project=project), limit=limit)
            found = [await engine.entry(hit.kind, hit.id) for hit in hits]
    if as_json:
        for entry in found:
            say_json(memory_record(entry))
        return SUCCESS
    if not found:
        say(_nothing(pinned, forgotten))
        return SUCCESS
    rows = [
        (
            entry.hit.id,
            kind_name(entry.hit.kind),
            moment(entry.hit.at),
            "pinned" if entry.hit.pinned else "forgotten" if entry.hit.forgotten else "-",
            str(entry.shown),
            str(entry.used),
            worth_of(entry),
            one_line(entry.hit.title, 100),
        )
        for entry in found
    ]
    say(table(rows, ("ID", "KIND", "LEARNT", "MARK", "SHOWN", "USED", "HELPED", "WHAT")))
    return SUCCESS


def _nothing(pinned: bool, forgotten: bool) -> list[str]:
    if pinned:
        return ["Nothing is pinned.", "→ miracle memory pin ID   recalls a memory first"]
    if forgotten:
        return ["Nothing is forgotten.", "→ miracle memory forget ID   keeps a memory from all agents"]
    return ["There is no such memory yet.", "→ what fails in a run is remembered by itself"]


async def _marked(engine: "Engine", pinned: bool) -> "list[Entry]":
    """What is pinned, or else what is forgotten; marks of what is gone are passed over."""
    from engine.errors import CommandRefused

    found = []
    for mark in await engine.marks():
        if not (mark.pinned if pinned else mark.forgotten):
            continue
        try:
            entry = await engine.find_memory(mark.memory_id)
        except CommandRefused:
            continue
        # Of what is gone, the name may begin that of another.
        found += [entry] if entry.hit.id == mark.memory_id else []
    return found


async def _show(name: str, as_json: bool) -> int:
    from memory.history_parts import as_record
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.entry_lines import entry_lines
    from miracle_tui.cli.opening import configuration, opened

    async with opened(configuration()) as engine:
        entry = await engine.find_memory(name)
    if as_json:
        say_json(as_record(entry))
    else:
        say(entry_lines(entry))
    return SUCCESS


async def _mark(name: str, said: str, pinned: bool | None, forgotten: bool | None, as_json: bool) -> int:
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.opening import configuration, opened

    async with opened(configuration()) as engine:
        hit = (await engine.find_memory(name)).hit
        marked = await engine.mark_memory(hit.id, pinned=pinned, forgotten=forgotten)
    if as_json:
        say_json({"memory_id": hit.id, "pinned": marked.pinned, "forgotten": marked.forgotten})
    else:
        say([f"✓ {said}: {one_line(hit.id, 80)}: {one_line(hit.title, 200)}"])
    return SUCCESS
