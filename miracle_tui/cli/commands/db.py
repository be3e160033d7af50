"""`miracle db`: look at the database."""

from typing import Any

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS

EPILOG = """\b
Examples:
  miracle db status
  miracle db status --json | jq .rows.events
"""


@click.group("db", epilog=EPILOG)
def command() -> None:
    """Look at the database: the embedded PostgreSQL, or the one that DATABASE_URL names."""


@command.command("status")
@as_json
def status(as_json: bool) -> int:
    """Show where the database is, its versions, its size and how much it holds."""
    from miracle_tui.cli.opening import in_loop

    return in_loop(_status(as_json))


async def _status(as_json: bool) -> int:
    from memory.database import Database
    from memory.projections import Projections
    from miracle_tui.checks import database_versions
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.logs import command_log
    from miracle_tui.cli.opening import configuration

    config = configuration()
    with command_log(config):
        database = await Database.open(config)
        try:
            versions = await database_versions(database)
            size = await Projections(database).size()
        finally:
            await database.close()
    record = {
        "where": database.where,
        **versions,
        "bytes": size.bytes,
        "oldest": size.oldest.isoformat() if size.oldest else None,
        "rows": size.rows,
    }
    if as_json:
        say_json(record)
    else:
        say(_lines(record))
    return SUCCESS


def _lines(record: dict[str, Any]) -> list[str]:
    from miracle_tui.cli.amounts import size

    rows = record["rows"]
    width = max(map(len, rows), default=0)
    return [
        f"✓ PostgreSQL {record['postgresql']}, pgvector {record['pgvector']}, schema {record['schema']}",
        f"  {record['where']}",
        f"  {size(record['bytes'])}, " + (f"first event {record['oldest']}" if record["oldest"] else "no event yet"),
        *(f"  {name.ljust(width)}  {count}" for name, count in sorted(rows.items())),
    ]
