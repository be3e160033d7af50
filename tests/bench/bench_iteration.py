"""What Miracle adds to an iteration: everything but the model and the tests, database included. Prints its figures.

Run it with `make bench`, or `python -P -m tests.bench.bench_iteration`.
"""

import asyncio
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from engine import events as e
from engine.scripted.script import load_script
from tests.engine_fixtures import engine_config, scripted_engine, task_of

BOUND_S = 0.150
GOAL = "roman-numerals"
RUNS = 3


@dataclass(frozen=True)
class Trip:
    """One iteration's seconds."""

    whole: float
    model: float
    tests: float

    @property
    def own(self) -> float:
        """Seconds that are neither the model's nor the tests'."""
        return self.whole - self.model - self.tests


def trips(log: list[e.Recorded]) -> list[Trip]:
    """The iterations of a log, each from its start to the next one's, or to the phase's end."""
    found: list[Trip] = []
    began, model, tests = None, 0.0, 0.0
    for one in log:
        ends = isinstance(one.event, e.IterationStarted | e.PhaseFinished)
        if ends and began is not None:
            found.append(Trip((one.at - began).total_seconds(), model, tests))
            began = None
        if isinstance(one.event, e.IterationStarted):
            began, model, tests = one.at, 0.0, 0.0
        elif isinstance(one.event, e.AnswerReceived):
            model += one.event.answer.duration_s
        elif isinstance(one.event, e.TestsFinished):
            tests += one.event.report.duration_s
    return found


async def measure(backend: str) -> list[Trip]:
    """The iterations of a few runs of one goal, after a first one that warms everything up."""
    base = Path(tempfile.mkdtemp(prefix="miracle-bench-"))
    base.chmod(0o755)
    config = engine_config(None, base / "home", **{"settings.sandbox.backend": backend})
    script = load_script(GOAL)
    found: list[Trip] = []
    async with scripted_engine(config, script) as (engine, _):
        for number in range(RUNS + 1):
            folder = base / f"project-{number}"
            folder.mkdir()
            run_id = await engine.start(task_of(script, folder))
            state = await engine.settled(run_id)
            assert state.outcome == "success", state
            found += trips(await engine.log(run_id)) if number else []
    return found


def main() -> None:
    """Measure with bubblewrap and print what an iteration costs beside the bound."""
    own = sorted(trip.own for trip in asyncio.run(measure("bubblewrap")))
    median = statistics.median(own)
    print(f"an iteration, beside model and tests: median {median * 1000:.0f} ms, ", end="")
    print(f"min {own[0] * 1000:.0f} ms, max {own[-1] * 1000:.0f} ms over {len(own)} iterations")
    print(f"ratio to the bound of {BOUND_S * 1000:.0f} ms: {median / BOUND_S:.2f}")


if __name__ == "__main__":
    main()
