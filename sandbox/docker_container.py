"""One container from creation to removal; what the SDK raises is translated here, once."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from sandbox.docker_connection import EngineTrouble, translated
from sandbox.docker_stream import AttachedStream
from sandbox.ending import Ending, reason_of, to_its_end
from sandbox.report import Reason

WAIT_S = 10
"""Seconds after which a wait for the engine is begun anew, or given up where the container was killed."""


class Container:
    """A running container with its attached stream."""

    def __init__(self, container: Any, stream: AttachedStream) -> None:
        self._container = container
        self._stream = stream
        self._code: int | None = None

    @classmethod
    async def start(
        cls, client: Any, options: dict[str, Any], nonce: str, before: Callable[[Any], None] | None = None
    ) -> "Container":
        """Create, attach, start: in this order, so that nothing of the output is missed.

        Whoever is cancelled meanwhile leaves nothing on the engine.

        Args:
            client: of the engine.
            options: as of `container_options`.
            nonce: secret of the reports.
            before: called off the event loop with the created container, before it runs.

        Raises:
            EngineTrouble: the engine refuses or is gone.
        """
        starting = asyncio.create_task(asyncio.to_thread(_start, client, options, nonce, before))
        try:
            return cls(*await asyncio.shield(starting))
        except asyncio.CancelledError:
            # A thread does not end with the task that waits for it: what it makes would be nobody's.
            await to_its_end(_take_away(starting))
            raise

    @property
    def handle(self) -> Any:
        """The SDK's container."""
        return self._container

    async def read(self) -> bytes:
        """The next piece of output."""
        return await self._stream.read()

    async def finished(self) -> None:
        """Wait for the container's end, however long after the end of its output; an engine that is gone is one."""
        while self._code is None:
            try:
                result = await asyncio.to_thread(translated, self._container.wait, timeout=WAIT_S)
            except EngineTrouble as exc:
                if "timed out" not in str(exc):
                    return
            else:
                self._code = int(result["StatusCode"])

    def shutdown(self) -> None:
        """Let go of the stream; the guard in the container kills all at once."""
        self._stream.shutdown()

    async def outcome(self, ending: Ending) -> tuple[Reason, int | None, str]:
        """Reason, exit status and detail: the end of the stream is no success before the engine told the status."""
        if ending.reason:
            return ending.reason, await self._kill(), ending.detail
        code = self._code
        if code is None:
            return "backend_lost", None, "The Docker engine went away; nothing is known of how the command ended."
        if code != 0:
            with contextlib.suppress(EngineTrouble):
                await asyncio.to_thread(translated, self._container.reload)
        state = self._container.attrs.get("State", {})
        if code != 0 and state.get("OOMKilled"):
            return "oom", code, "The container ran out of memory."
        return reason_of(code), code, str(state.get("Error", ""))

    async def remove(self) -> None:
        """Take the container away, whatever it still does."""
        self._stream.close()
        with contextlib.suppress(EngineTrouble):
            await asyncio.to_thread(translated, self._container.remove, force=True, v=True)

    async def _kill(self) -> int | None:
        """Kill, and wait until nothing of it is left."""
        self._stream.close()
        try:
            with contextlib.suppress(EngineTrouble):
                await asyncio.to_thread(translated, self._container.kill)
            return int((await asyncio.to_thread(translated, self._container.wait, timeout=WAIT_S))["StatusCode"])
        except EngineTrouble:
            return None


def _start(
    client: Any, options: dict[str, Any], nonce: str, before: Callable[[Any], None] | None
) -> tuple[Any, AttachedStream]:
    container = translated(client.containers.create, **options)
    stream = None
    try:
        attach = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        stream = AttachedStream(translated(client.api.attach_socket, container.id, attach))
        if before is not None:
            before(container)
        translated(container.start)
        translated(stream.send, nonce)
    except BaseException:
        if stream is not None:
            stream.close()
        with contextlib.suppress(EngineTrouble):
            translated(container.remove, force=True, v=True)
        raise
    return container, stream


async def _take_away(starting: "asyncio.Task[tuple[Any, AttachedStream]]") -> None:
    """Remove what is still being started, once it is there."""
    await asyncio.wait([starting])
    if starting.exception() is None:
        await Container(*starting.result()).remove()
