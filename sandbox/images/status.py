"""Which images the sandbox has: digest, size, age, and whether they hold to what an image must."""

import io
import stat
import tarfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.docker_connection import HINT, EngineTrouble, connect
from sandbox.errors import ImageFailed

OURS = "miracle.image=sandbox"
"""The label that every image of the sandbox carries."""


@dataclass(frozen=True)
class ImageStatus:
    """An image of the sandbox."""

    tag: str
    there: bool
    digest: str = ""
    bytes: int = 0
    created: datetime | None = None
    user: str = ""

    @property
    def unprivileged(self) -> bool:
        """Whether it runs as somebody else than root when nobody says otherwise."""
        return self.user.split(":")[0] not in ("", "0", "root")


def image_statuses(tags: Iterable[str]) -> list[ImageStatus]:
    """The images of these names, each once.

    Raises:
        ImageFailed: no Docker engine answers.
    """
    from docker.errors import DockerException

    try:
        with closing(connect(30)) as client:
            return [_status(client, tag) for tag in dict.fromkeys(tags)]
    except EngineTrouble as exc:
        raise ImageFailed(exc.title, exc.hint) from exc
    except DockerException as exc:
        raise ImageFailed(f"The Docker engine refuses: {exc}", HINT) from exc


def accept_image(client: Any, image: str, tag: str) -> str:
    """Give a new image its name, unless it holds a file that runs as its owner; what it replaces goes.

    A build that is killed before this leaves the name where it was, and an image without one, which the next build
    removes.

    Args:
        client: of the engine.
        image: its id.
        tag: its name.

    Returns:
        The image's id.

    Raises:
        ImageFailed: it is refused, and removed.
    """
    if found := setuid_files(client, image):
        client.images.remove(image, force=True)
        raise ImageFailed(
            f"The image is refused: {len(found)} files in it run as their owner (setuid), such as {found[0]}",
            "Take the bit away where the base comes from, then build it again.",
        )
    name, _, version = tag.rpartition(":") if ":" in tag.rpartition("/")[2] else (tag, ":", "latest")
    client.images.get(image).tag(name, version)
    client.images.prune(filters={"dangling": True, "label": OURS})
    return image


def setuid_files(client: Any, image: str) -> list[str]:
    """The files of an image that run as their owner or group; a sandbox's image has none. Reads the whole image."""
    container = client.containers.create(image, ["true"], network_mode="none")
    try:
        return _privileged(container.export())
    finally:
        container.remove(force=True, v=True)


def _status(client: Any, tag: str) -> ImageStatus:
    from docker.errors import ImageNotFound

    try:
        image = client.images.get(tag)
    except ImageNotFound:
        return ImageStatus(tag, there=False)
    made = str(image.attrs.get("Created", "")).split(".")[0].rstrip("Z")
    try:
        created = datetime.fromisoformat(made).replace(tzinfo=UTC)
    except ValueError:
        created = None
    user = str(image.attrs.get("Config", {}).get("User", ""))
    return ImageStatus(tag, True, str(image.id), int(image.attrs.get("Size", 0)), created, user)


def _privileged(chunks: Iterable[bytes]) -> list[str]:
    with tarfile.open(fileobj=_Stream(chunks), mode="r|") as archive:
        return [f"/{entry.name}" for entry in archive if entry.isfile() and entry.mode & (stat.S_ISUID | stat.S_ISGID)]


class _Stream(io.RawIOBase):
    """Chunks as a file that is read once."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._left) < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            self._left += chunk
        cut = len(self._left) if size < 0 else size
        taken, self._left = self._left[:cut], self._left[cut:]
        return taken
