"""How many workers one PostgreSQL carries, by simulation: growing fleets, what they run into first, and what lifts it.

`python -P -m tests.bench.bench_fleet --help` tells what can be asked; docs/scaling.md tells what came of it.
"""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

from tests.bench.fleet_figures import Costs, Fleet, Report, saturated
from tests.bench.fleet_model import simulate
from tests.bench.measuring import load_now, workplace

BITES = 0.8
"""Efficiency below which a fleet has run into something."""
RUNS_PER_PLACE = 6
MOST_WORKERS = 4096
Say = Callable[[str], object]


@dataclass(frozen=True)
class Rung:
    """A bottleneck that was found, and the fleet that was found to have it."""

    name: str
    workers: int
    report: Report


def find_bottleneck(fleet: Fleet, costs: Costs, most_workers: int = MOST_WORKERS) -> Rung | None:
    """The smallest fleet of this kind that does not do what as many workers should; None up to the most."""
    enough, too_many = 0, 1
    while (report := simulate(saturated(fleet, too_many, RUNS_PER_PLACE), costs)).efficiency >= BITES:
        enough, too_many = too_many, too_many * 2
        if enough >= most_workers:
            return None
    while too_many - enough > max(1, enough // 5):
        middle = (enough + too_many) // 2
        tried = simulate(saturated(fleet, middle, RUNS_PER_PLACE), costs)
        if tried.efficiency < BITES:
            too_many, report = middle, tried
        else:
            enough = middle
    return Rung(report.scarcest, too_many, report)


LIFTS: dict[str, tuple[tuple[str, dict[str, float | int]], ...]] = {
    "connections": (
        (
            "one connection a worker for its feeds, one for its leases, one for the queue; a pooler for the rest",
            {"connections_per_worker": 3, "connections_per_run": 0, "listens_per_worker": 1, "listens_per_run": 0},
        ),
        ("5,000 connections", {"max_connections": 5000}),
    ),
    "database cores": (
        ("only what others wait for is announced: 1 append in 20", {"noticed": 0.05}),
        ("64 cores for the database", {"database_cores": 64}),
    ),
    "commits with a notice": (("only what others wait for is announced: 1 append in 20", {"noticed": 0.05}),),
    "hearing of other runs": (("only what others wait for is announced: 1 append in 20", {"noticed": 0.05}),),
    "model requests": (("twice the model's rate", {}),),
}


def ladder(fleet: Fleet, costs: Costs, say: Say, most_workers: int = MOST_WORKERS) -> Fleet:
    """Tell the bottlenecks, each with those before it lifted; the fleet with all of them lifted."""
    used: set[str] = set()
    while (rung := find_bottleneck(fleet, costs, most_workers)) is not None:
        report = rung.report
        say(f"  {rung.workers:5,} workers: {rung.name} ({shares(report)}); {report.appends_per_s:,.0f} appends/s")
        lift = next((one for one in LIFTS[rung.name] if one[0] not in used), None)
        if lift is None:
            return fleet
        used.add(lift[0])
        fleet = replace(fleet, **lift[1])  # type: ignore[arg-type]
        say(f"    lifted by: {lift[0]}")
    say(f"  nothing more up to {most_workers:,} workers")
    return fleet


def shares(report: Report) -> str:
    """What was used of everything that was used at all."""
    return ", ".join(f"{name} {share:.0%}" for name, share in report.shares.items() if share >= 0.005)


def table(fleet: Fleet, costs: Costs, sizes: Sequence[int], runs_per_worker: int, say: Say) -> list[Report]:
    """Growing fleets, with runs in proportion."""
    say("  workers     runs  at work  runs/h     busy  waits p50 / p95   commit waits  used or wanted")
    found = []
    for workers in sizes:
        report = simulate(replace(fleet, workers=workers, runs=workers * runs_per_worker), costs)
        found.append(report)
        waits = f"{report.wait_s(0.5):7,.0f} / {report.wait_s(0.95):7,.0f} s"
        say(
            f"  {workers:7,}  {len(report.spans):7,}  {report.most_at_work:7,}  {report.runs_per_hour:6,.0f}  "
            f"{report.busy:7.0%}  {waits}  {report.commit_wait_s * 1000:7.1f} ms    {shares(report)}"
        )
    return found


def measured(say: Say) -> Costs:
    """What things cost on this machine."""
    from tests.bench.fleet_costs import measure

    with workplace() as folder:
        say(f"measured here ({load_now()}):")
        costs = measure(folder, say)
    say("  " + ", ".join(f"{one.name} {getattr(costs, one.name) * 1e6:,.4g} us" for one in fields(costs)))
    return costs


def validated(costs: Costs, say: Say) -> float:
    """The simulated append rate over that of a real fleet of three workers."""
    from tests.bench.fleet_costs import server
    from tests.bench.fleet_reality import observe

    workers, places, runs = 3, 2, 12
    with workplace() as folder, server(folder / "postgres") as bench:
        alone, together = folder / "alone", folder / "together"
        for made in (alone, together):
            made.mkdir()
        lone = asyncio.run(observe(bench, alone, 1, 1, 1))
        real = asyncio.run(observe(bench, together, workers, places, runs))
    fleet = lone.as_fleet(workers, places, runs)
    report = simulate(fleet, replace(costs, own_s=lone.own_s))
    simulated, rate = report.appends / report.seconds, real.appends * runs / real.seconds
    say(f"{workers} real workers of {places} places, {runs} runs of {real.appends} appends ({load_now()}):")
    say(f"  in reality    {real.seconds:5.1f} s, {rate:5.1f} appends/s, {real.connections} connections")
    say(f"  by simulation {report.seconds:5.1f} s, {simulated:5.1f} appends/s: ratio {simulated / rate:.2f}")
    return simulated / rate


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(prog="python -P -m tests.bench.bench_fleet", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="take the costs of this machine, not those of the docs")
    parser.add_argument("--validate", action="store_true", help="hold it against three real workers (two minutes)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--runs-per-worker", type=int, default=100)
    parser.add_argument("--max-connections", type=int, default=Fleet.max_connections)
    parser.add_argument("--database-cores", type=int, default=Fleet.database_cores)
    parser.add_argument("--call-s", type=float, default=Fleet.call_s, help="mean seconds of a call of the model")
    parser.add_argument("--test-s", type=float, default=Fleet.test_s, help="mean seconds of a test run")
    parser.add_argument("--model-rate", type=float, default=0.0, help="requests a second that the provider takes")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    costs = measured(print) if given.measure else Costs()
    if given.validate:
        validated(costs, print)
    fleet = Fleet(
        max_connections=given.max_connections,
        database_cores=given.database_cores,
        call_s=given.call_s,
        test_s=given.test_s,
        model_rate_per_s=given.model_rate,
        seed=given.seed,
    )
    print(f"as Miracle is, {fleet.max_connections} connections, {fleet.database_cores} cores:", flush=True)
    table(fleet, costs, given.workers, given.runs_per_worker, print)
    print("what comes first, and what after it, each lifted in turn:", flush=True)
    top = max(given.workers)
    lifted = ladder(fleet, costs, print, top)
    print("with all of it lifted:", flush=True)
    table(lifted, costs, given.workers, given.runs_per_worker, print)


if __name__ == "__main__":
    main()
