"""The JSON values with which an OpenAI-compatible server answers."""

import hashlib
import math
import re
from collections.abc import Iterator
from typing import Any

from engine.llm.tokens import estimated_tokens
from engine.scripted.script import Turn

_FRAGMENT = 24
_DEFAULT_DIMENSIONS = 1536


def text_pieces(text: str) -> list[str]:
    """A text in the pieces it streams in: words with the white space that follows them."""
    return re.findall(r"\S+\s*|\s+", text)


def tool_calls(turn: Turn, number: int) -> list[dict[str, Any]]:
    """A turn's calls as whole objects; `number` keeps their ids apart from those of other answers."""
    return [
        {
            "id": f"call_{number}_{index}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.text},
        }
        for index, call in enumerate(turn.calls)
    ]


def call_fragments(turn: Turn, number: int) -> Iterator[dict[str, Any]]:
    """A turn's calls in the fragments that stream: first id and name, then the arguments piece by piece."""
    for index, call in enumerate(tool_calls(turn, number)):
        function = call["function"]
        yield {"index": index, **call, "function": {"name": function["name"], "arguments": ""}}
        for start in range(0, len(function["arguments"]), _FRAGMENT):
            yield {"index": index, "function": {"arguments": function["arguments"][start : start + _FRAGMENT]}}


def finish_reason(turn: Turn) -> str:
    return "tool_calls" if turn.calls else "stop"


def chunk(model: str, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """One piece of a streamed answer."""
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def usage_chunk(model: str, used: dict[str, int]) -> dict[str, Any]:
    """The last piece, which has no choice and tells the usage."""
    return {**chunk(model, {}), "choices": [], "usage": used}


def completion(model: str, turn: Turn, number: int, used: dict[str, int]) -> dict[str, Any]:
    """A whole answer."""
    message: dict[str, Any] = {"role": "assistant", "content": turn.text or None}
    if turn.calls:
        message["tool_calls"] = tool_calls(turn, number)
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason(turn)}],
        "usage": used,
    }


def usage(prompt: str, turn: Turn) -> dict[str, int]:
    """Estimated tokens of a call."""
    asked = estimated_tokens(prompt)
    written = estimated_tokens(turn.text + "".join(call.name + call.text for call in turn.calls))
    return {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}


def error(message: str, code: str = "", param: str = "", kind: str = "scripted_error") -> dict[str, Any]:
    """An error object."""
    return {"error": {"message": message, "type": kind, "code": code or None, "param": param or None}}


def embeddings(model: str, texts: list[str], dimensions: int | None) -> dict[str, Any]:
    """Vectors of hashed words: equal texts are equal, and texts that share words are near each other."""
    rows = [
        {"object": "embedding", "index": index, "embedding": _vector(text, dimensions or _DEFAULT_DIMENSIONS)}
        for index, text in enumerate(texts)
    ]
    tokens = sum(estimated_tokens(text) for text in texts)
    return {"object": "list", "model": model, "data": rows, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}


def _vector(text: str, dimensions: int) -> list[float]:
    vector = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()) or [""]:
        digest = hashlib.sha256(word.encode()).digest()
        vector[int.from_bytes(digest[:4], "big") % dimensions] += 1.0 if digest[4] & 1 else -1.0
    length = math.sqrt(sum(number * number for number in vector))
    return [number / length for number in vector] if length else [1.0, *vector[1:]]
