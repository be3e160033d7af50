"""`miracle metrics`: what it says to people, to programs and to Prometheus, of figures that are given."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import click
import pytest
from click.testing import CliRunner

from memory.metric_figures import (
    DayOutcome,
    IterationStep,
    MemoryFigures,
    MetricFilters,
    Metrics,
    Share,
    Spread,
    Topic,
    Usage,
)
from miracle_tui.cli.main import cli
from miracle_tui.cli.metric_lines import bar, metric_lines
from miracle_tui.cli.metric_records import metrics_record
from miracle_tui.cli.prometheus import prometheus_text
from miracle_tui.cli.since import moment_of
from tests.unit.exposition import parse_exposition

WHEN = date(2026, 3, 1)
NASTY = 'say "no"\\\n\x1b[31mError{a="b"} 9\n# HELP x'
FIGURES = Metrics(
    filters=MetricFilters(),
    outcomes={"success": 8, "failed": 2, "open": 1},
    iterations_to_success=Spread(8, 20, 2.5, 4.2),
    time_to_green_s=Spread(8, 2000.5, 130, 3725),
    days=(DayOutcome(WHEN, Share(8, 10)),),
    steps=(IterationStep(1, 10, 0.25, 0), IterationStep(2, 0, 0.0, 0)),
    usage=(Usage("coder", "big", None, 3, 41_000, 0.5, 0), Usage("planner", "own", None, 1, 900, 0.0, 1)),
    usage_days=(Usage("", "", WHEN, 4, 41_900, 0.5, 1),),
    errors=((NASTY, 3), ("other", 1)),
    memory=MemoryFigures(Share(3, 4), Share(2, 3), Share(1, 2), Share(1, 1)),
    topics=(Topic("command", 2, 2, 1, 1),),
    approval_wait_s=Spread(1, 60, 60, 60),
)


def test_an_interval_tells_how_little_few_cases_say() -> None:
    assert Share(0, 0).interval is None
    assert str(Share(0, 0)) == "none yet"
    # Newcombe 1998, Statistics in Medicine 17: Wilson's interval without continuity correction.
    assert Share(81, 263).interval == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert Share(0, 20).interval == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert Share(29, 29).interval == pytest.approx((0.8830, 1.0), abs=1e-4)


def test_prometheus_reads_it_whatever_the_labels_hold() -> None:
    samples = parse_exposition(prometheus_text(FIGURES))

    def sample(name: str, **labels: str) -> float:
        return samples[name, frozenset({"runs": "real", **labels}.items())]

    assert sample("miracle_runs_total", outcome="success") == 8
    assert sample("miracle_runs_total", outcome="cancelled") == 0
    assert sample("miracle_runs_open") == 1
    assert sample("miracle_success_ratio") == 0.8
    assert sample("miracle_failures_total", error_type=NASTY) == 3
    assert sample("miracle_cost_usd_total", agent="coder", model="big") == 0.5
    assert sample("miracle_time_to_green_seconds", quantile="0.9") == 3725
    assert sample("miracle_time_to_green_seconds_sum") == 2000.5
    assert sample("miracle_iterations_to_success_count") == 8
    assert sample("miracle_failures_improved_total", memory="unused") == 1
    assert ("miracle_test_pass_ratio", frozenset({"runs": "real", "iteration": "2"}.items())) not in samples


def test_prometheus_gets_something_to_read_of_no_runs_too() -> None:
    samples = parse_exposition(prometheus_text(Metrics(MetricFilters(scripted=True))))
    assert samples["miracle_runs_total", frozenset({"runs": "scripted", "outcome": "success"}.items())] == 0
    assert not [name for name, _ in samples if name == "miracle_success_ratio"]


@pytest.mark.parametrize(
    "broken",
    ["a 1", 'a{x="1"} 1\n', "# TYPE a counter\n", '# HELP a_total h\n# TYPE a_total counter\nb{x="1"} 1\n',
     '# HELP a h\n# TYPE a counter\na{x="1"} 1\n', '# HELP a_total h\n# TYPE a_total counter\na_total{x="\\t"} 1\n'],
)  # fmt: skip
def test_the_reader_itself_refuses_what_the_format_forbids(broken: str) -> None:
    with pytest.raises(AssertionError):
        parse_exposition(broken)


def test_people_get_lines_without_anything_a_terminal_acts_on() -> None:
    text = "\n".join(metric_lines(FIGURES))
    assert "11 real runs, 8 green, 2 failed, 1 not over" in text
    assert "80% of 10 (49% to 94%)" in text
    assert "median 2.5, p90 4.2 (n 8)" in text
    assert "median 02:10, p90 1:02:05 (n 8)" in text
    assert "unknown" in text
    assert "$0.50+" in text
    assert "not causes" in text
    assert "\x1b" not in text


def test_where_no_run_counts_the_way_to_one_is_said() -> None:
    assert "miracle demo" in "\n".join(metric_lines(Metrics(MetricFilters())))
    assert "3 scripted runs" in "\n".join(metric_lines(Metrics(MetricFilters(), others=3)))
    other = Metrics(MetricFilters(scripted=True), others=1)
    assert "miracle metrics --real" in "\n".join(metric_lines(other))


def test_the_keys_of_the_json_are_those_that_are_documented() -> None:
    record = metrics_record(replace(FIGURES, filters=MetricFilters(since=datetime(2026, 1, 1, tzinfo=UTC))))
    assert list(record) == [
        "runs", "filters", "outcomes", "success", "iterations_to_success", "time_to_green_s", "days", "pass_rate",
        "usage", "errors", "memory", "approvals",
    ]  # fmt: skip
    assert record["success"] == {"hits": 8, "n": 10, "rate": 0.8, "low": pytest.approx(0.49, abs=0.001), "high": pytest.approx(0.943, abs=0.001)}  # fmt: skip  # noqa: E501
    assert record["filters"]["since"] == "2026-01-01T00:00:00+00:00"
    assert record["usage"]["by_model"][0] == {
        "model": "big", "calls": 3, "tokens": 41_000, "cost_usd": 0.5, "unpriced_calls": 0,
    }  # fmt: skip
    assert json.loads(json.dumps(record))["pass_rate"][0] == {"iteration": 1, "n": 10, "rate": 0.25, "green": 0}


def test_moments_are_taken_as_people_write_them() -> None:
    ctx, param = click.Context(cli), click.Option(["--since"])
    ago = moment_of(ctx, param, " 2W ")
    assert ago is not None
    assert timedelta(0) <= datetime.now(UTC) - ago - timedelta(weeks=2) < timedelta(minutes=1)
    assert moment_of(ctx, param, "2026-01-31T18:00+02:00") == datetime(2026, 1, 31, 16, tzinfo=UTC)
    assert moment_of(ctx, param, None) is None
    for wrong in ("soon", "", "7 years", "2026-13-01", "999999w", "-3d", "0001-01-01", "9" * 5000 + "d"):
        with pytest.raises(click.BadParameter, match="is no moment: write a date such as"):
            moment_of(ctx, param, wrong)


def test_options_that_contradict_each_other_are_refused() -> None:
    done = CliRunner().invoke(cli, ["metrics", "--json", "--prometheus"])
    assert done.exit_code == 2
    assert "contradict" in done.stderr


def test_bars() -> None:
    assert (bar(0.0), bar(1.0), bar(7.0), len(bar(0.5))) == ("", "█" * 24, "█" * 24, 12)
    assert bar(1 / 48) == "▌"


def test_what_is_no_number_is_said_as_prometheus_says_it() -> None:
    odd = Usage("coder", "m", None, 1, 1, float("inf"), 0), Usage("coder", "n", None, 1, 1, float("nan"), 0)
    told = prometheus_text(replace(FIGURES, usage=odd))
    assert [line.rpartition(" ")[2] for line in told.split("\n") if line.startswith("miracle_cost")] == ["+Inf", "NaN"]
