"""The Docker backend: a new container for every execution, confined by every flag there is."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

from sandbox.disk_watch import watch_disk
from sandbox.docker_connection import HINT, EngineTrouble, connect
from sandbox.docker_container import Container
from sandbox.docker_engine import Engine, remedy_for
from sandbox.docker_owner import OWNER, abandoned
from sandbox.ending import Endings
from sandbox.environments import prepare_environment
from sandbox.errors import EnvironmentFailed
from sandbox.execution import events_until_end
from sandbox.identity import reachable, running_identity
from sandbox.probing import probe_backend
from sandbox.protocol import Capabilities, Env, EnvSpec, ExecEvent, ExecSpec, Exited, Started

CLIENT_TIMEOUT_S = 60
BUILD_HINT = "Build it: `miracle sandbox build`, or `miracle sandbox build --offline-base`."


class Docker:
    """Runs commands in Docker containers."""

    name = "docker"

    def __init__(self, environments: Path, cache: Path, images: dict[str, str]) -> None:
        """
        Args:
            environments: folder of the tool environments; the engine must see it under the same path.
            cache: the installer's private cache.
            images: language to image.
        """
        self._environments = environments
        self._cache = cache
        self._images = images
        self._client: Any = None
        self._connecting = asyncio.Lock()
        self._running = Endings()
        self._removals: set[asyncio.Task[None]] = set()
        self._capabilities: Capabilities | None = None
        self._python: tuple[int, int] | None = None
        self._engine = Engine()

    async def probe(self) -> Capabilities:
        """Try it out: once a process, then from memory."""
        if self._capabilities is None:
            capabilities = await self._probe()
            if not capabilities.usable:
                return capabilities
            self._capabilities = capabilities
        return self._capabilities

    async def prepare(self, spec: EnvSpec) -> Env:
        """The tool environment for the image's interpreters."""
        await self.probe()
        if spec.language == "python" and self._python is None:
            raise EnvironmentFailed(f"The image {self._images['python']} has no Python.", BUILD_HINT)
        return await prepare_environment(spec, self._environments, self._cache, self._python)

    async def image_id(self, language: str) -> str:
        """The id of the image that code of this language runs in.

        Raises:
            EngineTrouble: the engine does not answer.
        """
        name = self._images[language]
        return (await asyncio.to_thread(_find_images, await self._connected(), [name]))[name]

    def run(self, spec: ExecSpec) -> AsyncIterator[ExecEvent]:
        """Run a command; see `ExecSpec`."""
        return self._run(spec)

    async def cancel(self, run_id: str) -> None:
        """Stop an execution; nothing happens when it is over."""
        self._running.cancel(run_id)

    async def reap(self) -> int:
        """Remove the containers of processes that are gone, and say how many there were."""
        client = await self._connected()
        return await asyncio.to_thread(_reap, client)

    async def close(self) -> None:
        """Stop what still runs, wait for the last removals, leave the engine."""
        self._running.cancel_all()
        while self._removals:
            await asyncio.gather(*self._removals)
        if self._client is not None:
            await asyncio.to_thread(self._client.close)
            self._client = None

    async def _probe(self) -> Capabilities:
        try:
            client = await self._connected()
            images = await asyncio.to_thread(_find_images, client, sorted(set(self._images.values())))
            self._engine = Engine.of(await asyncio.to_thread(client.info))
            version = self._engine.version
        except EngineTrouble as exc:
            return Capabilities(self.name, usable=False, detail=str(exc), remedy=exc.hint or HINT)
        except OSError as exc:
            return Capabilities(self.name, usable=False, detail=f"The engine went away: {exc}", remedy=HINT)
        missing = [name for name, found in images.items() if not found]
        if missing:
            detail = f"Docker {version}, but no image {', '.join(missing)}"
            return Capabilities(self.name, usable=False, detail=detail, remedy=BUILD_HINT)
        identity = (self.name, str(client.api.base_url), str(self._environments), *images.values())
        findings, trouble = await probe_backend(self, self._environments, identity)
        if findings is None or findings.trouble:
            detail = f"Docker {version}: {'; '.join(findings.trouble) if findings else trouble}"
            return Capabilities(self.name, usable=False, detail=detail, remedy=remedy_for(detail, identity[1]))
        self._python = findings.python
        python = f"Python {findings.python[0]}.{findings.python[1]}" if findings.python else "no Python"
        node = f"Node.js {findings.node.removeprefix('v')}" if findings.node else "no Node.js"
        detail = f"Docker {version}{', rootless' if self._engine.rootless else ''}, {python}, {node}"
        return Capabilities(
            self.name, True, self._engine.enforced, self._engine.best_effort, detail, missing=self._engine.missing
        )

    async def _run(self, spec: ExecSpec) -> AsyncGenerator[ExecEvent, None]:
        ending = self._running.begin(spec.run_id)
        try:
            yield Started(self.name)
            began = time.monotonic()
            if not reachable(spec.workspace, write=spec.writable):
                detail = f"The sandbox's user ({running_identity()[0]}) cannot reach or write {spec.workspace}."
                yield Exited("backend_lost", None, 0.0, detail)
                return
            try:
                client = await self._connected()
                image = self._images[spec.env.spec.language]
                container = await Container.start(client, spec, image, rootless=self._engine.rootless)
            except EngineTrouble as exc:
                yield Exited("backend_lost", None, time.monotonic() - began, str(exc))
                return
            ending.bind(container.shutdown)
            watchdog = asyncio.create_task(watch_disk(spec.workspace, spec.limits, ending)) if spec.writable else None
            try:
                async for event in events_until_end(container.read, container.finished, spec, ending):
                    yield event
                reason, code, detail = await container.outcome(ending)
            finally:
                if watchdog is not None:
                    watchdog.cancel()
                container.shutdown()
                self._remove_later(container.remove())
            yield Exited(reason, code, time.monotonic() - began, detail)
        finally:
            self._running.over(spec.run_id)

    def _remove_later(self, removal: Coroutine[Any, Any, None]) -> None:
        """Take the container away while the caller goes on; `close` waits for it."""
        task = asyncio.create_task(removal)
        self._removals.add(task)
        task.add_done_callback(self._removals.discard)

    async def _connected(self) -> Any:
        async with self._connecting:
            if self._client is None:
                self._client = await asyncio.to_thread(connect, CLIENT_TIMEOUT_S)
            return self._client


def _find_images(client: Any, names: list[str]) -> dict[str, str]:
    """Image name to id; empty for one that the engine does not have."""
    from docker.errors import APIError, ImageNotFound

    found = {}
    for name in names:
        try:
            found[name] = str(client.images.get(name).id)
        except ImageNotFound:
            found[name] = ""
        except APIError as exc:
            raise EngineTrouble(f"The engine refuses to answer: {exc.explanation}") from exc
    return found


def _reap(client: Any) -> int:
    from docker.errors import APIError, NotFound

    reaped = 0
    try:
        for container in client.containers.list(all=True, filters={"label": OWNER}, ignore_removed=True):
            if abandoned(container.labels):
                container.remove(force=True, v=True)
                reaped += 1
    except NotFound:
        return reaped
    except APIError as exc:
        raise EngineTrouble(f"Abandoned containers cannot be removed: {exc.explanation}") from exc
    return reaped
