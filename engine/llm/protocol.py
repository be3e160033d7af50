"""The seam between the loop and a model server."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from engine.llm.errors import ModelError


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class ToolCall(_Value):
    """A function call as the model wrote it: `arguments` is raw text that may not even be JSON."""

    id: str
    name: str
    arguments: str


class Message(_Value):
    """One message of a conversation in the Chat Completions sense."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


MOST_TOKENS = 10**12
"""Of one call: what a server says beyond that, or below nothing, is no count."""
Tokens = Annotated[int, Field(ge=0, le=MOST_TOKENS)]


class Usage(_Value):
    """Tokens of one call; `estimated` when the server did not say."""

    input_tokens: Tokens = 0
    output_tokens: Tokens = 0
    cached_tokens: Tokens = 0
    estimated: bool = False


class Answer(_Value):
    """A model's whole answer."""

    model: str
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"
    refusal: str = ""
    usage: Usage = Usage()
    cost_usd: float | None = None
    """None when the price is unknown."""
    duration_s: float = 0.0


@dataclass(frozen=True)
class ToolSchema:
    """A function that the model may call; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class ModelRequest:
    """One call. The attribution goes out as X-Miracle-* headers."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...] = ()
    run_id: str = ""
    role: str = ""
    phase: str = ""
    iteration: int = 0
    visit: int = 1
    """Which session of this role in this phase the call belongs to, counted from 1."""
    extra: dict[str, Any] = field(default_factory=dict)


OnDelta = Callable[[str], None]
"""Called with each piece of text as it streams in."""


OnRetry = Callable[[ModelError, float, int], None]
"""Called before a wait with the error, the seconds to wait, and the number of the attempt that failed.

What streamed in during that attempt is void: the next one starts from the beginning.
"""


class ModelClient(Protocol):
    """A model server. `complete` raises a `ModelError` after its own retries."""

    label: str
    """Shown on screen: the server's host, or `scripted: NAME`, `replay: FILE`."""
    scripted: bool
    """True for everything that is no real model; the screen says so."""

    async def complete(
        self, request: ModelRequest, on_delta: OnDelta | None = None, on_retry: OnRetry | None = None
    ) -> Answer: ...
    def worst_case_usd(self, request: ModelRequest) -> float | None: ...
    def window_tokens(self, model: str) -> int: ...
    async def close(self) -> None: ...
