"""What sandboxed code may not fill up: temporary space, the machine's disk, its table of files."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.protocol import Backend, Limits
from tests.abuse.cases import abuse
from tests.sandbox_fixtures import run_in

TEMPORARY = """
for place in ("/tmp/x", "/dev/shm/x"):
    try:
        with open(place, "wb") as file:
            while True: file.write(b"x" * 2**20)
    except OSError as exc:
        print(exc.strerror)
"""


@abuse("11", "Filling /tmp and /dev/shm", "ENOSPC")
async def test_11_temporary_space_ends(backend: Backend, sandbox_workspace: Path, seen: Callable[[str], None]) -> None:
    ended, output = await run_in(backend, sandbox_workspace, "python3", "-c", TEMPORARY)
    assert (ended.reason, output) == ("ok", "No space left on device\n" * 2)
    seen("ENOSPC")


@abuse("11", "One file without an end, and a sparse one of a terabyte", "SIGXFSZ, `disk`")
async def test_11_a_file_has_a_size_limit(
    backend: Backend, sandbox_workspace: Path, seen: Callable[[str], None]
) -> None:
    script = "truncate -s 1T sparse; ls sparse; exec dd if=/dev/zero of=big bs=1M seek=511 count=4"
    ended, output = await run_in(backend, sandbox_workspace, "sh", "-c", script)
    assert ended.reason == "disk", output
    assert all(path.stat().st_size <= 2**29 for path in sandbox_workspace.iterdir())
    seen("`disk`")


FILL = {
    "bytes": "for n in range(99):\n  with open(f'f{n}', 'wb') as f:\n    for _ in range(64): f.write(b'x' * 2**20)",
    "files": "n = 0\nwhile True:\n  n += 1\n  open(f'f{n}', 'w').close()",
}


@pytest.mark.parametrize("filled", FILL)
@abuse("11", "The machine’s disk filled by many files, or by many empty ones", "`disk`")
async def test_11_the_workspace_is_watched(
    backend: Backend, sandbox_workspace: Path, filled: str, seen: Callable[[str], None]
) -> None:
    limits = Limits(timeout_s=30, disk_bytes=2**27, files=2000)
    began = time.monotonic()
    ended, output = await run_in(
        backend, sandbox_workspace, "python3", "-c", FILL[filled] + "\nimport time; time.sleep(9)", limits=limits
    )
    assert ended.reason == "disk", (ended, output)
    assert time.monotonic() - began < 20
    seen("`disk`")


DEEP = "import os\nfor _ in range(60):\n  os.mkdir('d' * 200)\n  os.chdir('d' * 200)\n" + FILL["files"]


@abuse("A13", "Files hidden from the watch in folders that are nested too deep for any path", "`disk`")
async def test_what_cannot_be_measured_counts_as_too_much(
    backend: Backend, sandbox_workspace: Path, seen: Callable[[str], None]
) -> None:
    limits = Limits(timeout_s=30, files=2000)
    ended, output = await run_in(backend, sandbox_workspace, "python3", "-c", DEEP, limits=limits)
    assert ended.reason == "disk", (ended, output)
    assert "looked into" in ended.detail
    seen("`disk`")
