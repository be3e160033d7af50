"""The simulated fleet keeps its books, and names the bottleneck that was planted in it."""

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.bench.bench_fleet import find_bottleneck
from tests.bench.fleet_figures import Costs, Fleet, Report
from tests.bench.fleet_model import simulate

FREE = Costs(wake_s=0, notice_s=0, heartbeat_s=0, sweep_s=1e-6, sweep_per_run_s=0, look_s=0, fetch_per_waiting_s=0)
SMALL = Fleet(workers=4, runs=60, calls=5, tests=1, max_connections=10_000)


def check_books(report: Report) -> None:
    """Every run that came ended once, and no place did two runs at the same time."""
    assert sorted(span.run for span in report.spans) == list(range(report.fleet.runs))
    places = defaultdict(list)
    for span in report.spans:
        assert span.arrived <= span.began < span.ended <= report.seconds
        assert 0 <= span.worker < report.fleet.workers
        assert 0 <= span.place < report.fleet.places
        places[span.worker, span.place].append(span)
    for spans in places.values():
        for before, after in pairwise(sorted(spans, key=lambda span: span.began)):
            assert before.ended <= after.began
    assert report.appends == report.fleet.runs * report.fleet.calls * report.fleet.appends_per_call
    assert report.most_at_work <= report.fleet.workers * report.fleet.places


@pytest.mark.parametrize("load", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_run_ends_once_and_nobody_does_two_things_at_once(load: float, seed: int) -> None:
    report = simulate(replace(SMALL, load=load, seed=seed), Costs())
    check_books(report)
    assert report.connected == 4


def test_the_same_seed_is_the_same_fleet() -> None:
    assert simulate(SMALL, Costs()).spans == simulate(SMALL, Costs()).spans
    assert simulate(SMALL, Costs()).spans != simulate(replace(SMALL, seed=7), Costs()).spans


def test_a_fleet_that_shares_nothing_scarce_does_what_its_workers_can() -> None:
    report = simulate(replace(SMALL, workers=10, runs=400, load=0.0), FREE)
    assert report.efficiency == pytest.approx(1.0, abs=0.15)
    alone = simulate(replace(SMALL, workers=1, places=1, runs=1, call_sigma=0.0), FREE)
    assert alone.spans[0].ended == pytest.approx(alone.fleet.run_s(FREE), rel=0.05)


def test_runs_that_come_faster_than_they_are_done_wait() -> None:
    easy = simulate(replace(SMALL, load=0.3, runs=200), FREE)
    crowded = simulate(replace(SMALL, load=1.5, runs=200), FREE)
    check_books(crowded)
    assert easy.wait_s(0.95) < crowded.wait_s(0.5)


@pytest.mark.parametrize(
    ("bottleneck", "fleet", "costs"),
    [
        ("connections", {"max_connections": 52}, {}),
        ("model requests", {"model_rate_per_s": 1.5}, {}),
        ("commits with a notice", {}, {"commit_s": 0.1}),
        ("database cores", {"database_cores": 1}, {"append_s": 0.1}),
        ("database cores", {"database_cores": 1}, {"wake_s": 0.01}),
        ("hearing of other runs", {}, {"notice_s": 0.05}),
    ],
)
def test_a_planted_bottleneck_is_found(bottleneck: str, fleet: dict[str, float], costs: dict[str, float]) -> None:
    found = find_bottleneck(replace(SMALL, **fleet), replace(FREE, **costs), most_workers=64)  # type: ignore[arg-type]
    assert found is not None
    assert found.name == bottleneck
    assert 1 < found.workers <= 64
    check_books(found.report)


def test_a_fleet_without_a_bottleneck_has_none() -> None:
    assert find_bottleneck(SMALL, FREE, most_workers=16) is None


def test_workers_whose_connections_are_all_taken_leave_none_for_runs() -> None:
    report = simulate(replace(SMALL, workers=13, max_connections=52), FREE)
    assert (report.connected, report.spans) == (13, [])
    assert report.scarcest == "connections"
