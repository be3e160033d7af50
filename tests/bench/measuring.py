"""What the measurements share: quantiles, the load of the machine, a folder of their own, a model server beside."""

import asyncio
import math
import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from engine.scripted.script import Script

ROOT = Path(__file__).parents[2]


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1 if share else 0)]


def spread(seconds: Sequence[float]) -> str:
    """Median, p95, p99 and maximum in milliseconds."""
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return "  ".join(f"{name} {quantile(seconds, share) * 1000:.1f}" for name, share in shares.items()) + " ms"


def load_now() -> str:
    """How busy the machine is: what else runs makes every figure worse."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def verdict(name: str, value_s: float, bound_s: float) -> str:
    """A figure beside its bound."""
    ratio = value_s / bound_s
    return f"{name}: {value_s * 1000:.1f} ms, bound {bound_s * 1000:.0f} ms, ratio {ratio:.2f}"


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder that is gone afterwards; other accounts may enter it, for the database is one of them."""
    folder = Path(tempfile.mkdtemp(prefix="miracle-bench-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def model_server(script: Script, folder: Path, *, words_per_second: float = 0) -> AsyncIterator[str]:
    """A scripted model server in a process of its own, so that it takes no turn of our loop: its address."""
    file = folder / f"{script.name}.yaml"
    file.write_text(script.model_dump_json(), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "engine.scripted.server", str(file), "--words-per-second", str(words_per_second),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        address = re.search(r"http://\S+", line)
        assert address, line
        yield address.group()
    finally:
        process.terminate()
        await process.communicate()
