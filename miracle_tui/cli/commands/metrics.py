"""`miracle metrics`: what many runs came to."""

import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from miracle_tui.cli.options import as_json, project
from miracle_tui.cli.problems import SUCCESS, BadInput
from miracle_tui.cli.since import METAVAR, moment_of

if TYPE_CHECKING:
    from memory.metric_figures import MetricFilters

EPILOG = """\b
Examples:
  miracle metrics                            all runs of real models
  miracle metrics --since 30d --project .    this project's runs of the last 30 days
  miracle metrics --scripted                 demos and tests, which are never counted among real runs
  miracle metrics --json | jq .success.rate
  miracle metrics --prometheus > /var/lib/node_exporter/miracle.prom

docs/metrics.md defines each figure in a line.
"""


@click.command("metrics", epilog=EPILOG)
@click.option("--since", metavar=METAVAR, callback=moment_of, help="Only runs begun since: 7d, 24h, 2026-01-31.")
@click.option("--until", metavar=METAVAR, callback=moment_of, help="Only runs begun before.")
@project("Only runs about this folder, which may be gone.")
@click.option("--language", type=click.Choice(("python", "node")), help="Only runs in this language.")
@click.option("--scripted/--real", default=False, help="Runs of scripted models instead of real ones.")
@as_json
@click.option("--prometheus", is_flag=True, help="Write the text format that Prometheus reads.")
def command(
    since: datetime | None,
    until: datetime | None,
    project: str,
    language: str | None,
    scripted: bool,
    as_json: bool,
    prometheus: bool,
) -> int:
    """Count success, iterations, cost, errors, approvals, and what memory was worth.

    The options choose runs by when they began; everything else is counted in those runs.
    """
    from memory.metric_figures import MetricFilters
    from miracle_tui.cli.opening import in_loop

    if as_json and prometheus:
        raise BadInput("--json and --prometheus contradict each other", "Leave one of them away.")
    filters = MetricFilters(since, until, project, language or "", scripted)
    return in_loop(_metrics(filters, as_json, prometheus))


async def _metrics(filters: "MetricFilters", as_json: bool, prometheus: bool) -> int:
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.inert import inert
    from miracle_tui.cli.metric_lines import metric_lines
    from miracle_tui.cli.metric_records import metrics_record
    from miracle_tui.cli.opening import configuration, opened
    from miracle_tui.cli.prometheus import prometheus_text

    async with opened(configuration()) as engine:
        found = await engine.metrics(filters)
    if as_json:
        say_json(metrics_record(found))
    elif prometheus:
        told = prometheus_text(found)
        # A program gets the labels letter for letter; a terminal would act upon them.
        click.echo(inert(told) if sys.stdout.isatty() else told, nl=False)
    else:
        say(metric_lines(found))
    return SUCCESS
