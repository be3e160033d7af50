"""Watches the disk of an engine's machine, from a container beside the one that writes there."""

import asyncio
import logging
from typing import Any

from sandbox.docker_connection import EngineTrouble, translated
from sandbox.docker_container import Container
from sandbox.docker_engine import Engine
from sandbox.docker_options import WORKSPACE, container_options, script
from sandbox.ending import Ending, to_its_end
from sandbox.protocol import Env, EnvSpec, ExecSpec, Limits

AFTER_S = 1.0
"""What ends sooner is not worth a second container; it can hardly fill a disk."""
LIMITS = Limits(memory_bytes=2**28, cpus=0.5, pids=32)
_logger = logging.getLogger(__name__)


async def watch_remote_disk(
    client: Any, container: Container, spec: ExecSpec, image: str, engine: Engine, ending: Ending
) -> None:
    """Stop an execution that fills the disk of the engine's machine.

    Args:
        client: of the engine.
        container: runs the execution.
        spec: its limits say how much it may write.
        image: has a shell, `du` and `stat`.
        engine: where it is.
        ending: is stopped with `disk`.
    """
    from docker.types import Mount

    await asyncio.sleep(AFTER_S)
    try:
        await asyncio.to_thread(translated, container.handle.reload)
        mounts = container.handle.attrs["Mounts"]
        (volume,) = (mount["Name"] for mount in mounts if mount["Destination"] == WORKSPACE)
        limits = (str(spec.limits.disk_bytes // 1024), str(spec.limits.files))
        watch = ("sh", "-c", script("watch_disk.sh"), "watch", *limits)
        own = ExecSpec(f"{spec.run_id}-disk", watch, spec.workspace, Env(EnvSpec("node"), "none", None), limits=LIMITS,
                       writable=False)  # fmt: skip
        options = container_options(own, image, engine)
        # Root, who may only read: it can look into every folder, and no number of processes of the code's user counts
        # against it.
        options |= {"user": "0:0", "cap_add": ["DAC_READ_SEARCH"]}
        options["ulimits"] = [limit for limit in options["ulimits"] if limit["Name"] != "nproc"]
        options["mounts"] = [Mount(WORKSPACE, volume, type="volume", read_only=True, no_copy=True)]
        watching = await Container.start(client, options, "")
    except (EngineTrouble, OSError, KeyError, ValueError) as exc:
        _logger.warning("the disk of the engine's machine is not watched: %s", exc)
        return
    try:
        if said := (await watching.read()).decode(errors="replace").strip():
            ending.stop("disk", said.splitlines()[0])
        else:
            _logger.warning("the watch over the disk of the engine's machine ended too soon")
    finally:
        watching.shutdown()
        # To its end, whoever cancels: the container that is removed next could not take their volume with it.
        await to_its_end(watching.remove())
