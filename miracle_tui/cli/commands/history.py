"""`miracle history`: what ran before, and what was learnt."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from miracle_tui.cli.options import as_json, project
from miracle_tui.cli.problems import SUCCESS, BadInput
from miracle_tui.cli.since import METAVAR, moment_of

if TYPE_CHECKING:
    from engine.engine import Engine
    from memory.hits import Filters, Hit

KINDS = ("task", "run", "iteration", "failure", "solution", "pattern")

EPILOG = """\b
Examples:
  miracle history                            the latest runs
  miracle history timeout                    everything that mentions it
  miracle history "IndexError parser" --kind failure --since 7d
  miracle history --like roman-k3f9x.2       failures and solutions like that one
  miracle history show roman-k3f9x.2         all that is known of one thing, by its id or its beginning
  miracle history show roman-k3f9x.2 --export failure.md
  miracle history --limit 200 --json | jq .run_id
"""


@click.command("history", epilog=EPILOG)
@click.argument("query", nargs=-1)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only this kind; may be repeated.")
@click.option("--language", default="", metavar="NAME", help="Only this language: python or node.")
@project("Only what belongs to this folder.")
@click.option("--outcome", default="", metavar="WORD", help="Only this outcome: success, red, solved and so on.")
@click.option("--since", callback=moment_of, metavar=METAVAR, help="Only from then on: 7d, 12h, 2026-01-31.")
@click.option("--until", callback=moment_of, metavar=METAVAR, help="Only before then.")
@click.option("--forgotten", is_flag=True, help="Also memories that are forgotten.")
@click.option("--like", metavar="ID", help="Failures and solutions like this one, the nearest first.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Most lines.")
@click.option("--export", type=click.Path(path_type=Path), help="With show: write it to this file (.md or .json).")
@as_json
def command(
    query: tuple[str, ...],
    kinds: tuple[str, ...],
    language: str,
    project: str,
    outcome: str,
    since: datetime | None,
    until: datetime | None,
    forgotten: bool,
    like: str | None,
    limit: int,
    export: Path | None,
    as_json: bool,
) -> int:
    """List runs, search tasks, runs, iterations, failures and solutions, or `show ID`.

    Without QUERY and filters: the latest runs. With them: whatever contains every word of QUERY, the latest first;
    then, for three words or more, what reads like them.
    """
    from memory.hits import Filters, kind_named, project_named
    from miracle_tui.cli.opening import in_loop

    if query[:1] == ("show",) and len(query) == 2:
        return in_loop(_show(query[1], export, as_json))
    if export is not None:
        raise BadInput("--export writes what show tells", "Write: miracle history show ID --export FILE")
    wanted = tuple(dict.fromkeys(map(kind_named, kinds)))
    filters = Filters(wanted, language, project and project_named(project), outcome, since, until, forgotten)
    words = " ".join(query)
    if words.strip() or like or filters != Filters():
        return in_loop(_search(words, filters, like, limit, as_json))
    return in_loop(_runs(limit, as_json))


async def _runs(limit: int, as_json: bool) -> int:
    from config.amounts import dollars, moment, plural
    from miracle_tui.cli.console import say, say_json, table
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.records import summary_record

    async with opened(configuration()) as engine:
        runs = await engine.runs(limit)
    if as_json:
        for run in runs:
            say_json(summary_record(run))
        return SUCCESS
    if not runs:
        say(["There is no run yet.", '→ start one:  miracle run -t "what you want"   or see one:  miracle demo'])
        return SUCCESS
    rows = [
        (
            run.run_id,
            run.status,
            moment(run.updated_at),
            plural(run.iterations, "iteration"),
            dollars(run.cost_usd),
            one_line(run.title, 80),
        )
        for run in runs
    ]
    say(table(rows, ("RUN", "STATUS", "LAST ACTIVE", "WORK", "COST", "GOAL")))
    return SUCCESS


async def _search(query: str, filters: "Filters", like: str | None, limit: int, as_json: bool) -> int:
    from dataclasses import asdict

    from config.amounts import moment
    from memory.hits import WORD_CHARACTERS, WORDS, is_cut, kind_name
    from miracle_tui.cli.console import say, say_json, table, tell
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.opening import configuration, opened

    async with opened(configuration()) as engine:
        hits = await _found(engine, query, filters, like, limit)
    if is_cut(query):
        tell([f"! Only the first {WORDS} words of the query count, and {WORD_CHARACTERS} characters of each."])
    if as_json:
        for hit in hits:
            say_json({**asdict(hit), "at": hit.at.isoformat()})
        return SUCCESS
    if not hits:
        say(_nothing(query, filters, like))
        return SUCCESS
    rows = [
        (
            kind_name(hit.kind),
            moment(hit.at),
            hit.id,
            hit.outcome or "-",
            one_line(hit.title or hit.snippet, 120),
        )
        for hit in hits
    ]
    say(table(rows, ("KIND", "WHEN", "ID", "OUTCOME", "WHAT")))
    return SUCCESS


def _nothing(query: str, filters: "Filters", like: str | None) -> list[str]:
    """What is said where nothing was found, and what finds more."""
    from memory.hits import EVERYTHING
    from miracle_tui.cli.inert import one_line

    narrowed = filters != EVERYTHING
    if like is not None:
        return [f"Memory has nothing like {one_line(like, 80)!r}."]
    if query:
        more = "take filters away, or use fewer or shorter words" if narrowed else "fewer or shorter words find more"
        return [f"Nothing mentions {one_line(query, 80)!r}.", f"→ {more}"]
    return ["There is nothing of that kind yet.", "→ take filters away; `miracle history` lists the latest runs"]


async def _found(engine: "Engine", query: str, filters: "Filters", like: str | None, limit: int) -> "list[Hit]":
    if like is not None:
        return await engine.like((await engine.find_entry(like)).hit, filters, limit=limit)
    hits = await engine.search(query, filters, limit=limit)
    known = {(hit.kind, hit.id) for hit in hits}
    if len(hits) < limit:
        alike = await engine.search_alike(query, filters, limit=limit)
        hits += [hit for hit in alike if (hit.kind, hit.id) not in known][: limit - len(hits)]
    return hits


async def _show(name: str, export: Path | None, as_json: bool) -> int:
    import asyncio

    from memory.history_parts import as_record
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.entry_lines import entry_lines
    from miracle_tui.cli.inert import inert
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.exporting import export_entry

    if export is not None and export.suffix not in (".md", ".json"):
        raise BadInput(
            f"{export.name} ends in neither .md nor .json", "End the name so: the ending says what is written."
        )
    async with opened(configuration()) as engine:
        entry = await engine.find_entry(name)
    if export is not None:
        await asyncio.to_thread(export_entry, entry, export)
        say([f"✓ written to {inert(str(export))}"])
    elif as_json:
        say_json(as_record(entry))
    else:
        say(entry_lines(entry))
    return SUCCESS
