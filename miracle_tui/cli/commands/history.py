"""`miracle history`: what ran before, and what was learnt."""

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS

KINDS = ("task", "run", "iteration", "failure", "pattern")

EPILOG = """\b
Examples:
  miracle history                            the latest runs
  miracle history timeout                    everything that mentions it
  miracle history "IndexError parser" --kind failure
  miracle history --limit 200 --json | jq .run_id
"""


@click.command("history", epilog=EPILOG)
@click.argument("query", required=False, default="")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only this kind; may be repeated.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Most lines.")
@as_json
def command(query: str, kinds: tuple[str, ...], limit: int, as_json: bool) -> int:
    """List runs, or search tasks, runs, iterations, failures and patterns.

    Without QUERY and --kind: the latest runs. With them: whatever contains every word of QUERY, the latest first.
    """
    from miracle_tui.cli.opening import in_loop

    if query.strip() or kinds:
        return in_loop(_search(query, kinds, limit, as_json))
    return in_loop(_runs(limit, as_json))


async def _runs(limit: int, as_json: bool) -> int:
    from miracle_tui.cli.amounts import dollars, moment, plural
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


async def _search(query: str, kinds: tuple[str, ...], limit: int, as_json: bool) -> int:
    from dataclasses import asdict

    from memory.hits import Filters
    from miracle_tui.cli.amounts import moment
    from miracle_tui.cli.console import say, say_json, table
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.opening import configuration, opened

    async with opened(configuration()) as engine:
        hits = await engine.search(query, Filters(kinds=kinds), limit=limit)  # type: ignore[arg-type]
    if as_json:
        for hit in hits:
            say_json({**asdict(hit), "at": hit.at.isoformat()})
        return SUCCESS
    if not hits:
        say([f"Nothing mentions {one_line(query)!r}." if query else "There is nothing of that kind yet."])
        return SUCCESS
    rows = [(hit.kind, moment(hit.at), hit.run_id or "-", one_line(hit.title or hit.snippet, 120)) for hit in hits]
    say(table(rows, ("KIND", "WHEN", "RUN", "WHAT")))
    return SUCCESS
