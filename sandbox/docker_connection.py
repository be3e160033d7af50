"""The way to a Docker engine: the one that DOCKER_HOST names, or the local one."""

import os
import socket
from typing import Any

from sandbox.errors import BackendLost

LOCAL = "unix:///var/run/docker.sock"
CONNECT_S = 2
HINT = "Start Docker, or set DOCKER_HOST to a running engine."
NOT_ALLOWED_HINT = (
    "Join the group `docker` (sudo usermod -aG docker $USER) and log in again, or use a rootless Docker and name its "
    "socket in DOCKER_HOST."
)


class EngineTrouble(BackendLost):
    """The Docker engine does not answer, or refuses."""


def connect(timeout_s: int) -> Any:
    """A client of the engine, which the caller closes.

    Args:
        timeout_s: seconds that a request may take.

    Raises:
        EngineTrouble: none answers.
    """
    import docker
    from docker.errors import DockerException

    address = os.environ.get("DOCKER_HOST") or LOCAL
    if address.startswith("unix://"):
        _knock(address.removeprefix("unix://"))
    try:
        return docker.from_env(timeout=timeout_s)
    except DockerException as exc:
        raise EngineTrouble("No Docker engine answers.", HINT) from exc


def _knock(path: str) -> None:
    """Try the socket first: the SDK leaves one open for every refused connection."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
        knocking.settimeout(CONNECT_S)
        try:
            knocking.connect(path)
        except PermissionError as exc:
            raise EngineTrouble(f"The Docker engine's socket {path} is not for this user.", NOT_ALLOWED_HINT) from exc
        except OSError as exc:
            raise EngineTrouble(f"No Docker engine answers: {exc.strerror or exc}.", HINT) from exc
