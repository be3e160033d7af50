"""Puts a streamed answer together."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.llm.protocol import MOST_TOKENS, OnDelta, ToolCall, Usage

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk
    from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall


@dataclass
class _Fragments:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class AnswerAssembler:
    """Takes the chunks of one answer; what it holds is complete once `finish_reason` is set."""

    def __init__(self, on_delta: OnDelta | None) -> None:
        self._on_delta = on_delta
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._calls: dict[int, _Fragments] = {}
        self._usage: Usage | None = None
        self.finish_reason = ""
        self.model = ""

    @property
    def text(self) -> str:
        return "".join(self._text)

    @property
    def refusal(self) -> str:
        return "".join(self._refusal)

    @property
    def usage(self) -> Usage | None:
        """None when the server did not say."""
        return self._usage

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(
            ToolCall(id=call.id or f"call_{index}", name=call.name, arguments="".join(call.arguments))
            for index, call in sorted(self._calls.items())
        )

    def add(self, chunk: "ChatCompletionChunk") -> None:
        """Take one chunk. Servers leave fields out that the schema calls required, so each is looked for."""
        self.model = getattr(chunk, "model", None) or self.model
        self._add_usage(getattr(chunk, "usage", None))
        for choice in getattr(chunk, "choices", None) or ():
            delta = getattr(choice, "delta", None)
            content = getattr(delta, "content", None)
            if isinstance(content, str) and content:
                self._text.append(content)
                if self._on_delta is not None:
                    self._on_delta(content)
            refusal = getattr(delta, "refusal", None)
            if isinstance(refusal, str):
                self._refusal.append(refusal)
            for fragment in getattr(delta, "tool_calls", None) or ():
                self._add_fragment(fragment)
            self.finish_reason = getattr(choice, "finish_reason", None) or self.finish_reason

    def _add_fragment(self, fragment: "ChoiceDeltaToolCall") -> None:
        index: int | None = getattr(fragment, "index", None)
        identity = getattr(fragment, "id", None) or ""
        if index is None:
            # Some servers send whole calls without an index: a new id begins a new call.
            index = next((at for at, call in self._calls.items() if identity and call.id == identity), len(self._calls))
            if not identity and self._calls:
                index = len(self._calls) - 1
        call = self._calls.setdefault(index, _Fragments())
        call.id = call.id or identity
        function = getattr(fragment, "function", None)
        call.name += getattr(function, "name", None) or ""
        call.arguments.append(getattr(function, "arguments", None) or "")

    def _add_usage(self, usage: Any) -> None:
        if usage is None:
            return
        details = getattr(usage, "prompt_tokens_details", None)
        prompt, total = _count(usage, "prompt_tokens"), _count(usage, "total_tokens")
        self._usage = Usage(
            input_tokens=prompt,
            # Some servers leave thinking out of the completion's tokens; it is in their total, and it is charged.
            output_tokens=max(_count(usage, "completion_tokens"), total - prompt),
            cached_tokens=_count(details, "cached_tokens"),
        )


def _count(holder: Any, name: str) -> int:
    """What a server says that it counted; nothing where that is no count: a budget is reckoned with it."""
    said = getattr(holder, name, None)
    return int(said) if isinstance(said, int | float) and 0 <= said <= MOST_TOKENS else 0
