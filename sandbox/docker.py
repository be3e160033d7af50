"""The Docker backend: a new container for every execution, confined by every flag there is."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandbox.canary import Findings
from sandbox.disk_watch import watch_disk
from sandbox.docker_connection import HINT, EngineTrouble, connect, engine_address, translated
from sandbox.docker_container import Container
from sandbox.docker_copies import WorkspaceCopy, fetched
from sandbox.docker_engine import ARCHITECTURE_REMEDY, COPIED_REMEDY, SHARED_REMEDY, Engine, unshared
from sandbox.docker_options import container_options
from sandbox.docker_owner import OWNER, abandoned
from sandbox.docker_volumes import NotThere, collect_volumes, fill, whole
from sandbox.docker_watch import watch_remote_disk
from sandbox.ending import Ending, Endings
from sandbox.environments import prepare_environment
from sandbox.environments_kept import environment_names
from sandbox.errors import EnvironmentFailed, TooMuch
from sandbox.execution import events_until_end
from sandbox.identity import reachable, running_identity
from sandbox.probing import probe_backend
from sandbox.protocol import Capabilities, Env, EnvSpec, ExecEvent, ExecSpec, Exited, Output, Started

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
        self._connecting: asyncio.Task[Any] | None = None
        self._running = Endings()
        self._removals: set[asyncio.Task[None]] = set()
        self._capabilities: Capabilities | None = None
        self._python: tuple[int, int] | None = None
        self._engine = Engine()
        self._filled: set[str] = set()
        """Environments that an engine elsewhere was seen to have."""

    async def probe(self) -> Capabilities:
        """Try it out: once a process, then from memory."""
        if self._capabilities is None:
            capabilities = await self._probe()
            if not capabilities.usable:
                return capabilities
            self._capabilities = capabilities
        return self._capabilities

    async def prepare(self, spec: EnvSpec) -> Env:
        """The tool environment for the image's interpreters, also on an engine that does not see this machine's files.

        Raises:
            EnvironmentFailed: it cannot be made.
            EngineTrouble: it cannot be copied to the engine.
        """
        await self.probe()
        if spec.language == "python" and self._python is None:
            raise EnvironmentFailed(f"The image {self._images['python']} has no Python.", BUILD_HINT)
        env = await prepare_environment(spec, self._environments, self._cache, self._python)
        if self._engine.copies and env.fingerprint not in self._filled:
            await asyncio.to_thread(fill, await self._connected(), env, self._images[spec.language])
            self._filled.add(env.fingerprint)
        return env

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
        """Remove the containers of processes that are gone, and say how many there were.

        Volumes on an engine elsewhere go as well: of those processes, and of environments that are not here any more.
        """
        client = await self._connected()
        reaped = await asyncio.to_thread(_reap, client)
        await self.collect()
        return reaped

    async def collect(self) -> int:
        """Remove volumes of environments that are not on this machine any more, and say how many there were."""
        kept = await asyncio.to_thread(environment_names, self._environments)
        return await asyncio.to_thread(collect_volumes, await self._connected(), kept)

    async def close(self) -> None:
        """Stop what still runs, wait for the last removals, leave the engine."""
        self._running.cancel_all()
        while self._removals:
            await asyncio.gather(*self._removals)
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            await asyncio.wait([connecting])
            if connecting.exception() is None:
                await asyncio.to_thread(connecting.result().close)

    async def _probe(self) -> Capabilities:
        try:
            client = await self._connected()
            images = await asyncio.to_thread(_find_images, client, sorted(set(self._images.values())))
            self._engine = Engine.of(await asyncio.to_thread(translated, client.info), engine_address())
        except EngineTrouble as exc:
            return Capabilities(self.name, usable=False, detail=str(exc), remedy=exc.hint or HINT)
        except OSError as exc:
            return Capabilities(self.name, usable=False, detail=f"The engine went away: {exc}", remedy=HINT)
        missing = [name for name, found in images.items() if not found]
        if missing:
            detail = f"Docker {self._engine.version}, but no image {', '.join(missing)}"
            return Capabilities(self.name, usable=False, detail=detail, remedy=BUILD_HINT)
        findings, trouble = await self._try(images)
        if not self._engine.copies and unshared(trouble):
            self._engine = replace(self._engine, copies=True)
            findings, trouble = await self._try(images)
        if stranger := self._engine.stranger:
            detail = f"{self._engine.place}; {stranger}"
            return Capabilities(self.name, usable=False, detail=detail, remedy=ARCHITECTURE_REMEDY)
        if findings is None or trouble:
            remedy = COPIED_REMEDY if self._engine.copies else SHARED_REMEDY
            detail = f"{self._engine.place}: {trouble}"
            return Capabilities(self.name, usable=False, detail=detail, remedy=remedy)
        self._python = findings.python
        python = f"Python {findings.python[0]}.{findings.python[1]}" if findings.python else "no Python"
        node = f"Node.js {findings.node.removeprefix('v')}" if findings.node else "no Node.js"
        engine = self._engine
        detail = f"{engine.place}, {python}, {node}"
        return Capabilities(self.name, True, engine.enforced, engine.best_effort, detail, missing=engine.missing)

    async def _try(self, images: dict[str, str]) -> tuple[Findings | None, str]:
        """Run the canary on the engine as it is taken to be: what it found, and what is wrong, if anything is."""
        taken = "copies" if self._engine.copies else "shares"
        identity = (self.name, self._engine.address, taken, str(self._environments), *images.values())
        findings, trouble = await probe_backend(self, self._environments, identity)
        return findings, "; ".join(findings.trouble) if findings else trouble or "the self-test did not run"

    async def _run(self, spec: ExecSpec) -> AsyncGenerator[ExecEvent, None]:
        ending = self._running.begin(spec.run_id)
        try:
            yield Started(self.name)
            began = time.monotonic()
            if not self._engine.copies and not reachable(spec.workspace, write=spec.writable):
                detail = f"The sandbox's user ({running_identity()[0]}) cannot reach or write {spec.workspace}."
                yield Exited("backend_lost", None, 0.0, detail)
                return
            try:
                started = await self._start(spec)
            except TooMuch as exc:
                yield Exited("disk", None, time.monotonic() - began, exc.title)
                return
            except EngineTrouble as exc:
                yield Exited("backend_lost", None, time.monotonic() - began, str(exc))
                return
            container = started.container
            ending.bind(container.shutdown)
            watchdog = asyncio.create_task(started.watch(ending)) if spec.writable else None
            try:
                async for event in events_until_end(container.read, container.finished, spec, ending):
                    yield event
                reason, code, detail = await container.outcome(ending)
                took = time.monotonic() - began
                if started.copy is not None and reason != "backend_lost" and ending.reason != "disk":
                    lost, note = await fetched(started.copy, container)
                    reason, detail = lost or reason, note if lost else detail
                    if note and not lost:
                        yield Output(f"\n[not brought back from the engine's machine: {note}]\n")
            finally:
                container.shutdown()
                self._remove_later(_leave(container, watchdog))
            yield Exited(reason, code, took, detail)
        finally:
            self._running.over(spec.run_id)

    async def _start(self, spec: ExecSpec) -> "_Started":
        """Start a container, with copies of the files where the engine does not see them."""
        client, engine = await self._connected(), self._engine
        image = self._images[spec.env.spec.language]
        options = await asyncio.to_thread(container_options, spec, image, engine)
        if not engine.copies:
            container = await Container.start(client, options, spec.nonce)
            return _Started(container, lambda ending: watch_disk(spec.workspace, spec.limits, ending))
        copy = WorkspaceCopy(client, spec, engine)

        def before(created: Any) -> None:
            if not whole(client, created, spec.env):
                raise NotThere
            copy.send(created)

        try:
            container = await Container.start(client, options, spec.nonce, before)
        except NotThere:
            await asyncio.to_thread(fill, client, spec.env, image)
            container = await Container.start(client, options, spec.nonce, before)
        return _Started(
            container, lambda ending: watch_remote_disk(client, container, spec, image, engine, ending), copy
        )

    def _remove_later(self, removal: Coroutine[Any, Any, None]) -> None:
        """Take the container away while the caller goes on; `close` waits for it."""
        task = asyncio.create_task(removal)
        self._removals.add(task)
        task.add_done_callback(self._removals.discard)

    async def _connected(self) -> Any:
        """The client, which all share: whoever is cancelled while it is made leaves it to the others."""
        if self._connecting is None or (self._connecting.done() and self._connecting.exception()):
            self._connecting = asyncio.create_task(asyncio.to_thread(connect, CLIENT_TIMEOUT_S))
        return await asyncio.shield(self._connecting)


@dataclass(frozen=True)
class _Started:
    """A container that runs, what watches the disk that it writes to, and the copy that it works on, if it does."""

    container: Container
    watch: Callable[[Ending], Coroutine[Any, Any, None]]
    copy: WorkspaceCopy | None = None


async def _leave(container: Container, watchdog: "asyncio.Task[None] | None") -> None:
    """End the watch, whose container holds the workspace's volume, and take the container with its volume away."""
    if watchdog is not None:
        watchdog.cancel()
        await asyncio.wait([watchdog])
    await container.remove()


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
