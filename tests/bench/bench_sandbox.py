"""What a sandbox costs: a warm test run against the same one unconfined, a kill at the timeout, a flood, a scan.

Other work on the machine only ever makes a round longer, so the shortest one of many says what a run costs by itself.

Run it with `make bench`, or `python -P -m tests.bench.bench_sandbox`.
"""

import asyncio
import os
import resource
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
ROUNDS = 15
NO_ENV = Env(EnvSpec("python"), "none", None)
CODE = "def more(n):\n    if n < 0:\n        return 0\n    return n + 1\n"
MEASURED = {"work.py": frozenset({1, 2, 3, 4})}
TESTS = "from work import more\n\n" + "".join(
    f"def test_{n}():\n    assert more({n}) == {n + 1}\n\n" for n in range(20)
)
FLOOD = "import os\nx = b'x' * 79 + b'\\n'\nfor _ in range(2**30 // (80 * 800)): os.write(1, x * 800)"


async def timed_tests(backend: Backend, workspace: Path, *, measured: bool) -> float:
    """Seconds of one green test run, its changed lines measured or not."""
    lines = MEASURED if measured else {}
    began = time.perf_counter()
    request = TestRequest("bench", workspace, "python", "pytest", measured=lines)
    report = await run_tests(backend, request, lambda _: None)
    taken = time.perf_counter() - began
    assert report.green, report
    assert (report.coverage is not None) == measured
    return taken


async def overheads(workspace: Path) -> dict[str, float]:
    """What is compared to the seconds that it adds: the shortest of rounds in which each takes its turn."""
    paths = sandbox_paths()
    plain: Backend = UnsafeLocal(paths.environments, paths.cache)
    backends = {"plain": plain, **{name: make_backend(name) for name in OVERHEAD_S}}
    usable = {name: one for name, one in backends.items() if (await one.probe()).usable}
    ways = [(name, measured) for name in usable for measured in (False, True) if name != "plain" or not measured]
    taken: dict[tuple[str, bool], list[float]] = {way: [] for way in ways}
    for turn in range(ROUNDS + 1):
        for name, measured in ways:
            seconds = await timed_tests(usable[name], workspace, measured=measured)
            if turn:
                taken[name, measured].append(seconds)
    for backend in backends.values():
        await backend.close()
    base = min(taken.pop(("plain", False)))
    print(f"20 tests unconfined: {base * 1000:.0f} ms")
    return {f"{name}{', with coverage' * measured}": min(all_s) - base for (name, measured), all_s in taken.items()}


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
    (workspace / "work.py").write_text(CODE)
    for name, seconds in (await overheads(workspace)).items():
        print(verdict(f"{name}: added to a warm test run", seconds, OVERHEAD_S[name.split(",")[0]]))
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
