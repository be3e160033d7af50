"""Builds the sandbox's image: from the Dockerfile, whose bases the Docker engine pulls, or from Debian packages."""

import asyncio
import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.docker_connection import EngineTrouble, connect
from sandbox.errors import ImageFailed
from sandbox.images.offline_base import TAG, build_offline
from sandbox.images.status import accept_image

DOCKERFILE = Path(__file__).with_name("Dockerfile")
BUILD_S = 600
OFFLINE = "`miracle sandbox build --offline-base`"
_DEFAULT = re.compile(r"^ARG (PYTHON|NODE)=(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Bases:
    """Images to begin from, by name or by `name@sha256:...`; empty for those that the Dockerfile pins."""

    python: str = ""
    """Has `sh`, `find` and a Python 3."""
    node: str = ""
    """Has `/usr/local/bin/node`, which is all that is taken of it."""

    @property
    def arguments(self) -> dict[str, str]:
        """The Dockerfile's build arguments."""
        given = {"PYTHON": self.python, "NODE": self.node}
        pinned = dict(_DEFAULT.findall(DOCKERFILE.read_text("utf-8")))
        return pinned | {key: name for key, name in given.items() if name}


PINNED = Bases()


async def build_image(offline: bool, tag: str = TAG, bases: Bases = PINNED) -> str:
    """Build the sandbox's image.

    Args:
        offline: from the machine's package sources; otherwise from the Dockerfile, which pulls its bases.
        tag: name and tag of the image.
        bases: other bases for the Dockerfile.

    Returns:
        The image's id.

    Raises:
        ImageFailed: the image could not be built; its hint says what to do.
    """
    if offline:
        return await asyncio.to_thread(build_offline, tag)
    return await asyncio.to_thread(_build_from_bases, tag, bases.arguments)


def _build_from_bases(tag: str, arguments: dict[str, str]) -> str:
    from docker.errors import BuildError, DockerException

    try:
        with closing(connect(BUILD_S)) as client:
            try:
                # The engine pulls the bases; what runs in them needs no network.
                image, _ = client.images.build(
                    path=str(DOCKERFILE.parent), buildargs=arguments, network_mode="none", rm=True, forcerm=True
                )
            except BuildError as exc:
                # The log is still on its way: what is not read of it would keep its connection.
                raise _failed(client, arguments, str(exc.msg).strip(), list(exc.build_log)) from exc
            return accept_image(client, str(image.id), tag)
    except EngineTrouble as exc:
        raise ImageFailed(exc.title, exc.hint) from exc
    except DockerException as exc:
        raise ImageFailed(f"The image could not be built: {exc}", f"Try {OFFLINE}, which needs apt only.") from exc


def _failed(client: Any, arguments: dict[str, str], words: str, log: list[Any]) -> ImageFailed:
    """What went wrong: a base that is not there, or a step that fails in one that is."""
    for base in arguments.values():
        if not _is_there(client, base):
            return ImageFailed(
                f"The base image {base} could not be pulled: {words}",
                f"It is the engine that pulls, with its own proxy and login: try `docker pull {base}`. Or name a base "
                f"that you have (--python-base, --node-base), or build without any: {OFFLINE}.",
            )
    said = [text for step in log if (text := str(step.get("stream") or "").strip())]
    last = f" ({said[-1][-300:]})" if said else ""
    return ImageFailed(
        f"The image could not be built: {words}{last}",
        f"A base has to be a Debian with sh, find and Python 3. {OFFLINE} needs none, only apt.",
    )


def _is_there(client: Any, name: str) -> bool:
    from docker.errors import ImageNotFound

    try:
        client.images.get(name)
    except ImageNotFound:
        return False
    return True
