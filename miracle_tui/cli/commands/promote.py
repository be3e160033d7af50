"""`miracle promote`: take the result of a green run, all of it or hunk by hunk."""

from typing import Any, Literal

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS, BadInput

EPILOG = """\b
Examples:
  miracle promote last --merge                merge it into the branch that your project stands on
  miracle promote last --hunks                what that would change, hunk by hunk
  miracle promote last --only src             only what it changed below src
  miracle promote last --take app.py:1,3      only these hunks of a file
  miracle promote last --merge --mine app.py  all, and your own lines where both changed the same
  miracle promote last --patch                write it as a patch file
  miracle promote last --branch               keep it as a branch of your repository
"""


@click.command("promote", epilog=EPILOG)
@click.argument("run")
@click.option("--merge", "how", flag_value="merge", help="Merge into your own tree.")
@click.option("--patch", "how", flag_value="patch", help="Write RUN.patch.")
@click.option("--branch", "how", flag_value="branch", help="Keep the branch autonomous/RUN in your repository.")
@click.option("--hunks", is_flag=True, help="List what a merge would change now; nothing is written.")
@click.option("--only", metavar="PATH", multiple=True, help="Merge this file, or all below this folder, and no more.")
@click.option("--take", metavar="FILE:N,...", multiple=True, help="Merge these hunks of a file, and no more.")
@click.option("--mine", metavar="FILE[:N]", multiple=True, help="Decide its conflicts for your own lines.")
@click.option("--theirs", metavar="FILE[:N]", multiple=True, help="Decide its conflicts for the run's lines.")
@click.option("--seen", metavar="ID", default="", help="Refuse unless your files are as that list had them.")
@as_json
def command(
    run: str, how: Literal["merge", "patch", "branch"] | None, hunks: bool, seen: str, as_json: bool, **named: Any
) -> int:
    """Take the result of a green run: this is the only way in which your own files change.

    RUN is a run's id, a unique beginning of it, or `last`. Look at the result first: miracle show RUN --diff.
    A part is written into your files and not committed. `miracle undo RUN` takes a merge back.
    """
    from miracle_tui.cli.opening import in_loop

    if hunks:
        return in_loop(_list(run, as_json))
    partly = any(named.values())
    if how is None and not partly:
        raise BadInput("Say how to take the result", "One of --merge, --patch and --branch; --hunks only lists it.")
    if how not in (None, "merge") and (partly or seen):
        raise BadInput(f"--{how} takes the whole result", "Leave --only, --take, --mine, --theirs and --seen away.")
    return in_loop(_promote(run, how or "merge", named, seen, as_json))


async def _list(name: str, as_json: bool) -> int:
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.hunks import hunk_lines, hunk_record
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.run_names import find_run

    async with opened(configuration()) as engine:
        preview = await engine.promotion_preview(await find_run(engine, name))
    if as_json:
        say_json(hunk_record(preview))
    else:
        say(hunk_lines(preview))
    return SUCCESS


async def _promote(
    name: str, how: Literal["merge", "patch", "branch"], named: dict[str, Any], seen: str, as_json: bool
) -> int:
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.hunks import chosen
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.run_names import find_run

    async with opened(configuration()) as engine:
        run_id = await find_run(engine, name)
        take = None
        if any(named.values()) or seen:
            take = chosen(await engine.promotion_preview(run_id), seen=seen, **named)
        taken = await engine.promote(run_id, how, take=take)
    if as_json:
        say_json({"run_id": run_id, **taken.model_dump(mode="json", exclude={"kind"})})
        return SUCCESS
    say([f"✓ {run_id}: {one_line(taken.detail or taken.how, 400)}"])
    if taken.undo:
        say([f"  → miracle undo {run_id}   takes it back"])
    return SUCCESS
