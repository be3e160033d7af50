"""First paint of `miracle` in a 100x30 pseudo-terminal, against a Textual app with a single Static.

Run it by itself: `python -P tests/bench/bench_first_paint.py [ROUNDS]`. It prints the ratio of the medians; the bound
is 1.3.
"""

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from pathlib import Path

BOUND = 1.3
SIZE = struct.pack("HHHH", 30, 100, 0, 0)
STATIC_APP = """\
from textual.app import App, ComposeResult
from textual.widgets import Static


class Single(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("first paint")


Single().run()
"""


def first_paint_s(argv: Sequence[str], marker: bytes, environ: dict[str, str], folder: Path) -> float:
    """Seconds from the start of a program until its terminal was sent `marker`.

    Raises:
        TimeoutError: it did not come within 20 seconds.
    """
    begun = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, SIZE)
        os.chdir(folder)
        os.execve(argv[0], list(argv), environ)
    seen = b""
    try:
        while time.perf_counter() - begun < 20:
            if select.select([terminal], [], [], 0.5)[0]:
                seen += os.read(terminal, 65536)
                if marker in seen:
                    return time.perf_counter() - begun
        raise TimeoutError(f"{argv}: no first paint; it wrote {seen[-2000:]!r}")
    finally:
        # Its whole session, so that a database it began to start does not outlive the measurement.
        os.killpg(pid, signal.SIGTERM)
        time.sleep(0.05)
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def measure(rounds: int = 9) -> tuple[float, float]:
    """Median seconds to the first paint: of the single Static, of Miracle; the two take turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "single_static.py"
        script.write_text(STATIC_APP, encoding="utf-8")
        environ = {
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            "HOME": name,
            "MIRACLE_HOME": str(folder / "miracle"),
        }
        miracle = [sys.executable, "-P", "-m", "miracle_tui"]
        single = [sys.executable, "-P", str(script)]
        times: dict[str, list[float]] = {"single": [], "miracle": []}
        for turn in range(rounds + 1):
            for key, argv, marker in (("single", single, b"first paint"), ("miracle", miracle, b"REFLECTION")):
                seconds = first_paint_s(argv, marker, environ, folder)
                if turn:  # The first turn writes byte code and warms the disk's cache.
                    times[key].append(seconds)
        return statistics.median(times["single"]), statistics.median(times["miracle"])


def main() -> int:
    """Print the figures; 1 when the bound is crossed."""
    single, miracle = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
    ratio = miracle / single
    print(
        f"first paint: single Static {single * 1000:.0f} ms, miracle {miracle * 1000:.0f} ms, "
        f"ratio {ratio:.2f} (bound {BOUND})"
    )
    return int(ratio > BOUND)


if __name__ == "__main__":
    sys.exit(main())
