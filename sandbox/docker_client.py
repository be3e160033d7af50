"""The SDK's client, which holds to the certificates that it was given; `docker_connection` imports it late."""

from collections.abc import MutableMapping
from typing import Any

import docker
from docker.utils import kwargs_from_env


class _Api(docker.APIClient):
    def merge_environment_settings(
        self,
        url: str | bytes | None,
        proxies: MutableMapping[str, str] | None,
        stream: bool | None,
        verify: Any,
        cert: Any,
    ) -> Any:
        # Else REQUESTS_CA_BUNDLE would stand in the place of the authority that DOCKER_CERT_PATH names.
        chosen = self.verify if verify is None else verify
        return super().merge_environment_settings(url, proxies, stream, chosen, cert)


class Client(docker.DockerClient):
    """A client of the engine that the environment names."""

    def __init__(self, timeout_s: int) -> None:
        self.api = _Api(timeout=timeout_s, **kwargs_from_env())
