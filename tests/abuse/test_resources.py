"""What sandboxed code may not use up: time, output, memory, processes."""

import asyncio
import os
import resource
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.protocol import Backend, ExecSpec, Exited, LimitHit, Limits, Output
from tests.abuse.cases import abuse
from tests.sandbox_fixtures import NO_ENV, run_in


def running(marker: str) -> list[int]:
    """Processes on this machine with a marker in their arguments."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                arguments = Path(f"/proc/{name}/cmdline").read_bytes()
            except OSError:
                continue
            if marker.encode() in arguments:
                found.append(int(name))
    return found


@abuse("7", "A child that ignores TERM and calls setsid, at the timeout", "`timeout`, no survivor")
async def test_7_a_timeout_leaves_no_survivor(backend: Backend, sandbox_workspace: Path) -> None:
    marker = f"987{secrets.randbelow(10**6)}"
    script = f"trap '' TERM; setsid sh -c 'trap \"\" TERM HUP; sleep {marker}' & sleep {marker}"
    began = time.monotonic()
    ended, _ = await run_in(backend, sandbox_workspace, "sh", "-c", script, limits=Limits(timeout_s=1))
    assert ended.reason == "timeout"
    assert ended.exit_code != 0
    assert time.monotonic() - began < 10, "it was waited for"
    assert running(marker) == []


@abuse("7", "A daemon left behind by a command that ends well", "gone with its command")
async def test_7_a_daemon_does_not_outlive_its_command(backend: Backend, sandbox_workspace: Path) -> None:
    marker = f"986{secrets.randbelow(10**6)}"
    script = f"setsid sleep {marker} >/dev/null 2>&1 & echo started"
    ended, output = await run_in(backend, sandbox_workspace, "sh", "-c", script)
    assert (ended.reason, output) == ("ok", "started\n")
    assert running(marker) == []


FLOODS = {
    "lines": "import sys\nwhile True: sys.stdout.write('x' * 79 + chr(10))",
    "one line": "import os\nwhile True: os.write(1, b'x' * 65536)",
}


@abuse("8", "Endless output, in lines and without a line end", "`output_limit`; the host holds under 100 MB")
@pytest.mark.parametrize("flood", FLOODS)
async def test_8_output_is_cut_off(backend: Backend, sandbox_workspace: Path, flood: str) -> None:
    limit = 16 * 2**20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    events, size, hit = 0, 0, False
    spec = ExecSpec(
        "flood", ("python3", "-c", FLOODS[flood]), sandbox_workspace, NO_ENV,
        limits=Limits(timeout_s=60, output_bytes=limit), nonce="n",
    )  # fmt: skip
    ended = None
    async for event in backend.run(spec):
        if isinstance(event, Output):
            events, size = events + 1, size + len(event.text)
        hit = hit or event == LimitHit("output_limit")
        ended = event if isinstance(event, Exited) else ended
    assert ended is not None
    assert ended.reason == "output_limit"
    assert hit
    assert 0 < size <= limit
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 * 1024, f"{grown} kB"


SEVERAL = """
import os, sys, time
for _ in range(4):
    if not os.fork():
        held = b"x" * 2**26
        time.sleep(30)
        os._exit(0)
sys.exit(any(os.wait()[1] for _ in range(4)))
"""


@abuse("9", "Memory taken by one process and by several", "killed or denied")
async def test_9_memory_is_limited(backend: Backend, sandbox_workspace: Path) -> None:
    limits = Limits(timeout_s=60, memory_bytes=128 * 2**20)
    ended, _ = await run_in(backend, sandbox_workspace, "python3", "-c", "x = b'x' * 2**29", limits=limits)
    assert ended.reason in ("failed", "oom")
    ended, _ = await run_in(backend, sandbox_workspace, "python3", "-c", SEVERAL, limits=limits)
    assert ended.reason in ("failed", "oom")
    assert ended.duration_s < 20


MEMORY = {
    "shared mapping": "import mmap\nm = mmap.mmap(-1, 2**30)\nfor i in range(0, 2**30, 4096): m[i] = 1",
    "memfd": "import os\nf = os.memfd_create('x')\nwhile True: os.write(f, b'x' * 2**20)",
    "shm": "import ctypes\nl = ctypes.CDLL(None)\nl.shmat.restype = ctypes.c_void_p\n"
    "n = l.shmget(0, 2**29, 0o1600)\np = l.shmat(n, None, 0)\nctypes.memset(p, 1, 2**29)",
}


@pytest.mark.parametrize("kind", MEMORY)
@abuse("9", "Memory that no process holds alone: a shared mapping, memfd, System V segments", "killed or denied")
async def test_9_shared_memory_is_limited(
    backend: Backend, sandbox_workspace: Path, kind: str, seen: Callable[[str], None]
) -> None:
    limits = Limits(timeout_s=20, memory_bytes=128 * 2**20)
    ended, _ = await run_in(backend, sandbox_workspace, "python3", "-c", MEMORY[kind], limits=limits)
    assert ended.reason in ("failed", "oom")
    seen("killed or denied")


IDLE = """
import os, time
made = 0
for _ in range(254):
    if not os.fork():
        time.sleep(1)
        os._exit(0)
    made += 1
while made:
    assert os.wait()[1] == 0
    made -= 1
print("all")
"""


@abuse("12", "254 idle children of one process", "no false memory kill")
async def test_12_idle_processes_are_not_taken_for_a_memory_bomb(
    backend: Backend, sandbox_workspace: Path, seen: Callable[[str], None]
) -> None:
    limits = Limits(timeout_s=30, memory_bytes=256 * 2**20, pids=300)
    ended, output = await run_in(backend, sandbox_workspace, "python3", "-c", IDLE, limits=limits)
    assert (ended.reason, output) == ("ok", "all\n"), ended
    seen("all ended well")


@abuse("10", "A fork bomb", "contained, and cleaned up")
async def test_10_a_fork_bomb_is_contained(backend: Backend, sandbox_workspace: Path) -> None:
    bomb = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"
    limits = Limits(timeout_s=2, pids=64)
    began = time.monotonic()
    ended, _ = await run_in(backend, sandbox_workspace, "python3", "-c", bomb, limits=limits)
    assert ended.reason == "timeout"
    assert time.monotonic() - began < 7


@pytest.mark.parametrize("delay", [0, 1])
async def test_a_cancelled_execution_ends_at_once(backend: Backend, sandbox_workspace: Path, delay: float) -> None:
    spec = ExecSpec("stop-me", ("sleep", "60"), sandbox_workspace, NO_ENV)
    began = time.monotonic()
    events = []
    async for event in backend.run(spec):
        events.append(event)
        if len(events) == 1:
            asyncio.get_running_loop().call_later(delay, lambda: asyncio.ensure_future(backend.cancel("stop-me")))
    assert isinstance(events[-1], Exited)
    assert events[-1].reason == "cancelled"
    assert time.monotonic() - began < 5


@abuse("15", "Miracle stops reading while output comes", "killed at once")
async def test_15_an_abandoned_stream_stops_the_execution(backend: Backend, sandbox_workspace: Path) -> None:
    marker = f"985{secrets.randbelow(10**6)}"
    spec = ExecSpec("leave", ("sh", "-c", f"sleep {marker} & while :; do echo x; done"), sandbox_workspace, NO_ENV)
    stream = backend.run(spec)
    async for event in stream:
        if isinstance(event, Output):
            break
    began = time.monotonic()
    await stream.aclose()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 5, "it was waited for"
    await backend.close()
    assert running(marker) == []
