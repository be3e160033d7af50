"""`miracle undo`: put your files back as they were before a promotion."""

from typing import TYPE_CHECKING

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS

if TYPE_CHECKING:
    from engine.workspace.undo import UndoPreview

EPILOG = """\b
Examples:
  miracle undo last --dry-run            what it would do
  miracle undo last                      take the newest promotion of that run back
  miracle undo last --force src/app.py   give up what you changed in that file since then
"""


@click.command("undo", epilog=EPILOG)
@click.argument("run")
@click.option("--force", metavar="PATH", multiple=True, help="Put this file back whatever you changed in it since.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@as_json
def command(run: str, force: tuple[str, ...], dry_run: bool, as_json: bool) -> int:
    """Put your files back as they were before the result of a run was merged.

    RUN is a run's id, a unique beginning of it, or `last`. Only files that the promotion wrote are touched; what you
    changed in them since then is kept by a three-way merge, and where that cannot be, nothing is written and the file
    is named. A merge commit that still is the newest of its branch is taken off it; `git reflog` keeps it.
    """
    from miracle_tui.cli.opening import in_loop

    return in_loop(_look(run, as_json) if dry_run else _undo(run, frozenset(force), as_json))


async def _look(name: str, as_json: bool) -> int:
    from dataclasses import asdict

    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.run_names import find_run

    async with opened(configuration()) as engine:
        run_id = await find_run(engine, name)
        preview = await engine.undo_preview(run_id)
    if as_json:
        say_json({"run_id": run_id, **asdict(preview)})
    else:
        say(_lines(run_id, preview))
    return SUCCESS


def _lines(run_id: str, preview: "UndoPreview") -> list[str]:
    from miracle_tui.cli.inert import one_line

    lines = [f"▸ Undoing {run_id} in {one_line(preview.folder)} would change:"]
    lines += [f"  {one_line(path)}: {fate}" for path, fate in preview.files]
    lines += [f"  ✗ {one_line(conflict)}" for conflict in preview.conflicts]
    if preview.moves:
        lines.append(f"  → {one_line(preview.moves)}")
    if preview.warning:
        lines.append(f"  ! {preview.warning}")
    if not preview.files and not preview.moves:
        lines.append("  nothing")
    return lines


async def _undo(name: str, force: frozenset[str], as_json: bool) -> int:
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.run_names import find_run

    async with opened(configuration()) as engine:
        run_id = await find_run(engine, name)
        undone = await engine.undo(run_id, force=force)
    if as_json:
        say_json({"run_id": run_id, **undone.model_dump(mode="json", exclude={"kind"})})
    else:
        say([f"✓ {run_id}: {one_line(undone.detail, 400)}"])
    return SUCCESS
