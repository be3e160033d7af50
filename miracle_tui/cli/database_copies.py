"""What `miracle db backup`, `restore` and `rebuild` do."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from config.amounts import plural, size
from miracle_tui.cli.console import say, say_json
from miracle_tui.cli.problems import SUCCESS
from miracle_tui.cli.progress_line import progress_line

if TYPE_CHECKING:
    from config.config import Config
    from memory.database import Database
    from memory.rebuilding import Rebuilt

BEFORE = "backups"
"""Folder below Miracle's own in which a restore keeps what it replaces."""


async def make_backup(file: Path, with_vectors: bool, as_json: bool) -> int:
    """Write a backup and tell what is in it."""
    from memory.backup import back_up
    from miracle_tui.cli.opening import configuration, opened_database

    with progress_line() as show:
        async with opened_database(configuration()) as database:
            made = await back_up(database, file, with_vectors=with_vectors, progress=_counting(show))
    if as_json:
        say_json({"file": str(made.path), "bytes": made.bytes, "rows": made.rows, **made.header})
    else:
        runs, events = plural(int(made.header["runs"]), "run"), plural(made.rows["events"], "event")
        say(
            [
                f"✓ {made.path}: {runs}, {events}, {size(made.bytes)}",
                "  Git branches, worktrees and the signing key are files of their own: docs/database.md names them.",
                f"→ miracle db restore {made.path}",
            ]
        )
    return SUCCESS


async def restore_backup(file: Path, replace: bool, as_json: bool) -> int:
    """Put a backup back, and rebuild what follows from it."""
    from memory.restore import check_backup, restore
    from miracle_tui.cli.opening import configuration, opened_database

    check_backup(file)
    config = configuration()
    kept = None
    with progress_line() as show:
        async with opened_database(config) as database:
            if replace:
                kept = await _keep(config, database)
            done = await restore(database, file, replace=replace, progress=_counting(show))
    if kept and not as_json:
        say([f"· what was there before: {kept}"])
    built = await _rebuild(config)
    if as_json:
        replaced = str(kept) if kept else None
        say_json({"file": str(file), "rows": done.rows, "rebuilt": built.rows, "replaced": replaced})
    else:
        events, runs = plural(done.rows.get("events", 0), "event"), plural(done.rows.get("streams", 0), "run")
        say([f"✓ restored {events} of {runs}, rebuilt {plural(built.rows, 'row')}"])
        if rules := done.rows.get("approval_rules", 0):
            # They answer questions in a person's place, and whoever made the file wrote them.
            say([f"! {plural(rules, 'standing rule')} came with it: `miracle rules` shows what nobody is asked about"])
    return SUCCESS


async def rebuild_all(as_json: bool) -> int:
    """Project every log again."""
    from miracle_tui.cli.opening import configuration

    built = await _rebuild(configuration())
    if as_json:
        say_json({"runs": built.runs, "rows": built.rows})
    else:
        say([f"✓ rebuilt {plural(built.rows, 'row')} from the events of {plural(built.runs, 'run')}"])
    return SUCCESS


async def _keep(config: "Config", database: "Database") -> Path:
    """Back up what is about to be replaced."""
    from memory.backup import back_up

    folder = config.paths.data / BEFORE
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.miracle"
    return (await back_up(database, target, with_vectors=True)).path


async def _rebuild(config: "Config") -> "Rebuilt":
    from engine.rebuild import rebuild
    from miracle_tui.cli.opening import opened_memory

    with progress_line() as show:
        async with opened_memory(config) as memory:
            return await rebuild(memory, lambda done, of: show(f"rebuilt runs: {done} of {of}"))


def _counting(show: Callable[[str], None]) -> Callable[[str, int], None]:
    """What shows a table and the number of its rows that are done."""
    return lambda table, rows: show(f"{table}: {rows}")
