"""One connection to an OpenAI-compatible server, shared by chat and embeddings."""

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from config.openai import Api, OpenAI
from engine.llm.errors import KeyMissing
from engine.llm.translate import KEY_HINT, Place

if TYPE_CHECKING:
    import openai

DEFAULT_BASE_URL: str = Api.model_fields["base_url"].default
_NO_KEY = "no-key"
_CONNECT_TIMEOUT_S = 10.0


class Connection:
    """Opens the client at the first call, because importing it takes most of a second."""

    def __init__(self, settings: OpenAI, base_url: str | None = None) -> None:
        self.settings = settings
        self.base_url = (base_url or settings.api.base_url).rstrip("/")
        self.is_default_server = self.base_url == DEFAULT_BASE_URL.rstrip("/")
        self.host = urlsplit(self.base_url).netloc.rpartition("@")[2] or self.base_url
        self._key = settings.api.key.get_secret_value().strip() if settings.api.key else ""
        self._client: openai.AsyncOpenAI | None = None
        self._opening = asyncio.Lock()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be written anywhere."""
        return (self._key,) if self._key else ()

    def place(self, model: str) -> Place:
        """What error messages say about a call to this server."""
        return Place(self.host, model, self.settings.api.timeout_seconds, self.secrets)

    async def client(self) -> "openai.AsyncOpenAI":
        """The open client.

        Raises:
            KeyMissing: No key is configured and the server is the default one, which always wants one.
        """
        if not self._key and self.is_default_server:
            raise KeyMissing("No API key is configured", KEY_HINT)
        async with self._opening:
            if self._client is None:
                # The import and the certificates take a tenth of a second and more.
                self._client = await asyncio.to_thread(self._open)
            return self._client

    async def close(self) -> None:
        """Close the connections; a later call opens them again."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _open(self) -> "openai.AsyncOpenAI":
        import openai

        timeout_s = self.settings.api.timeout_seconds
        loopback = urlsplit(self.base_url).hostname in ("localhost", "127.0.0.1", "::1")
        return openai.AsyncOpenAI(
            api_key=self._key or _NO_KEY,
            organization=self.settings.api.organization,
            base_url=self.base_url,
            max_retries=0,
            timeout=openai.Timeout(timeout_s, connect=min(_CONNECT_TIMEOUT_S, timeout_s)),
            # A proxy of the environment cannot reach this machine's own loopback.
            http_client=openai.DefaultAsyncHttpxClient(trust_env=False) if loopback else None,
        )
