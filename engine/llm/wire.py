"""Requests in the form that Chat Completions takes."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from config.openai import Parameters
from engine.llm.protocol import Message, ModelRequest, ToolCall

_BAD_NAME = re.compile(r"[^a-zA-Z0-9_-]+")
_NEW_FAMILIES = re.compile(r"^(gpt-5|o\d)")


def wire_headers(request: ModelRequest) -> dict[str, str]:
    """The headers by which a gateway attributes cost."""
    return {
        "X-Miracle-Run": quote(request.run_id),
        "X-Miracle-Role": quote(request.role),
        "X-Miracle-Phase": quote(request.phase),
        "X-Miracle-Iteration": str(request.iteration),
        "X-Miracle-Visit": str(request.visit),
    }


def wire_messages(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """The conversation as JSON values."""
    return [_message(message) for message in messages]


def wire_tools(request: ModelRequest) -> list[dict[str, Any]]:
    """The functions that the model may call."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        }
        for tool in request.tools
    ]


def wire_parameters(
    parameters: Parameters, request: ModelRequest, *, default_server: bool, dropped: Mapping[str, str]
) -> dict[str, Any]:
    """Sampling parameters and limits.

    The default server's reasoning models want `max_completion_tokens`; other servers mostly know only `max_tokens`.

    Args:
        parameters: As configured.
        request: Its `extra` may set `max_tokens`.
        default_server: Whether the call goes to the default server.
        dropped: What the model is known not to support, with what takes its place or "".
    """
    wanted = parameters.model_dump(exclude_none=True)
    limit = request.extra.get("max_tokens", wanted.pop("max_tokens"))
    wanted["max_completion_tokens" if default_server and _NEW_FAMILIES.match(request.model) else "max_tokens"] = limit
    wanted["stream_options"] = {"include_usage": True}
    for name, replacement in dropped.items():
        value = wanted.pop(name, None)
        if replacement and value is not None:
            wanted[replacement] = value
    return wanted


def replacement_for(parameter: str) -> str:
    """What takes the place of a parameter that a model does not support; "" when nothing does."""
    return {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}.get(parameter, "")


def _message(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role, "content": _encodable(message.content)}
    if message.tool_calls:
        wire["tool_calls"] = [_tool_call(call) for call in message.tool_calls]
        wire["content"] = wire["content"] or None
    if message.role == "tool":
        wire["tool_call_id"] = message.tool_call_id
    return wire


def _tool_call(call: ToolCall) -> dict[str, Any]:
    # Servers answer 400 to a conversation that repeats a name that the model should never have written.
    name = _BAD_NAME.sub("_", call.name)[:64] or "unnamed"
    return {"id": call.id, "type": "function", "function": {"name": name, "arguments": _encodable(call.arguments)}}


def _encodable(text: str) -> str:
    """Lone surrogates, which come from undecodable file names and output, cannot be sent as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")
