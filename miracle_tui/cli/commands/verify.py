"""`miracle verify`: is a run's receipt what it says?"""

from typing import TYPE_CHECKING, Any

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import FAILED, SUCCESS, BadInput

if TYPE_CHECKING:
    from engine.verification import Verification

EPILOG = """\b
Examples:
  miracle verify last
  miracle verify roman --again   test the proved commit once more, in a fresh sandbox
  miracle verify --key           the public key that this installation signs with

\b
Exit status: 0 all of it holds; 1 something does not, and is named.
"""


@click.command("verify", epilog=EPILOG)
@click.argument("run", required=False)
@click.option("--again", is_flag=True, help="Prove the commit once more and compare.")
@click.option("--key", is_flag=True, help="Show this installation's public key.")
@as_json
def command(run: str | None, again: bool, key: bool, as_json: bool) -> int:
    """Check the receipt of a green run: signature, log, commit and tree.

    RUN is a run's id, a unique beginning of it, or `last`. Nothing is changed. Receipts of another machine count when
    its public key is a line of the file `trusted_keys` in the folder that `miracle config path` names.
    """
    from miracle_tui.cli.opening import in_loop

    if key:
        return _key(as_json)
    if run is None:
        raise BadInput("Name the run whose receipt is checked", "`miracle verify last`, or --key for the public key.")
    return in_loop(_verify(run, again, as_json))


def _key(as_json: bool) -> int:
    from config.signing import KEY_FILE, signing_key
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.opening import configuration

    paths = configuration().paths
    public = signing_key(paths).public
    if as_json:
        say_json({"key": public, "kind": "ed25519"})
    else:
        say([public, f"  · ed25519; its private half is {paths.data / KEY_FILE}"])
    return SUCCESS


async def _verify(name: str, again: bool, as_json: bool) -> int:
    from engine.verification import verify_run
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.run_names import find_run

    async with opened(configuration()) as engine:
        found = await verify_run(engine, await find_run(engine, name), again=again)
    if as_json:
        say_json(_record(found))
    else:
        say(_lines(found))
    return SUCCESS if found.holds else FAILED


def _lines(found: "Verification") -> list[str]:
    from miracle_tui.cli.inert import one_line

    lines = [f"▸ {found.run_id}"]
    for check in found.checks:
        mark, text = ("✓", check.said) if check.holds else ("✗", check.wrong)
        lines.append(f"  {mark} {check.name:<10} {one_line(text, 400)}".rstrip())
    verdict = "✓ the receipt holds" if found.holds else "✗ the receipt does NOT hold"
    return [*lines, verdict if found.receipt else "✗ there is no receipt"]


def _record(found: "Verification") -> dict[str, Any]:
    return {
        "run_id": found.run_id,
        "holds": found.holds,
        "checks": [
            {"name": check.name, "holds": check.holds, "detail": check.said if check.holds else check.wrong}
            for check in found.checks
        ],
        "receipt": found.receipt.model_dump(mode="json") if found.receipt else None,
    }
