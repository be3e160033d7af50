"""What the command line tells of the embedded server, and `miracle db upgrade`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.amounts import plural, size
from miracle_tui.cli.console import say, say_json
from miracle_tui.cli.inert import one_line
from miracle_tui.cli.problems import SUCCESS, BadInput
from miracle_tui.cli.progress_line import progress_line

if TYPE_CHECKING:
    from memory.database import Database
    from memory.footprint import Footprint
    from memory.old_clusters import Kept
    from memory.postmaster import Home

DROP = "miracle db upgrade --drop-old"


def footprint(database: "Database") -> "Footprint | None":
    """What the embedded server takes; None for any other."""
    from memory.footprint import measure_home

    return measure_home(database.server.home) if database.server is not None else None


def in_short(found: "Footprint | None") -> str:
    """The embedded server in the words that `miracle doctor` adds to its line."""
    if found is None:
        return ""
    used = f", used by {plural(len(found.users), 'process')}" if found.users else ""
    kept = f", and {size(sum(one.bytes for one in found.kept))} from before an upgrade" if found.kept else ""
    return f": {size(found.cluster_bytes)}{kept}{used}"


def server_record(found: "Footprint | None") -> dict[str, Any] | None:
    """The embedded server for `--json`; None for any other."""
    if found is None:
        return None
    kept = [{**asdict(one), "path": str(one.path)} for one in found.kept]
    return {**asdict(found), "folder": str(found.folder), "kept": kept}


def server_lines(found: "Footprint | None") -> list[str]:
    """The embedded server: what it takes, who uses it, what an upgrade left."""
    if found is None:
        return []
    log = f", log file {size(found.log_bytes)}" if found.log_bytes else ""
    lines = [f"  {size(found.cluster_bytes)} on disk ({size(found.wal_bytes)} of it write-ahead log){log}"]
    if found.users:
        users = "; ".join(f"{one_line(user.command, 60)} (pid {user.pid})" for user in found.users[:5])
        more = f" and {len(found.users) - 5} more" if len(found.users) > 5 else ""
        lines.append(f"  used by {plural(len(found.users), 'process')}: {users}{more}")
    return lines + [line for one in found.kept for line in _kept_lines(one, found.keep_for_good)]


def _kept_lines(kept: "Kept", for_good: bool) -> list[str]:
    until = "until you drop it" if for_good else "until Miracle's next start"
    return [
        f"! The data from before the upgrade (PostgreSQL {kept.major}, {size(kept.bytes)}) stays {until}: {kept.path}",
        f"→ {DROP}" + ("" if for_good else "   now, or --keep to keep it"),
    ]


async def upgrade(keep: bool, drop: bool, programs: Path | None, as_json: bool) -> int:
    """Bring the embedded server's data to the installed PostgreSQL, or decide about the data from before.

    Raises:
        BadInput: the database is not the embedded one, or there is nothing to decide about.
    """
    from memory.old_clusters import drop_kept, kept_clusters, wish
    from memory.postmaster import Home, locked
    from miracle_tui.cli.opening import configuration

    config = configuration()
    url = config.database.postgresql.url
    if url is not None and url.get_secret_value().strip():
        raise BadInput(
            "DATABASE_URL names a server of your own", "Its version is yours to upgrade; Miracle works with 14 to 18."
        )
    home = Home(config.paths.database.resolve())
    if not (keep or drop):
        return await _bring(programs, as_json)
    if not kept_clusters(home):
        raise BadInput("No data from before an upgrade is kept", "There is nothing to keep or to drop.")
    freed = 0
    with locked(home.start_lock, 120):
        if keep:
            wish(home, keep=True)
        else:
            freed = drop_kept(home, wished=True)
    _say_decided(home, freed, as_json)
    return SUCCESS


def _say_decided(home: "Home", freed: int, as_json: bool) -> None:
    from memory.old_clusters import kept_clusters

    kept = kept_clusters(home)
    if as_json:
        say_json({"kept": [str(one.path) for one in kept], "freed_bytes": freed})
    elif kept:
        say([line for one in kept for line in _kept_lines(one, for_good=True)])
    else:
        say([f"✓ {size(freed)} freed"])


async def _bring(programs: Path | None, as_json: bool) -> int:
    from memory.overview import versions_of
    from miracle_tui.cli.opening import configuration, opened_database

    with progress_line() as show:
        async with opened_database(configuration(), tell=show, programs=programs) as database:
            versions = await versions_of(database)
            found = footprint(database)
    if as_json:
        say_json({**versions, "server": server_record(found)})
    else:
        say([f"✓ PostgreSQL {versions['postgresql']}, pgvector {versions['pgvector']}", *server_lines(found)])
    return SUCCESS
