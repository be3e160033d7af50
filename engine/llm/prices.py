"""What calls cost, from the offline table of `genai-prices` and from `openai.yaml`."""

import re

from config.openai import OpenAI, Price
from engine.llm.connection import DEFAULT_BASE_URL
from engine.llm.protocol import ModelRequest, Usage
from engine.llm.tokens import TokenCounter, request_texts

_MILLION = 1_000_000
_OWN_TOKENISER = re.compile(r"(openai/)?(gpt-|chatgpt-|o\d)")
_FRAMING = 1.05
"""What servers add to a counted prompt: roles, separators, the form in which functions are written down."""
_PER_TEXT = 16
"""The same in tokens a message, where only bytes are counted."""


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
        """The most that a call can cost: as many tokens as its prompt can be, and as many back as it allows.

        Nothing counts as cached, and thinking is within what it allows.
        """
        limit = request.extra.get("max_tokens", self._max_tokens)
        usage = Usage(input_tokens=self._most_tokens(request), output_tokens=int(limit), estimated=True)
        return self.cost_usd(request.model, usage)

    def _most_tokens(self, request: ModelRequest) -> int:
        """Tokens that the prompt takes at most.

        No tokeniser makes more tokens than there are bytes. That is four times what most prompts take, so OpenAI's own
        models, whose tokeniser is known, are counted where its table is at hand.
        """
        if _OWN_TOKENISER.match(request.model) and (exact := self._tokens.count_exactly(request)) is not None:
            return int(exact * _FRAMING) + 1
        return sum(len(text.encode("utf-8", "replace")) + _PER_TEXT for text in request_texts(request))

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
