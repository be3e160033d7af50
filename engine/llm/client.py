"""The model client: Chat Completions with tools, streamed, from any OpenAI-compatible server."""

import asyncio
import time
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from config.openai import OpenAI
from engine.llm.connection import Connection
from engine.llm.errors import ModelError, RequestRejected
from engine.llm.prices import PriceList
from engine.llm.protocol import Answer, ModelRequest, OnDelta, OnRetry, Usage
from engine.llm.retry import with_retries
from engine.llm.stream import AnswerAssembler
from engine.llm.tokens import TokenCounter
from engine.llm.translate import stream_cut, translated
from engine.llm.windows import Windows
from engine.llm.wire import replacement_for, wire_headers, wire_messages, wire_parameters, wire_tools

if TYPE_CHECKING:
    from openai import AsyncStream
    from openai.types.chat import ChatCompletionChunk


class OpenAIModel:
    """A `ModelClient` over `openai`.

    Args:
        settings: `openai.yaml`.
        base_url: Overrides the configured server.
        only_model: Serves every request, whatever model it names.
        label: Shown on screen; the server's host by default.
        scripted: Whether the server is no real model.
    """

    def __init__(
        self,
        settings: OpenAI,
        *,
        base_url: str | None = None,
        only_model: str | None = None,
        label: str = "",
        scripted: bool = False,
    ) -> None:
        self._settings = settings
        self.connection = Connection(settings, base_url)
        self.label = label or self.connection.host
        self.scripted = scripted
        self._only_model = only_model
        self._tokens = TokenCounter()
        self._prices = PriceList(settings, self.connection.base_url, self._tokens)
        self._windows = Windows(settings, self.connection.base_url)
        self._dropped: defaultdict[str, dict[str, str]] = defaultdict(dict)

    async def complete(
        self, request: ModelRequest, on_delta: OnDelta | None = None, on_retry: OnRetry | None = None
    ) -> Answer:
        """Ask the model and wait for its whole answer.

        Args:
            request: What is asked.
            on_delta: Called with each piece of text as it arrives.
            on_retry: Called before each wait; pieces of the failed attempt are void then.

        Returns:
            The answer as it came: it may be empty, refused or cut by its token limit, and its calls may be malformed.

        Raises:
            ModelError: The call failed for good, or its attempts are used up.
        """
        request = self._addressed(request)
        return await with_retries(lambda: self._attempt(request, on_delta), self._settings.retry, on_retry)

    def worst_case_usd(self, request: ModelRequest) -> float | None:
        """The most that the call can cost in USD; None when the model's price is unknown."""
        return self._prices.worst_case_usd(self._addressed(request))

    def window_tokens(self, model: str) -> int:
        """Tokens of a request and its answer together that the model is given."""
        return self._windows.tokens(self._only_model or model)

    async def warm(self) -> None:
        """Load the libraries and tables that the first call would otherwise wait for."""
        await asyncio.to_thread(self._load)

    async def close(self) -> None:
        """Close the connections."""
        await self.connection.close()

    def _addressed(self, request: ModelRequest) -> ModelRequest:
        return replace(request, model=self._only_model) if self._only_model else request

    def _load(self) -> None:
        import openai  # noqa: F401

        self._tokens.load()
        self._prices.cost_usd("gpt-5.1", Usage())

    async def _attempt(self, request: ModelRequest, on_delta: OnDelta | None) -> Answer:
        """One attempt; parameters that the model does not support are left out from then on."""
        while True:
            try:
                return await self._call(request, on_delta)
            except RequestRejected as error:
                dropped = self._dropped[request.model]
                if not error.parameter or error.parameter in dropped:
                    raise
                dropped[error.parameter] = replacement_for(error.parameter)

    async def _call(self, request: ModelRequest, on_delta: OnDelta | None) -> Answer:
        started = time.monotonic()
        stream = await self._open_stream(request)
        assembler = AnswerAssembler(on_delta)
        failure = await self._consume(stream, assembler, request.model)
        if failure is not None and not assembler.finish_reason:
            raise failure from failure.__cause__
        place = self.connection.place(request.model)
        if not assembler.finish_reason:
            raise stream_cut(place, "it ended without a finish reason")
        usage = assembler.usage or self._estimated_usage(request, assembler)
        return Answer(
            model=assembler.model or request.model,
            text=assembler.text,
            tool_calls=assembler.tool_calls,
            finish_reason=assembler.finish_reason,
            refusal=assembler.refusal,
            usage=usage,
            cost_usd=await asyncio.to_thread(self._prices.cost_usd, request.model, usage),
            duration_s=time.monotonic() - started,
        )

    async def _open_stream(self, request: ModelRequest) -> "AsyncStream[ChatCompletionChunk]":
        client = await self.connection.client()
        import openai

        body: dict[str, Any] = wire_parameters(
            self._settings.parameters,
            request,
            default_server=self.connection.is_default_server,
            dropped=self._dropped[request.model],
        )
        if request.tools:
            body["tools"] = wire_tools(request)
        body |= {name: value for name, value in request.extra.items() if name != "max_tokens"}
        try:
            stream = await client.chat.completions.create(
                model=request.model,
                messages=cast(Any, wire_messages(request.messages)),
                stream=True,
                extra_headers=wire_headers(request),
                extra_body=body,
            )
        except openai.APIError as error:
            raise self._translated(error, request.model) from error
        return stream

    async def _consume(
        self, stream: "AsyncStream[ChatCompletionChunk]", assembler: AnswerAssembler, model: str
    ) -> ModelError | None:
        """Read to the stream's end; a failure is returned, because an answer that was already complete still counts."""
        import openai

        try:
            async with stream:
                async for chunk in stream:
                    assembler.add(chunk)
        except (openai.APIError, ValueError) as error:
            failure = self._translated(error, model, streaming=True)
            failure.__cause__ = error
            return failure
        return None

    def _translated(self, error: Exception, model: str, *, streaming: bool = False) -> ModelError:
        failure = translated(error, self.connection.place(model), streaming=streaming)
        if failure is None:
            raise error
        return failure

    def _estimated_usage(self, request: ModelRequest, assembler: AnswerAssembler) -> Usage:
        written = assembler.text + "".join(call.name + call.arguments for call in assembler.tool_calls)
        return Usage(
            input_tokens=self._tokens.count_request(request),
            output_tokens=self._tokens.count(written, request.model),
            estimated=True,
        )
