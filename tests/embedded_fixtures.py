"""An embedded server of one's own.

from tests.embedded_fixtures import server  # noqa: F401
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from memory.embedded import EmbeddedServer
from memory.postmaster import running_pid


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """A server on a long path with blanks and letters of other scripts, not started yet."""
    server = EmbeddedServer(tmp_path / "Application Support" / ("long " * 30).strip() / "it's dätä 数据", durable=False)
    yield server
    await server.stop()
    await until(lambda: running_pid(server.home) is None)


async def until(condition: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)
