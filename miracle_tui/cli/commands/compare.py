"""`miracle compare`: two runs side by side."""

from typing import TYPE_CHECKING, Any

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS, BadInput

if TYPE_CHECKING:
    from engine.compare import Comparison, RunFacts

EPILOG = """\b
Examples:
  miracle compare roman roman-fork
  miracle compare roman last --diff | less -R
  miracle compare roman last --json | jq .tests
"""
MAX_LISTED = 20
"""Tests and files that are named; the rest is counted."""


@click.command("compare", epilog=EPILOG)
@click.argument("run_a", metavar="RUN")
@click.argument("run_b", metavar="RUN")
@click.option("--diff", is_flag=True, help="Only the patch from the first run's newest checkpoint to the second's.")
@as_json
def command(run_a: str, run_b: str, diff: bool, as_json: bool) -> int:
    """Put two runs side by side: code, tests, cost, iterations, time.

    RUN is a run's id, a unique beginning of it, or `last`. The code is compared between their newest checkpoints.
    """
    from miracle_tui.cli.opening import in_loop

    if diff and as_json:
        raise BadInput("--diff stands alone", "Without it, --json holds the diff too.")
    return in_loop(_compare(run_a, run_b, diff, as_json))


async def _compare(name_a: str, name_b: str, diff: bool, as_json: bool) -> int:
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.patches import print_diff
    from miracle_tui.cli.problems import NotPossible
    from miracle_tui.cli.run_names import find_run

    async with opened(configuration()) as engine:
        compared = await engine.compare(await find_run(engine, name_a), await find_run(engine, name_b))
    if diff:
        if compared.note:
            raise NotPossible(f"There is no diff. {compared.note}", "Without --diff the rest is compared.")
        print_diff(compared.diff)
    elif as_json:
        say_json(comparison_record(compared))
    else:
        say(comparison_lines(compared))
    return SUCCESS


def comparison_record(compared: "Comparison") -> dict[str, Any]:
    """A comparison as `--json` writes it."""
    return {
        "a": _facts_record(compared.a),
        "b": _facts_record(compared.b),
        "files": [file.model_dump(mode="json") for file in compared.files],
        "diff": compared.diff,
        "note": compared.note,
        "tests": [{"id": test.id, "a": test.a, "b": test.b, "where": test.where} for test in compared.tests],
    }


def _facts_record(facts: "RunFacts") -> dict[str, Any]:
    values = {name: getattr(facts, name) for name in facts.__dataclass_fields__ if name != "report"}
    report = facts.report
    return {
        **values,
        "status": facts.status.value,
        "started_at": facts.started_at.isoformat() if facts.started_at else None,
        "passed": report.passed if report else None,
        "failed": report.failed if report else None,
    }


def comparison_lines(compared: "Comparison") -> list[str]:
    """A comparison for a person."""
    from config.amounts import plural
    from miracle_tui.cli.console import table
    from miracle_tui.cli.inert import one_line

    a, b = compared.a, compared.b
    rows = [(name, of_a, of_b) for (name, of_a), (_, of_b) in zip(_rows(a), _rows(b), strict=True)]
    lines = table(rows, ("", a.run_id, b.run_id))
    for where, words in (("only a", f"green only in {a.run_id}"), ("only b", f"green only in {b.run_id}")):
        tests = [test for test in compared.tests if test.where == where]
        if tests:
            lines.append(f"▸ {plural(len(tests), 'test')} {words}")
            lines += [f"  ! {one_line(test.id)}" for test in tests[:MAX_LISTED]]
            lines += [f"  · and {len(tests) - MAX_LISTED} more"] if len(tests) > MAX_LISTED else []
    both = sum(test.where == "both" for test in compared.tests)
    lines.append(f"· {plural(both, 'test')} green in both")
    if compared.note:
        return [*lines, f"! There is no diff. {compared.note}"]
    lines.append(f"▸ {plural(len(compared.files), 'file')} differ")
    lines += [f"  · {one_line(file.path)} +{file.added} -{file.removed}" for file in compared.files[:MAX_LISTED]]
    if len(compared.files) > MAX_LISTED:
        lines.append(f"  · and {len(compared.files) - MAX_LISTED} more")
    return [*lines, f"→ line by line:  miracle compare {a.run_id} {b.run_id} --diff"]


def _rows(facts: "RunFacts") -> list[tuple[str, str]]:
    from config.amounts import dollars, short_count

    report = facts.report
    return [
        ("status", facts.status.value),
        ("forked from", f"{facts.forked_from} at {facts.forked_at}" if facts.forked_from else "-"),
        ("phases green", f"{facts.phases_green}/{facts.phases_total}"),
        ("iterations", str(facts.iterations)),
        ("tests", f"{report.passed} passed, {report.failed} failed" if report else "-"),
        ("cost", dollars(facts.cost_usd)),
        ("tokens", short_count(facts.tokens)),
        ("calls", str(facts.calls)),
        ("time", f"{facts.elapsed_s:.0f} s"),
        ("checkpoint", facts.commit[:10] or "-"),
    ]
