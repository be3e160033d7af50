"""Which backend a run gets: what a person configured, else the strongest that works, else none."""

import asyncio
import os

from config.paths import Paths
from config.settings import Sandbox
from sandbox.bubblewrap import Bubblewrap
from sandbox.docker import Docker
from sandbox.errors import NoBackend
from sandbox.protocol import Backend, Capabilities, Limits
from sandbox.unsafe_local import UnsafeLocal

UNITS = {"k": 2**10, "m": 2**20, "g": 2**30}


async def choose_backend(settings: Sandbox, paths: Paths, *, unsafe_local: bool = False) -> Backend:
    """The backend for a run, tried out.

    A configured backend is never replaced by another. The caller closes what it gets.

    Args:
        settings: which backend, which images.
        paths: where environments and caches are kept.
        unsafe_local: a person asked for no isolation at all.

    Raises:
        NoBackend: none works; its hint is the next step.
    """
    if unsafe_local:
        return UnsafeLocal(paths.environments, paths.cache)
    refused: list[Capabilities] = []
    for backend in _candidates(settings, paths):
        capabilities = await backend.probe()
        if capabilities.usable:
            return backend
        await backend.close()
        refused.append(capabilities)
    reasons = "; ".join(f"{found.name}: {found.detail or 'not installed'}" for found in refused)
    if len(refused) == 1:
        raise NoBackend(f"The configured sandbox does not work: {reasons}.", refused[0].remedy)
    hint = "\n".join(f"{found.name}: {found.remedy}" for found in refused if found.remedy)
    raise NoBackend(
        f"No sandbox works on this machine ({reasons}).",
        f"{hint}\nOr run without any isolation, at your own risk: --unsafe-local.",
    )


async def probe_all(settings: Sandbox, paths: Paths) -> list[Capabilities]:
    """Try every backend out, for `miracle doctor`."""
    everything = _candidates(settings.model_copy(update={"backend": "auto"}), paths)
    try:
        return list(await asyncio.gather(*(backend.probe() for backend in everything)))
    finally:
        for backend in everything:
            await backend.close()


def limits_of(settings: Sandbox) -> Limits:
    """The limits of one execution, as configured."""
    memory = settings.memory_limit
    return Limits(
        timeout_s=settings.timeout_seconds,
        output_bytes=settings.output_limit_mb * 2**20,
        memory_bytes=int(memory.rstrip("kmg")) * UNITS.get(memory[-1], 1),
        cpus=min(settings.cpu_limit, float(os.cpu_count() or 1)),
    )


def _candidates(settings: Sandbox, paths: Paths) -> list[Backend]:
    images = {"python": settings.image_python, "node": settings.image_node}
    docker = Docker(paths.environments, paths.cache, images)
    bubblewrap = Bubblewrap(paths.environments, paths.cache)
    if settings.backend == "auto":
        return [docker, bubblewrap]
    return [docker] if settings.backend == "docker" else [bubblewrap]
