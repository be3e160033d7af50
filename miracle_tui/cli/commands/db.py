"""`miracle db`: look at the database, back it up, put it back, make room in it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS
from miracle_tui.cli.since import age_of

EPILOG = """\b
Examples:
  miracle db status
  miracle db size --json | jq .tables
  miracle db backup monday.miracle
  miracle db restore monday.miracle --replace
  miracle db prune --older-than 90d --dry-run
  miracle db rebuild
  miracle db embed --max-usd 2
  miracle db upgrade --drop-old
"""
FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group("db", epilog=EPILOG)
def command() -> None:
    """Look after the database: the embedded PostgreSQL, or the one that DATABASE_URL names."""


@command.command("status")
@as_json
def status(as_json: bool) -> int:
    """Show where the database is, its versions, its size and how much it holds."""
    from miracle_tui.cli.opening import in_loop

    return in_loop(_status(as_json))


@command.command("size")
@click.option("--runs", type=click.IntRange(0, 1000), default=10, show_default=True, help="How many runs are named.")
@as_json
def size(runs: int, as_json: bool) -> int:
    """Show what takes the room: tables, indexes, and the largest runs."""
    from miracle_tui.cli.database_room import show_size
    from miracle_tui.cli.opening import in_loop

    return in_loop(show_size(runs, as_json))


@command.command("backup")
@click.argument("file", type=FILE)
@click.option("--with-vectors", is_flag=True, help="Also keep vectors that an embeddings endpoint was paid for.")
@as_json
def backup(file: Path, with_vectors: bool, as_json: bool) -> int:
    """Write FILE with everything that cannot be rebuilt: all events, approval rules, pins and what was forgotten.

    Runs may go on meanwhile: it holds what was there at one moment. Git branches, worktrees and the signing key are
    files of their own and not in it.
    """
    from miracle_tui.cli.database_copies import make_backup
    from miracle_tui.cli.opening import in_loop

    return in_loop(make_backup(file, with_vectors, as_json))


@command.command("restore")
@click.argument("file", type=FILE)
@click.option("--replace", is_flag=True, help="Replace what the database holds; that is backed up first.")
@as_json
def restore(file: Path, replace: bool, as_json: bool) -> int:
    """Put the backup FILE into an empty database, and rebuild all that follows from it.

    FILE is checked to its end before anything is written; then it is restored as a whole or not at all.
    """
    from miracle_tui.cli.database_copies import restore_backup
    from miracle_tui.cli.opening import in_loop

    return in_loop(restore_backup(file, replace, as_json))


@command.command("rebuild")
@as_json
def rebuild(as_json: bool) -> int:
    """Empty every table that follows from the events, and fill it again from them; what was begun is gone on with."""
    from miracle_tui.cli.database_copies import rebuild_all
    from miracle_tui.cli.opening import in_loop

    return in_loop(rebuild_all(as_json))


@command.command("upgrade")
@click.option("--keep", is_flag=True, help="Keep the data from before the upgrade until you drop it.")
@click.option("--drop-old", is_flag=True, help="Remove the data from before the upgrade now.")
@click.option("--programs", type=FOLDER, help="A folder with the older PostgreSQL that can read the data.")
@as_json
def upgrade(keep: bool, drop_old: bool, programs: Path | None, as_json: bool) -> int:
    """Bring the embedded server's data to the PostgreSQL that is installed.

    Every start of Miracle does so by itself when it finds data of an older PostgreSQL. The data is copied and compared,
    then takes the old one's place; what was there before stays until Miracle's next start, or as long as you wish.
    """
    if keep and drop_old:
        raise click.UsageError("Either --keep or --drop-old.")
    from miracle_tui.cli import database_server
    from miracle_tui.cli.opening import in_loop

    return in_loop(database_server.upgrade(keep, drop_old, programs, as_json))


@command.command("embed")
@click.option("--max-usd", type=click.FloatRange(min=0), help="Most US dollars that this may cost at the endpoint.")
@click.option("--forget", metavar="MODEL", help="Instead remove the vectors of a model that is not used any more.")
@as_json
def embed(max_usd: float | None, forget: str | None, as_json: bool) -> int:
    """Make the vectors that memory lacks, by which failures and solutions are found again.

    Miracle does so by itself while it works on runs. What was made stays when this is stopped. Without --max-usd,
    memory.reembed_max_usd in settings.yaml says how much one model may cost in all.
    """
    from miracle_tui.cli import embedding
    from miracle_tui.cli.opening import in_loop

    if forget is not None:
        return in_loop(embedding.forget(forget, as_json))
    return in_loop(embedding.embed(max_usd, as_json))


@command.command("prune")
@click.option("--older-than", metavar="AGE", required=True, callback=age_of, help="Such as 90d, 8w, 1y.")
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@click.option("--force", is_flag=True, help="Also green runs whose result nobody took; their branch stays.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def prune(older_than: timedelta, dry_run: bool, force: bool, yes: bool, as_json: bool) -> int:
    """Forget runs that ended long ago: their events, worktrees and private git refs.

    What was learnt from them stays in memory, and so does a branch with work that was never taken. A run that is
    paused, waits or is at work is never pruned.
    """
    from miracle_tui.cli.database_room import prune_runs
    from miracle_tui.cli.opening import in_loop

    return in_loop(prune_runs(older_than, dry_run, force, yes, as_json))


async def _status(as_json: bool) -> int:
    from memory.backlog import standing
    from memory.overview import contents_of, versions_of
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.database_server import footprint, server_lines, server_record
    from miracle_tui.cli.embedding import models_in_use, standing_line, unused_line
    from miracle_tui.cli.opening import configuration, opened_database

    config = configuration()
    async with opened_database(config) as database:
        versions, contents = await versions_of(database), await contents_of(database)
        known = await standing(database)
        vectors = models_in_use(config, known)
        unused = [one.model for one in known if one not in vectors]
        found = footprint(database)
    record = {
        "where": database.where,
        **versions,
        "bytes": contents.bytes,
        "server": server_record(found),
        "oldest": contents.oldest.isoformat() if contents.oldest else None,
        "read_only": database.read_only or None,
        "rebuild_unfinished": bool(contents.rows.get("rebuilds")),
        "vectors": [vars(one) for one in vectors],
        "vectors_unused": unused,
        "rows": contents.rows,
    }
    lines = [*map(standing_line, vectors), *map(unused_line, unused)]
    if as_json:
        say_json(record)
    else:
        say(_lines(record, server_lines(found), lines))
    return SUCCESS


def _lines(record: dict[str, Any], server: list[str], vectors: list[str]) -> list[str]:
    from config.amounts import size

    rows = record["rows"]
    width = max(map(len, rows), default=0)
    return [
        f"✓ PostgreSQL {record['postgresql']}, pgvector {record['pgvector']}, schema {record['schema']}",
        f"  {record['where']}",
        f"  {size(record['bytes'])}, " + (f"first event {record['oldest']}" if record["oldest"] else "no event yet"),
        *server,
        *([f"! {record['read_only']}: look, but nothing can be run"] if record["read_only"] else []),
        *(["! A rebuild has not come to its end", "→ miracle db rebuild"] if record["rebuild_unfinished"] else []),
        *(f"{'!' if 'missing' in line else ' '} {line}" for line in vectors),
        *(f"  {name.ljust(width)}  {count}" for name, count in sorted(rows.items())),
    ]
