"""What a sandbox costs: a warm test run against the same one unconfined, a kill at the timeout, a flood, a scan.

Run it with `make bench`, or `python -P -m tests.bench.bench_sandbox`.
"""

import asyncio
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

from config.rules import LanguageRules, SafetyRules
from sandbox.identity import sandbox_identity
from sandbox.protocol import Backend, Env, EnvSpec, ExecSpec, Exited, Limits, Output
from sandbox.scan import scan, warm_scan
from sandbox.testing import TestRequest, run_tests
from sandbox.unsafe_local import UnsafeLocal
from tests.bench.measuring import load_now, verdict, workplace
from tests.sandbox_fixtures import cache_root, make_backend, sandbox_paths

OVERHEAD_S = {"bubblewrap": 0.100, "docker": 0.400}
KILL_S, SCAN_S, FLOOD_BYTES = 1.0, 1.5, 100 * 2**20
ROUNDS = 7
NO_ENV = Env(EnvSpec("python"), "none", None)
TESTS = "".join(f"def test_{n}():\n    assert {n} + 1 == {n + 1}\n\n" for n in range(20))
FLOOD = "import os\nx = b'x' * 79 + b'\\n'\nfor _ in range(2**30 // (80 * 800)): os.write(1, x * 800)"


async def timed_tests(backend: Backend, workspace: Path) -> float:
    """Seconds of one green test run."""
    began = time.perf_counter()
    report = await run_tests(backend, TestRequest("bench", workspace, "python", "pytest"), lambda _: None)
    assert report.green, report
    return time.perf_counter() - began


async def overheads(workspace: Path) -> dict[str, float]:
    """Backend to the seconds that it adds: medians of rounds in which each takes its turn."""
    paths = sandbox_paths()
    plain: Backend = UnsafeLocal(paths.environments, paths.cache)
    backends = {"plain": plain, **{name: make_backend(name) for name in OVERHEAD_S}}
    usable = {name: one for name, one in backends.items() if (await one.probe()).usable}
    taken: dict[str, list[float]] = {name: [] for name in usable}
    for turn in range(ROUNDS + 1):
        for name, backend in usable.items():
            seconds = await timed_tests(backend, workspace)
            if turn:
                taken[name].append(seconds)
    for backend in backends.values():
        await backend.close()
    base = statistics.median(taken["plain"])
    print(f"20 tests unconfined: {base * 1000:.0f} ms")
    return {name: statistics.median(taken[name]) - base for name in taken if name != "plain"}


async def kill_s(backend: Backend, workspace: Path) -> float:
    """Seconds between a timeout and the end of code that ignores every polite request."""
    script = "trap '' TERM; setsid sh -c 'trap \"\" TERM HUP; sleep 60' & sleep 60"
    began = time.perf_counter()
    spec = ExecSpec("kill", ("sh", "-c", script), workspace, NO_ENV, limits=Limits(timeout_s=1))
    ended = [event async for event in backend.run(spec) if isinstance(event, Exited)]
    assert ended[0].reason == "timeout"
    return time.perf_counter() - began - 1


async def flood_bytes(backend: Backend, workspace: Path) -> tuple[int, float]:
    """What a gigabyte of output adds to this process's memory, and its seconds."""
    before, began, size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter(), 0
    limits = Limits(timeout_s=120, output_bytes=2 * 2**30)
    async for event in backend.run(ExecSpec("flood", ("python3", "-c", FLOOD), workspace, NO_ENV, limits=limits)):
        size += len(event.text) if isinstance(event, Output) else 0
    assert size > 0.99 * 2**30, size
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, time.perf_counter() - began


async def scan_s(folder: Path) -> float:
    """Seconds for a warm scan of 50 files of 200 lines."""
    files = []
    for number in range(50):
        body = "".join(f"def f{line}(x: int) -> int:\n    return x + {line}\n\n" for line in range(66))
        (folder / f"m{number}.py").write_text(f"import os\n{body}")
        files.append(f"m{number}.py")
    await warm_scan()
    rules = SafetyRules(python=LanguageRules(blocked_functions=("exec", "eval")))
    began = time.perf_counter()
    await scan(folder, files, rules, "python")
    return time.perf_counter() - began


async def main() -> None:
    """Measure and print."""
    print(load_now())
    workspace = Path(tempfile.mkdtemp(prefix="bench-", dir=cache_root()))
    workspace.chmod(0o755)
    if identity := sandbox_identity():
        os.chown(workspace, *identity)
    (workspace / "test_bench.py").write_text(TESTS)
    for name, seconds in (await overheads(workspace)).items():
        print(verdict(f"{name}: added to a warm test run", seconds, OVERHEAD_S[name]))
    for name in OVERHEAD_S:
        backend = make_backend(name)
        if (await backend.probe()).usable:
            print(verdict(f"{name}: kill after the timeout", await kill_s(backend, workspace), KILL_S))
            grown, seconds = await flood_bytes(backend, workspace)
            ratio = grown / FLOOD_BYTES
            print(f"{name}: 1 GB of output: {grown / 2**20:.0f} MB, bound 100 MB, ratio {ratio:.2f}, {seconds:.1f} s")
        await backend.close()
    with workplace() as folder:
        print(verdict("scan of 50 files", await scan_s(folder), SCAN_S))


if __name__ == "__main__":
    asyncio.run(main())
