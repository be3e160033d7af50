"""Environments as volumes, on an engine that does not see this machine's files: filled once, then only read."""

import io
import os
import tarfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from sandbox.docker_connection import EngineTrouble, translated
from sandbox.docker_owner import MACHINE, OWNER, abandoned, machine, owner_labels
from sandbox.errors import TooMuch
from sandbox.protocol import Env
from sandbox.workspace_archive import Owner, pack

TOOLS, MODULES = "/opt/tools", "node_modules"
ENVIRONMENT = "miracle.environment"
"""Label of a volume: the environment's name, which has the fingerprint of all that is in it."""
COMPLETE = ".complete"
"""The last file that is put into a volume: without it a copy was cut short."""
FILL_S = 300
"""Seconds that another process may take to fill a volume that this one waits for."""
MAX_BYTES, MAX_FILES = 8 * 2**30, 400_000


class NotThere(Exception):
    """An environment has to be copied to the engine first."""


@dataclass(frozen=True)
class EnvironmentVolume:
    """A volume, the folder whose copy it is, and where containers have it."""

    name: str
    environment: str
    source: Path
    targets: tuple[str, ...]
    leave: tuple[str, ...] = ()
    """Folders at the top that are another volume's."""

    def labels(self) -> dict[str, str]:
        """What tells whose it is; the same whoever makes it here."""
        return {ENVIRONMENT: self.environment, MACHINE: machine()}


def volumes_of(env: Env) -> list[EnvironmentVolume]:
    """The volumes of an environment. Packages of npm are wanted at two places, and a volume is only mounted whole."""
    if env.root is None:
        return []
    name = env.root.name
    modules = env.root / MODULES
    if not modules.is_dir():
        return [EnvironmentVolume(f"miracle-{name}", name, env.root, (TOOLS,))]
    return [
        EnvironmentVolume(f"miracle-{name}", name, env.root, (TOOLS,), (MODULES,)),
        EnvironmentVolume(f"miracle-{name}-modules", name, modules, (f"{TOOLS}/{MODULES}", f"/{MODULES}")),
    ]


def whole(client: Any, container: Any, env: Env) -> bool:
    """Whether the volumes that a created container has hold all that they should; nobody can remove them meanwhile."""
    return all(_there(client, container, f"{volume.targets[0]}/{COMPLETE}") for volume in volumes_of(env))


def fill(client: Any, env: Env, image: str) -> None:
    """Copy an environment into its volumes, or wait for whoever does.

    Raises:
        EngineTrouble: the engine refuses or is gone.
    """
    for volume in volumes_of(env):
        carrier = _carrier(client, volume, image)
        try:
            if not _there(client, carrier, f"{TOOLS}/{COMPLETE}"):
                _send(client, carrier, volume)
        finally:
            with suppress(EngineTrouble):
                translated(carrier.remove, force=True)


def collect_volumes(client: Any, kept: set[str]) -> int:
    """Remove volumes that this machine made and that nobody needs, and workspaces whose container is gone.

    Args:
        client: of the engine.
        kept: names of the environments that are still on this machine.

    Returns:
        How many were removed.
    """
    removed = 0
    for volume in translated(client.volumes.list, filters={"label": MACHINE}):
        labels: Mapping[str, str] = volume.attrs.get("Labels") or {}
        if labels.get(MACHINE) != machine():
            continue
        name = labels.get(ENVIRONMENT)
        due = name not in kept if name else OWNER in labels and abandoned(labels)
        if due:
            with suppress(EngineTrouble):
                translated(volume.remove)
                removed += 1
    return removed


def _carrier(client: Any, volume: EnvironmentVolume, image: str) -> Any:
    """A container that never runs, by whose name the engine itself lets one process after the other fill a volume."""
    from docker.errors import APIError
    from docker.types import Mount

    name = f"{volume.name}-filling"
    mount = Mount(TOOLS, volume.name, type="volume", no_copy=True, labels=volume.labels())
    deadline = time.monotonic() + FILL_S
    while True:
        try:
            return client.containers.create(
                image, ["true"], name=name, mounts=[mount], network_mode="none", labels=owner_labels(os.getpid(), name)
            )
        except APIError as exc:
            if exc.status_code != 409:
                raise EngineTrouble(str(exc.explanation or exc)) from exc
        except OSError as exc:
            raise EngineTrouble(f"The Docker engine does not answer: {exc}") from exc
        if time.monotonic() > deadline:
            raise EngineTrouble(f"Another Miracle has been copying {volume.environment} to the engine for too long.")
        _clear(client, name)
        time.sleep(0.2)


def _clear(client: Any, name: str) -> None:
    """Take away a carrier whose owner is dead."""
    with suppress(EngineTrouble):
        there = translated(client.containers.get, name)
        if abandoned(there.labels):
            translated(there.remove, force=True)


def _send(client: Any, carrier: Any, volume: EnvironmentVolume) -> None:
    with TemporaryFile() as archive:
        try:
            pack(
                volume.source, archive, Owner(0, 0, sealed=True), max_bytes=MAX_BYTES, max_files=MAX_FILES,
                leave=volume.leave,
            )  # fmt: skip
        except (TooMuch, OSError) as exc:
            raise EngineTrouble(f"The environment {volume.environment} cannot be copied: {exc}") from exc
        archive.seek(0)
        translated(carrier.put_archive, TOOLS, archive)
    translated(carrier.put_archive, TOOLS, _marker())


def _marker() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(COMPLETE))
    return made.getvalue()


def _there(client: Any, container: Any, path: str) -> bool:
    """Whether a container has a file, asked of the engine without running anything."""
    api = client.api
    url = f"{api.base_url}/v{api.api_version}/containers/{container.id}/archive"
    return bool(translated(api.head, url, params={"path": path}, timeout=api.timeout).status_code == 200)
