"""What calls cost, from the offline table of `genai-prices` and from `openai.yaml`."""

from config.openai import OpenAI, Price
from engine.llm.connection import DEFAULT_BASE_URL
from engine.llm.protocol import ModelRequest, Usage
from engine.llm.tokens import TokenCounter

_MILLION = 1_000_000


class PriceList:
    """Prices by model; None wherever a model's price is unknown."""

    def __init__(self, settings: OpenAI, base_url: str, tokens: TokenCounter) -> None:
        self._own: dict[str, Price] = settings.prices
        self._provider = settings.provider
        self._url = None if base_url.rstrip("/") == DEFAULT_BASE_URL.rstrip("/") else base_url
        self._max_tokens = settings.parameters.max_tokens
        self._tokens = tokens

    def cost_usd(self, model: str, usage: Usage) -> float | None:
        """Price of a call in USD.

        Args:
            model: The model's name as the server knows it.
            usage: Its tokens; `cached_tokens` are part of `input_tokens`.
        """
        own = self._own.get(model)
        if own is not None:
            return (usage.input_tokens * own.input + usage.output_tokens * own.output) / _MILLION
        return self._table_usd(model, usage)

    def worst_case_usd(self, request: ModelRequest) -> float | None:
        """The most that a call can cost: its prompt as counted, and as many tokens back as it allows."""
        limit = request.extra.get("max_tokens", self._max_tokens)
        usage = Usage(input_tokens=self._tokens.count_request(request), output_tokens=int(limit), estimated=True)
        return self.cost_usd(request.model, usage)

    def _table_usd(self, model: str, usage: Usage) -> float | None:
        from genai_prices import Usage as Tokens
        from genai_prices import calc_price

        tokens = Tokens(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=min(usage.cached_tokens, usage.input_tokens),
        )
        if self._url is not None:
            try:
                return float(calc_price(tokens, model, provider_api_url=self._url).total_price)
            except LookupError:
                pass  # An address that the table does not know may still serve a provider's models.
        try:
            return float(calc_price(tokens, model, provider_id=self._provider).total_price)
        except LookupError:
            return None
