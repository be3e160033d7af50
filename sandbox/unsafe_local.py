"""No isolation at all: runs commands on this machine, only where a person asked for it with `--unsafe-local`."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

from sandbox.bubblewrap_arguments import variables, with_nonce
from sandbox.ending import Ending, Endings, reason_of
from sandbox.environments import prepare_environment
from sandbox.execution import events_until_end
from sandbox.identity import sandbox_identity
from sandbox.interpreters import find_interpreters
from sandbox.process_tree import watch_memory
from sandbox.protocol import Capabilities, Env, EnvSpec, ExecEvent, ExecSpec, Exited, Started

CHUNK = 64 * 1024
POLL_S = 0.02
GRACE_S = 0.3
"""Seconds for the last output of a process that is over while others hold its output open."""
MARK = "MIRACLE_EXECUTION"


class UnsafeLocal:
    """Runs commands unconfined, but for a timeout, an output limit and an environment without secrets."""

    name = "unsafe-local"

    def __init__(self, environments: Path, cache: Path) -> None:
        """
        Args:
            environments: folder of the tool environments.
            cache: the installer's private cache.
        """
        self._environments = environments
        self._cache = cache
        self._running = Endings()

    async def probe(self) -> Capabilities:
        """It always works, and is worth nothing."""
        detail = "NO ISOLATION: the code can read and change everything that you can."
        return Capabilities(
            self.name, True, ("time", "output"), ("memory of all processes together",), detail,
            missing=("network", "files of yours", "processes", "processor share", "disk space"),
        )  # fmt: skip

    async def prepare(self, spec: EnvSpec) -> Env:
        """The tool environment for this machine's interpreters."""
        python, _ = await find_interpreters()
        return await prepare_environment(spec, self._environments, self._cache, python.version)

    def run(self, spec: ExecSpec) -> AsyncIterator[ExecEvent]:
        """Run a command; see `ExecSpec`. The network is not off."""
        return self._run(spec)

    async def cancel(self, run_id: str) -> None:
        """Stop an execution; nothing happens when it is over."""
        self._running.cancel(run_id)

    async def reap(self) -> int:
        """Nothing is known of processes that an earlier Miracle left."""
        return 0

    async def close(self) -> None:
        """Stop what still runs."""
        self._running.cancel_all()

    async def _run(self, spec: ExecSpec) -> AsyncGenerator[ExecEvent, None]:
        ending = self._running.begin(spec.run_id)
        scratch = Path(tempfile.mkdtemp(prefix="miracle-"))
        mark = secrets.token_hex(16)
        try:
            yield Started(self.name)
            began = time.monotonic()
            try:
                process = await _start(spec, scratch, mark)
            except OSError as exc:
                detail = f"The command cannot be started: {exc}"
                yield Exited("backend_lost", None, time.monotonic() - began, detail)
                return
            ending.bind(lambda: _kill(process.pid, mark))
            try:
                async for event in _events(process, mark, spec, ending):
                    yield event
            finally:
                _kill(process.pid, mark)
                code = await _exit_code(process)
                getattr(process, "_transport").close()  # noqa: B009 - asyncio has no public way to drop the pipe
            yield Exited(ending.reason or reason_of(code), code, time.monotonic() - began, ending.detail)
        finally:
            self._running.over(spec.run_id)
            shutil.rmtree(scratch, ignore_errors=True)


async def _events(
    process: asyncio.subprocess.Process, mark: str, spec: ExecSpec, ending: Ending
) -> AsyncGenerator[ExecEvent, None]:
    """All between the start and the end, with the memory watched."""
    assert process.stdout is not None
    stdout = process.stdout
    watchers = [
        asyncio.create_task(watch_memory(process.pid, spec.limits.memory_bytes, ending)),
        asyncio.create_task(_release_after(process, mark, ending)),
    ]
    try:
        async for event in events_until_end(lambda: stdout.read(CHUNK), lambda: _exit_code(process), spec, ending):
            yield event
    finally:
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)


async def _start(spec: ExecSpec, scratch: Path, mark: str) -> asyncio.subprocess.Process:
    """Start the command with the sandbox's paths put into the machine's own."""
    python, node = await find_interpreters()
    programs = scratch / "bin"
    programs.mkdir()
    (scratch / "home").mkdir()
    for name, program in (("python", python), ("python3", python), ("node", node)):
        if program:
            (programs / name).symlink_to(program.executable)
    identity = sandbox_identity()
    if identity:
        for path in (scratch, programs, scratch / "home"):
            os.chown(path, *identity)
    places = {"/opt/tools": str(spec.env.root), "/workspace": str(spec.workspace), "/tmp": str(scratch)}

    def here(text: str) -> str:
        for inside, outside in places.items():
            if text == inside or f"{inside}/" in text or text.endswith(f"={inside}"):
                return text.replace(inside, outside)
        return text

    environment = {name: here(value) for name, value in with_nonce(spec, variables(spec, path="")).items()}
    environment |= {"PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin", MARK: mark}
    return await asyncio.create_subprocess_exec(
        *map(here, spec.argv), env=environment, cwd=spec.workspace, start_new_session=True,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        user=identity[0] if identity else None, group=identity[1] if identity else None,
        extra_groups=[] if identity else None,
    )  # fmt: skip


async def _release_after(process: asyncio.subprocess.Process, mark: str, ending: Ending) -> None:
    """Do not wait for the output of processes that outlive their starter: end them."""
    await _exit_code(process)
    _kill(process.pid, mark)
    await asyncio.sleep(GRACE_S)
    ending.release()


async def _exit_code(process: asyncio.subprocess.Process) -> int:
    """The exit status as soon as there is one: asyncio's own `wait` also waits for whoever holds the output open."""
    while process.returncode is None:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(POLL_S)
    return process.returncode


def _kill(group: int, mark: str) -> None:
    """Kill the process group, and every process that carries the mark in its environment."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    wanted = f"{MARK}={mark}".encode()
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError):
                    if wanted in Path(f"/proc/{name}/environ").read_bytes():
                        os.kill(int(name), signal.SIGKILL)
