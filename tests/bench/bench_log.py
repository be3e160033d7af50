"""How long 100,000 lines of test output block the app's loop, and what they weigh. Prints its figures.

Run it with `make bench`, or `python -P -m tests.bench.bench_log`. Beside each figure stands that of Textual's `Log`.
"""

import asyncio
import ctypes
import gc
import importlib
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import Log

from widgets.test_pane import TestPane

LINES = 100_000
BATCH = 1000
BLOCK_BOUND_S = 0.050
MEMORY_BOUND_MB = 40.0


@dataclass(frozen=True)
class Figures:
    """What one widget did with all the lines."""

    longest_block_s: float
    """Time the loop's thread worked between two of its turns; what other processes took of the machine is not in it."""
    longest_wait_s: float
    """The same by the clock on the wall, so with what other processes took."""
    memory_mb: float
    whole_s: float


class _Watch:
    """Measures how long the loop is held between two turns of a task that only sleeps."""

    def __init__(self) -> None:
        self.worked = self.waited = 0.0
        self._stop = False

    async def run(self) -> None:
        while not self._stop:
            wall, work = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.001)
            self.waited = max(self.waited, time.perf_counter() - wall - 0.001)
            self.worked = max(self.worked, time.thread_time() - work)

    def stop(self) -> None:
        self._stop = True


class _Bench(App[None]):
    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget

    def compose(self) -> ComposeResult:
        yield self.widget


def resident_mb() -> float:
    """Memory of this process, after giving back what is free."""
    gc.collect()
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def line(number: int) -> str:
    """A line as a verbose test run writes it."""
    test = f"tests/test_module_{number % 50}.py::test_something_useful[{number}]"
    return f"\x1b[32mPASSED\x1b[0m {test} in 0.0{number % 10}s"


async def measure(widget: Widget, write: Callable[[str], object], held: Callable[[], int]) -> Figures:
    """Write all lines in pieces as the sandbox would, while the app draws."""
    app = _Bench(widget)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause(0.2)
        before = resident_mb()
        watch = _Watch()
        watching = asyncio.create_task(watch.run())
        begin = time.perf_counter()
        for start in range(0, LINES, BATCH):
            write("".join(f"{line(number)}\n" for number in range(start, start + BATCH)))
            await asyncio.sleep(0.002)
        while held() < LINES:  # noqa: ASYNC110 - a widget has no event for it
            await asyncio.sleep(0.01)
        whole = time.perf_counter() - begin
        watch.stop()
        await watching
        return Figures(watch.worked, watch.waited, resident_mb() - before, whole)


def load_as_the_app_does() -> None:
    """Have in memory what the app has when a run works; the collector has all of it to look through."""
    for name in ("engine.engine", "engine.llm.choose", "openai", "sqlalchemy.ext.asyncio", "docker"):
        importlib.import_module(name)
    gc.freeze()


def run() -> tuple[Figures, Figures]:
    """Figures of Miracle's test pane and of Textual's own log."""
    load_as_the_app_does()
    pane = TestPane()
    pane.view = "log"
    own = asyncio.run(measure(pane, pane.output, lambda: pane.output_log.line_count))
    log = Log()
    plain = asyncio.run(measure(log, log.write, lambda: log.line_count))
    return own, plain


def main() -> int:
    """Print the figures; 1 when a bound is broken."""
    own, plain = run()
    print(f"{LINES:,} lines into the test pane, beside Textual's Log:")
    print(
        f"  longest block  {own.longest_block_s * 1000:7.1f} ms   bound {BLOCK_BOUND_S * 1000:.0f} ms"
        f"   Log {plain.longest_block_s * 1000:.1f} ms   ratio {own.longest_block_s / plain.longest_block_s:.2f}"
    )
    waits = f"{own.longest_wait_s * 1000:7.1f} ms   Log {plain.longest_wait_s * 1000:.1f} ms"
    print(f"  by the clock   {waits}   ratio {own.longest_wait_s / plain.longest_wait_s:.2f}")
    print(f"  memory         {own.memory_mb:7.1f} MB   bound {MEMORY_BOUND_MB:.0f} MB   Log {plain.memory_mb:.1f} MB")
    print(
        f"  whole          {own.whole_s:7.2f} s    Log {plain.whole_s:.2f} s   ratio {own.whole_s / plain.whole_s:.2f}"
    )
    return int(own.longest_block_s > BLOCK_BOUND_S or own.memory_mb > MEMORY_BOUND_MB)


if __name__ == "__main__":
    raise SystemExit(main())
