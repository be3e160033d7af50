"""Processes that a test kills at a point that it chose; import what you use.

from tests.doomed_fixtures import Doomed, doomed
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest


@dataclass(frozen=True)
class Doomed:
    """Starts what is in `tests.doomed`, and kills it."""

    orders: IO[str]
    told: IO[str]

    async def begin(self, *scene: str) -> None:
        """Start a scene with its arguments."""
        self.orders.write(json.dumps(scene) + "\n")
        self.orders.flush()

    async def reached(self, word: str) -> int:
        """Wait until it says so; its pid."""
        async with asyncio.timeout(30):
            said = (await asyncio.to_thread(self.told.readline)).split()
        assert said
        assert said[0] == word, said
        return int(said[1])

    async def kill_in(self, *scene: str) -> None:
        """Start a scene, and kill it where it stops."""
        await self.begin(*scene)
        pid = await self.reached("here")
        os.kill(pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            async with asyncio.timeout(30):
                while True:  # its files and locks are its own until it is gone
                    os.kill(pid, 0)
                    await asyncio.sleep(0.01)


@pytest.fixture(scope="session")
def doomed() -> Iterator[Doomed]:
    """One process that has imported everything, for all tests."""
    command = [sys.executable, "-m", "tests.doomed"]
    root = Path(__file__).parent.parent
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)
    assert started.stdin is not None
    assert started.stdout is not None
    with started:
        yield Doomed(started.stdin, started.stdout)
        with suppress(OSError):
            started.stdin.close()
