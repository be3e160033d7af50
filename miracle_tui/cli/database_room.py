"""What `miracle db size` and `miracle db prune` do."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from config.amounts import moment, plural, size
from miracle_tui.cli.console import say, say_json, table, tell
from miracle_tui.cli.inert import one_line
from miracle_tui.cli.problems import SUCCESS, BadInput

if TYPE_CHECKING:
    from engine.pruning import Pruned
    from memory.prune import OldRun
    from memory.size import Room

SMALLEST = 100_000
"""Bytes from which on an index is worth a line."""
SHOWN = 12
"""Lines of tables and of indexes."""


async def show_size(runs: int, as_json: bool) -> int:
    """Tell what takes the room."""
    from memory.size import measure
    from miracle_tui.cli.opening import configuration, opened_database

    async with opened_database(configuration()) as database:
        room = await measure(database, runs)
    if as_json:
        say_json({"where": database.where, **asdict(room)})
    else:
        say(_size_lines(room))
    return SUCCESS


def _size_lines(room: "Room") -> list[str]:
    lines = [f"✓ {size(room.bytes)} in all, {plural(room.runs, 'run')}", ""]
    rows = [(one.name, size(one.bytes), size(one.indexes), str(one.rows)) for one in room.tables[:SHOWN]]
    lines += table(rows, ("TABLE", "ROWS TAKE", "INDEXES", "ROWS (ABOUT)"))
    if indexes := [one for one in room.indexes if one.bytes >= SMALLEST][:SHOWN]:
        lines += ["", *table([(one.name, one.table, size(one.bytes)) for one in indexes], ("INDEX", "OF", "SIZE"))]
    if room.largest:
        rows = [(one.run_id, size(one.bytes), str(one.events), one_line(one.title, 50)) for one in room.largest]
        lines += ["", *table(rows, ("RUN", "LOG", "EVENTS", "GOAL"))]
    return [*lines, "", "→ miracle db prune --older-than 90d --dry-run   shows what old runs would give back"]


async def prune_runs(older_than: timedelta, dry_run: bool, force: bool, yes: bool, as_json: bool) -> int:
    """Forget runs that ended longer ago.

    Raises:
        BadInput: nobody can be asked, and `yes` is not set.
    """
    from engine.pruning import prune
    from memory.prune import old_runs
    from miracle_tui.cli.opening import configuration, opened_memory

    config = configuration()
    async with opened_memory(config) as memory:
        found = await old_runs(memory.database, datetime.now(UTC) - older_than)
        wanted = [run for run in found if force or not run.unpromoted]
        spared = [run for run in found if run not in wanted]
        if dry_run or not wanted or not (yes or _agreed(wanted)):
            _say_found(wanted, spared, as_json)
            return SUCCESS
        done = await prune(memory, config.paths, wanted, lambda run_id: tell([f"· {run_id}"]))
    _say_done(done, spared, as_json)
    return SUCCESS


def _agreed(wanted: "Sequence[OldRun]") -> bool:
    if not sys.stdin.isatty():
        raise BadInput("Nobody can be asked here", "Add --yes, after a look at what --dry-run says.")
    return click.confirm(f"Forget {plural(len(wanted), 'run')} for good?", err=True)


def _record(run: "OldRun", removed: bool, why: str = "") -> dict[str, object]:
    return {**asdict(run), "ended_at": run.ended_at.isoformat(), "removed": removed, "kept_because": why or None}


def _say_found(wanted: "Sequence[OldRun]", spared: "Sequence[OldRun]", as_json: bool) -> None:
    if as_json:
        for run in wanted:
            say_json(_record(run, False))
        for run in spared:
            say_json(_record(run, False, "not promoted"))
        return
    if wanted:
        rows = [
            (run.run_id, run.outcome, moment(run.ended_at), size(run.bytes), one_line(run.title, 50)) for run in wanted
        ]
        say(table(rows, ("RUN", "OUTCOME", "ENDED", "LOG", "GOAL")))
        say([f"{plural(len(wanted), 'run')} would go, {size(sum(run.bytes for run in wanted))} of events"])
    else:
        say(["No run is that old."] if not spared else [])
    say(_spared_lines(spared))


def _say_done(done: "Pruned", spared: "Sequence[OldRun]", as_json: bool) -> None:
    if as_json:
        kept = {branch.rpartition("/")[2] for branch in done.branches_kept}
        for run in done.runs:
            say_json(_record(run, True) | {"branch_kept": run.run_id in kept})
        for run in spared:
            say_json(_record(run, False, "not promoted"))
        return
    events = sum(run.bytes for run in done.runs)
    say(
        [
            f"✓ {plural(len(done.runs), 'run')} forgotten: {size(events)} of events, {size(done.bytes)} of files",
            "  What was learnt from them stays. The database uses its room again before it grows.",
        ]
    )
    if done.branches_kept:
        say([f"! {plural(len(done.branches_kept), 'branch')} with work stay:"])
        say([f"  git branch -D {one_line(branch)}" for branch in done.branches_kept])
    if done.skipped:
        say([f"! {plural(len(done.skipped), 'run')} passed over, somebody is at work: {', '.join(done.skipped[:5])}"])
    say(_spared_lines(spared))


def _spared_lines(spared: "Sequence[OldRun]") -> list[str]:
    if not spared:
        return []
    return [
        f"! {plural(len(spared), 'green run')} stay, for nobody took the result: "
        + ", ".join(run.run_id for run in spared[:5])
        + (" …" if len(spared) > 5 else ""),
        f"→ miracle promote {spared[0].run_id}   or add --force",
    ]
