"""What models can read and answer with in one call, from `openai.yaml` and the offline table of `genai-prices`."""

from config.openai import OpenAI
from engine.llm.connection import DEFAULT_BASE_URL


class Windows:
    """Context windows by model."""

    def __init__(self, settings: OpenAI, base_url: str) -> None:
        self._most = settings.context.max_tokens
        self._own = settings.context.windows
        self._provider = settings.provider
        self._url = None if base_url.rstrip("/") == DEFAULT_BASE_URL.rstrip("/") else base_url
        self._known: dict[str, int] = {}

    def tokens(self, model: str) -> int:
        """Tokens of a request and its answer together: what the model can take, at most what the settings allow.

        A model that nothing is known of is taken to read as much as the settings allow; when its server calls a request
        too long, the next one is shorter.
        """
        if model not in self._known:
            own = self._own.get(model) or self._table_tokens(model)
            self._known[model] = min(own, self._most) if own else self._most
        return self._known[model]

    def _table_tokens(self, model: str) -> int | None:
        from genai_prices.data_snapshot import get_snapshot

        snapshot = get_snapshot()
        for provider, url in ((None, self._url), (self._provider, None)):
            if provider is None and url is None:
                continue
            try:
                return snapshot.find_provider_model(model, None, provider, url)[1].context_window
            except LookupError:
                continue  # An address that the table does not know may still serve a provider's models.
        return None
