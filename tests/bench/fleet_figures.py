"""What the simulation of a fleet begins with, and what it ends with."""

from dataclasses import dataclass, replace

from tests.bench.measuring import quantile


@dataclass(frozen=True)
class Costs:
    """Seconds that things take; the defaults were measured with `bench_fleet --measure`, see docs/scaling.md."""

    append_s: float = 0.00015
    """A core of the database's server, for an append with its projection rows and its notice."""
    commit_s: float = 0.00025
    """The server commits one transaction with a notice at a time: how long each keeps the others."""
    wake_s: float = 0.000012
    """A core of the database's server, to wake one listener and to send it a notice."""
    notice_s: float = 0.000009
    """A worker's loop, to hear one notice on one connection."""
    own_s: float = 0.06
    """The engine's own work for a call: context, files, git."""
    statement_s: float = 0.000012
    """The smallest statement, such as a lease's sign of life."""
    heartbeat_s: float = 0.00007
    look_s: float = 0.0001
    """A look at a queue in which nothing waits."""
    fetch_s: float = 0.0004
    """A look at the queue that takes a run."""
    fetch_per_waiting_s: float = 0.000000016
    """More of it for each run that waits."""
    defer_s: float = 0.00014
    finish_s: float = 0.00014
    sweep_s: float = 0.0011
    sweep_per_run_s: float = 0.00000024
    """More of a sweep for each run that waits or is at work."""


@dataclass(frozen=True)
class Fleet:
    """Workers, runs, and what both are like."""

    workers: int = 1
    runs: int = 100
    places: int = 2
    """Runs that a worker works on at the same time."""
    load: float = 0.9
    """Runs arrive at this share of what the workers could do if nothing were shared; 0: all are there at once."""
    seed: int = 1
    calls: int = 30
    """Calls of the model in a run."""
    call_s: float = 8.0
    call_sigma: float = 0.6
    """How the times of calls and tests spread: the deviation of their logarithm."""
    appends_per_call: int = 5
    tests: int = 4
    """Test runs in the sandbox."""
    test_s: float = 6.0
    model_rate_per_s: float = 0.0
    """Requests that the model's provider takes; 0 sets no limit."""
    database_cores: int = 8
    max_connections: int = 200
    connections_per_worker: int = 4
    connections_per_run: int = 3
    listens_per_worker: int = 0
    """Connections that hear of every append, whatever run it belongs to."""
    listens_per_run: int = 1
    noticed: float = 1.0
    """Share of the appends that are announced."""
    heartbeat_every_s: float = 2.0
    lease_every_s: float = 1.5
    poll_every_s: float = 1.5
    sweep_every_s: float = 1.0

    @property
    def listeners_of_a_worker(self) -> int:
        """Connections of one busy worker that hear of every append."""
        return self.listens_per_worker + self.places * self.listens_per_run

    def run_s(self, costs: Costs) -> float:
        """How long a run takes that never waits for anything shared."""
        call_s = self.call_s + self.appends_per_call * (costs.append_s + costs.commit_s) + costs.own_s
        return self.calls * call_s + self.tests * self.test_s + costs.fetch_s + costs.finish_s

    def gap_s(self, costs: Costs) -> float:
        """Mean seconds from one arrival to the next."""
        return self.run_s(costs) / (self.workers * self.places * self.load) if self.load else 0.0


@dataclass(frozen=True)
class Span:
    """A run from its arrival to its end, and the place that worked on it."""

    run: int
    worker: int
    place: int
    arrived: float
    began: float
    ended: float


@dataclass(frozen=True)
class Report:
    """What came of a simulation."""

    fleet: Fleet
    costs: Costs
    spans: list[Span]
    seconds: float
    """Of the scripted clock."""
    appends: int
    connected: int
    """Workers that got their connections."""
    most_at_work: int
    shares: dict[str, float]
    """Of each resource, what was used or wanted; 1 is all there is."""
    commit_wait_s: float

    @property
    def runs_per_hour(self) -> float:
        """Throughput, without the fleet's filling and emptying: of the middle half of the runs that ended."""
        ends = sorted(span.ended for span in self.spans)
        if len(ends) < 8:
            return 3600 * len(ends) / max(self.seconds, 1e-9)
        first, last = len(ends) // 4, 3 * len(ends) // 4
        return 3600 * (last - first) / max(ends[last] - ends[first], 1e-9)

    @property
    def appends_per_s(self) -> float:
        """Appends a second, at the throughput of the middle half."""
        return self.runs_per_hour / 3600 * self.fleet.calls * self.fleet.appends_per_call

    @property
    def efficiency(self) -> float:
        """Throughput, of what as many workers would do if nothing were shared."""
        return self.runs_per_hour / 3600 * self.fleet.run_s(self.costs) / (self.fleet.workers * self.fleet.places)

    @property
    def busy(self) -> float:
        """Share of the workers' places that had a run, over the whole time."""
        places = self.fleet.workers * self.fleet.places
        return sum(span.ended - span.began for span in self.spans) / max(places * self.seconds, 1e-9)

    def wait_s(self, share: float) -> float:
        """Seconds from arrival to begin that a share of the runs does not exceed."""
        return quantile([span.began - span.arrived for span in self.spans], share) if self.spans else 0.0

    @property
    def scarcest(self) -> str:
        """The resource that is used or wanted most."""
        return max(self.shares, key=lambda name: self.shares[name])


def saturated(fleet: Fleet, workers: int, runs_per_place: int) -> Fleet:
    """The fleet with so many workers, and all its runs waiting from the beginning."""
    return replace(fleet, workers=workers, runs=workers * fleet.places * runs_per_place, load=0.0)
