"""The way to a Docker engine: the one that DOCKER_HOST names, or the local one."""

import os
import socket
from typing import Any
from urllib.parse import urlsplit

from sandbox.errors import BackendLost

LOCAL = "unix:///var/run/docker.sock"
CONNECT_S = 2
REACH_S = 5
"""Seconds within which an engine on another machine has to take a connection."""
PORT = 2375
HINT = "Start Docker, or set DOCKER_HOST to a running engine."
NOT_ALLOWED_HINT = (
    "Join the group `docker` (sudo usermod -aG docker $USER) and log in again, or use a rootless Docker and name its "
    "socket in DOCKER_HOST."
)
SSH_HINT = (
    "Forward the engine's socket instead: `ssh -N -L /tmp/engine.sock:/var/run/docker.sock USER@HOST`, and "
    "DOCKER_HOST=unix:///tmp/engine.sock. Or use tcp:// with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH."
)
TLS_HINT = (
    "DOCKER_TLS_VERIFY=1 needs ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH, and an engine that has a certificate "
    "of that authority for its name; an engine without TLS needs DOCKER_TLS_VERIFY unset."
)


class EngineTrouble(BackendLost):
    """The Docker engine does not answer, or refuses."""


def connect(timeout_s: int) -> Any:
    """A client of the engine, which the caller closes.

    Args:
        timeout_s: seconds that a request may take.

    Raises:
        EngineTrouble: none answers, or there is no way to it.
    """
    from docker.errors import DockerException

    from sandbox.docker_client import Client

    address = engine_address()
    if address.startswith("unix://"):
        _knock(address.removeprefix("unix://"))
    elif address.startswith("ssh://"):
        raise EngineTrouble("Docker engines are not reached by ssh:// addresses.", SSH_HINT)
    elif address.startswith(("tcp://", "http://", "https://")):
        _knock_far(address)
    try:
        return Client(timeout_s)
    except (DockerException, OSError) as exc:
        if os.environ.get("DOCKER_TLS_VERIFY"):
            raise EngineTrouble(f"No Docker engine answers at {address} by TLS: {exc}", TLS_HINT) from exc
        raise EngineTrouble("No Docker engine answers.", HINT) from exc


def engine_address() -> str:
    """Where the engine is, as DOCKER_HOST names it."""
    return os.environ.get("DOCKER_HOST") or LOCAL


def translated(call: Any, *arguments: Any, **options: Any) -> Any:
    """Call the SDK and turn whatever it raises into `EngineTrouble`."""
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    try:
        return call(*arguments, **options)
    except APIError as exc:
        raise EngineTrouble(str(exc.explanation or exc)) from exc
    except (DockerException, RequestException, OSError) as exc:
        raise EngineTrouble(f"The Docker engine does not answer: {exc}") from exc


def _knock_far(address: str) -> None:
    place = urlsplit(address)
    try:
        far = socket.create_connection((place.hostname or "", place.port or PORT), REACH_S)
    except (OSError, ValueError) as exc:
        raise EngineTrouble(f"No Docker engine answers at {address}: {exc}.", HINT) from exc
    far.close()


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
