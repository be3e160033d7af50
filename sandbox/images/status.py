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


def setuid_files(tag: str) -> list[str]:
    """The files of an image that run as their owner; a sandbox's image has none. Reads the whole image.

    Raises:
        ImageFailed: no engine answers, or it has no such image.
    """
    from docker.errors import DockerException

    try:
        with closing(connect(300)) as client:
            container = client.containers.create(tag, ["true"], network_mode="none")
            try:
                return _privileged(container.export())
            finally:
                container.remove(force=True, v=True)
    except EngineTrouble as exc:
        raise ImageFailed(exc.title, exc.hint) from exc
    except DockerException as exc:
        raise ImageFailed(f"The image {tag} cannot be read: {exc}", "Build it: `miracle sandbox build`.") from exc


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
