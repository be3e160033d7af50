"""A fleet of workers over one PostgreSQL, as discrete events on a scripted clock: no real time, no threads, one seed.

What is rare enough is simulated event by event: runs, calls of the model, appends. What every worker does all the time
(signs of life, looks at the queue, the notices that it hears) is taken off the capacity of what serves it, once in a
while.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.bench.fleet_figures import Costs, Fleet, Report, Span

LOOK_S = 5.0
"""Seconds of the scripted clock from one look at what goes on all the time to the next."""
MOST_SHARE = 0.98
"""Of a resource that what goes on all the time may take: the rest comes to a crawl, but not to a halt."""


@dataclass
class Station:
    """Something that serves what comes to it in turn; the moment at which it is done is known when it comes."""

    servers: int
    busy_s: float = 0.0
    waited_s: float = 0.0
    served: int = 0
    _free: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._free = [0.0] * self.servers

    def serve(self, now: float, service_s: float) -> float:
        """When a request that comes now is done."""
        start = max(now, self._free[0])
        heapq.heapreplace(self._free, start + service_s)
        self.busy_s += service_s
        self.waited_s += start - now
        self.served += 1
        return start + service_s


class Simulation:
    """One fleet from the first run's arrival to the last one's end.

    Args:
        fleet: how many workers and runs, and what a run is made of.
        costs: what the parts cost.
    """

    def __init__(self, fleet: Fleet, costs: Costs) -> None:
        self.fleet = fleet
        self.costs = costs
        self.now = 0.0
        self.database = Station(fleet.database_cores)
        self.commits = Station(1)
        self.model = Station(1)
        self.spans: list[Span] = []
        self._random = random.Random(fleet.seed)
        self._events: list[tuple[float, int, Iterator[float]]] = []
        self._order = 0
        self._waiting: deque[tuple[int, float]] = deque()
        self._connections = fleet.max_connections
        self._free: deque[tuple[int, int]] = deque()
        self._connected = 0
        self._at_work = self._most_at_work = 0
        self._appends = self._noticed = self._counted = 0
        self._background_s = self._hearing_s = 0.0
        self._stretch = self._loop_stretch = 1.0
        self._called_until = -1.0

    def run(self) -> Report:
        """Simulate, and say what came of it."""
        self._connect_workers()
        if not self._connected or self._connections < self.fleet.connections_per_run:
            return self._report()
        self._begin(self._arrivals())
        self._begin(self._look_around())
        while self._events and len(self.spans) < self.fleet.runs:
            self.now, _, process = heapq.heappop(self._events)
            if (wakes := next(process, None)) is not None:
                self._order += 1
                heapq.heappush(self._events, (wakes, self._order, process))
        return self._report()

    def _begin(self, process: Iterator[float]) -> None:
        """Let a process go on now; each number that it yields is the moment at which it goes on again."""
        self._order += 1
        heapq.heappush(self._events, (self.now, self._order, process))

    def _connect_workers(self) -> None:
        """A worker without its connections takes no run; a worker that has them keeps them."""
        for _ in range(self.fleet.workers):
            if self._connections < self.fleet.connections_per_worker:
                break
            self._connections -= self.fleet.connections_per_worker
            self._connected += 1
        # A place of each worker before the second of any: the queue's notice reaches all at the same time.
        self._free.extend((worker, place) for place in range(self.fleet.places) for worker in range(self._connected))

    def _arrivals(self) -> Iterator[float]:
        gap_s = self.fleet.gap_s(self.costs)
        for number in range(self.fleet.runs):
            self._waiting.append((number, self.now))
            self.database.serve(self.now, self.costs.defer_s * self._stretch)
            self._call_idle()
            self._assign()
            if gap_s:
                yield self.now + self._random.expovariate(1 / gap_s)

    def _call_idle(self) -> None:
        """Every worker that has a place free hears of the run and looks for it; one finds it."""
        if self.now < self._called_until:
            return  # Whoever still looks finds this run as well.
        looks_s = min(len(self._free), self._connected) * self.costs.look_s * self._stretch
        self.database.serve(self.now, looks_s)
        self._called_until = self.now + looks_s / self.fleet.database_cores

    def _assign(self) -> None:
        while self._waiting and self._free and self._connections >= self.fleet.connections_per_run:
            self._connections -= self.fleet.connections_per_run
            self._at_work += 1
            self._most_at_work = max(self._most_at_work, self._at_work)
            self._begin(self._life(*self._waiting.popleft(), *self._free.popleft()))

    def _life(self, number: int, arrived: float, worker: int, place: int) -> Iterator[float]:
        """A run on a place of a worker."""
        fleet, costs, began = self.fleet, self.costs, self.now
        yield self.database.serve(self.now, self._fetch_s())
        tests_due = 0.0
        for _ in range(fleet.calls):
            if fleet.model_rate_per_s:
                yield self.model.serve(self.now, 1 / fleet.model_rate_per_s)
            yield self.now + self._lognormal(fleet.call_s, fleet.call_sigma)
            for _ in range(fleet.appends_per_call):
                yield self.database.serve(self.now, self._about(costs.append_s) * self._stretch)
                self._appends += 1
                if fleet.noticed == 1 or self._random.random() < fleet.noticed:
                    yield self.commits.serve(self.now, self._about(costs.commit_s))
                    self._noticed += 1
                    self.database.serve(self.now, costs.wake_s * self._listeners() * self._stretch)
            yield self.now + self._about(costs.own_s) * self._loop_stretch
            tests_due += fleet.tests / fleet.calls
            if tests_due >= 1:
                tests_due -= 1
                yield self.now + self._lognormal(fleet.test_s, fleet.call_sigma)
        yield self.database.serve(self.now, costs.finish_s * self._stretch)
        self.spans.append(Span(number, worker, place, arrived, began, self.now))
        self._at_work -= 1
        self._connections += fleet.connections_per_run
        self._free.append((worker, place))
        self._assign()

    def _listeners(self) -> int:
        return self._connected * self.fleet.listens_per_worker + self._at_work * self.fleet.listens_per_run

    def _fetch_s(self) -> float:
        waiting = len(self._waiting)
        return (self.costs.fetch_s + self.costs.fetch_per_waiting_s * waiting) * self._stretch

    def _look_around(self) -> Iterator[float]:
        """Take what goes on all the time off the database's cores and off the workers' loops."""
        while True:
            cores = self.fleet.database_cores
            demand = self._background()
            self._background_s += demand * LOOK_S
            self._stretch = 1 / (1 - min(MOST_SHARE, demand / cores))
            rate = (self._noticed - self._counted) / LOOK_S
            self._counted = self._noticed
            heard = rate * self.costs.notice_s * self.fleet.listeners_of_a_worker
            self._hearing_s += heard * LOOK_S
            self._loop_stretch = 1 / (1 - min(MOST_SHARE, heard))
            yield self.now + LOOK_S

    def _background(self) -> float:
        """Cores of the database that are at work though nothing happens."""
        costs, fleet = self.costs, self.fleet
        beats = self._connected * costs.heartbeat_s / fleet.heartbeat_every_s
        beats += self._at_work * costs.statement_s / fleet.lease_every_s
        polls = self._connected * self._poll_s() / fleet.poll_every_s
        sweep_s = costs.sweep_s + costs.sweep_per_run_s * (len(self._waiting) + self._at_work)
        # One worker at a time sweeps: whoever finds another at it goes away at once.
        sweeps = min(self._connected / fleet.sweep_every_s, 1 / sweep_s)
        refused = max(0.0, self._connected / fleet.sweep_every_s - sweeps)
        return beats + polls + sweeps * sweep_s + refused * costs.statement_s

    def _poll_s(self) -> float:
        """A worker with a place free looks at the queue; without runs to take there is nothing to look through."""
        return self.costs.look_s if self._free else 0.0

    def _about(self, mean_s: float) -> float:
        return self._random.expovariate(1 / mean_s) if mean_s else 0.0

    def _lognormal(self, mean_s: float, sigma: float) -> float:
        return self._random.lognormvariate(math.log(mean_s) - sigma**2 / 2, sigma) if mean_s else 0.0

    def _report(self) -> Report:
        whole = max(self.now, 1e-9)
        fleet = self.fleet
        wanted = fleet.workers * (fleet.connections_per_worker + fleet.places * fleet.connections_per_run)
        shares = {
            "connections": wanted / fleet.max_connections,
            "database cores": (self.database.busy_s + self._background_s) / (whole * fleet.database_cores),
            "commits with a notice": self.commits.busy_s / whole,
            "model requests": self.model.busy_s / whole,
            "hearing of other runs": self._hearing_s / whole,
        }
        return Report(
            fleet=fleet,
            costs=self.costs,
            spans=self.spans,
            seconds=self.now,
            appends=self._appends,
            connected=self._connected,
            most_at_work=self._most_at_work,
            shares=shares,
            commit_wait_s=self.commits.waited_s / max(1, self.commits.served),
        )


def simulate(fleet: Fleet, costs: Costs) -> Report:
    """Simulate a fleet."""
    return Simulation(fleet, costs).run()
