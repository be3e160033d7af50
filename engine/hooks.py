"""Runs a person's own command on their machine: with a time limit, its output kept in bounds, and no secret in reach.

A hook comes from the person's own configuration, never from a project, a log or a model; it is no part of the sandbox.
"""

import asyncio
import os
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from config.secrets import SECRET_NAME, redact
from engine.hook_events import HookEnd
from sandbox.tether import Tether

KEPT = 8_000
"""Bytes that are kept of the beginning of the output, and as many of its end."""
GRACE_S = 1.0
"""Seconds from the request to end to the end, and for output that is still on its way."""


@dataclass(frozen=True)
class HookRun:
    """How a hook went."""

    end: HookEnd
    exit_code: int | None
    output: str
    duration_s: float


def hook_environment(environ: Mapping[str, str], secrets: Iterable[str], told: Mapping[str, str]) -> dict[str, str]:
    """The person's environment without secrets, and with what the hook is told.

    Args:
        environ: the process environment.
        secrets: values known to be secret.
        told: variables that say what the hook runs for.
    """
    known = tuple(secrets)
    kept = {
        name: value
        for name, value in environ.items()
        if not SECRET_NAME.search(name) and redact(value, known) == value and not name.startswith("MIRACLE_")
    }
    return kept | dict(told)


async def run_hook(command: str, folder: Path, environ: Mapping[str, str], timeout_s: float) -> HookRun:
    """Run a command line as the person.

    Its process group is killed at the time limit, when this is cancelled, and when this process is gone.
    """
    with Tether() as tether:
        hook = await _run_tied(command, folder, environ, timeout_s, tether)
        # What a hook leaves in the background on purpose is the person's own.
        tether.let_go()
    return hook


async def _run_tied(
    command: str, folder: Path, environ: Mapping[str, str], timeout_s: float, tether: Tether
) -> HookRun:
    began = time.monotonic()
    reading, writing = os.pipe()
    output = _Output(reading)
    try:
        process = await asyncio.create_subprocess_exec(
            *tether.argv(("/bin/sh", "-c", command)),
            cwd=folder, env=dict(environ), stdin=tether.stdin, stdout=writing, stderr=writing, start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        os.close(writing)
        output.close()
        return HookRun("not_started", None, str(error), time.monotonic() - began)
    os.close(writing)
    end: HookEnd = "failed"
    try:
        try:
            await asyncio.wait_for(process.wait(), timeout_s)
        except TimeoutError:
            end = "timeout"
            _signal(process.pid, signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), GRACE_S)
    finally:
        if process.returncode is None or end == "timeout":
            _signal(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())
        if not asyncio.current_task().cancelling():  # type: ignore[union-attr]
            await output.ended(GRACE_S)
        output.close()
    if end != "timeout":
        end = "ok" if process.returncode == 0 else "failed"
    return HookRun(end, process.returncode, output.text(), time.monotonic() - began)


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


class _Output:
    """The head and the tail of what comes through a pipe; the rest is read and let go."""

    def __init__(self, reading: int) -> None:
        self._reading = reading
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0
        self._ended = asyncio.Event()
        os.set_blocking(reading, False)
        asyncio.get_running_loop().add_reader(reading, self._read)

    def _read(self) -> None:
        try:
            chunk = os.read(self._reading, 65_536)
        except BlockingIOError:
            return
        if not chunk:
            asyncio.get_running_loop().remove_reader(self._reading)
            self._ended.set()
            return
        room = KEPT - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:] if room < len(chunk) else b""
        over = max(len(self._tail) - KEPT, 0)
        self._left_out += over
        del self._tail[:over]

    async def ended(self, within_s: float) -> None:
        """Wait for the end; a process that the hook left in the background may hold the pipe open."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), within_s)

    def close(self) -> None:
        """Let go of the pipe."""
        asyncio.get_running_loop().remove_reader(self._reading)
        os.close(self._reading)

    def text(self) -> str:
        """What is kept, with a note of what is not."""
        note = f"\n[{self._left_out:,} bytes left out]\n".encode() if self._left_out else b""
        return bytes(self._head + note + self._tail).decode("utf-8", "replace")
