"""As much HTTP/1.1 as the scripted server needs."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

_MAX_BODY = 64 * 1024 * 1024
_MAX_HEADERS = 100


class BadRequest(Exception):
    """What arrived is no request that this server understands."""


@dataclass(frozen=True)
class HttpRequest:
    """A request with lower-case header names."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as an object.

        Raises:
            BadRequest: It is none.
        """
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise BadRequest("the body is not JSON") from error
        if not isinstance(value, dict):
            raise BadRequest("the body is not a JSON object")
        return value


async def read_request(reader: asyncio.StreamReader) -> HttpRequest | None:
    """The connection's next request; None when the peer closed it.

    Raises:
        BadRequest: It is malformed or too large.
    """
    try:
        line = (await reader.readline()).decode("latin-1").split()
        if not line:
            return None
        if len(line) != 3:
            raise BadRequest("malformed request line")
        headers: dict[str, str] = {}
        while (header := (await reader.readline()).decode("latin-1").rstrip("\r\n")) != "":
            name, _, value = header.partition(":")
            headers[name.strip().lower()] = value.strip()
            if len(headers) > _MAX_HEADERS:
                raise BadRequest("too many headers")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > _MAX_BODY:
            raise BadRequest("a Content-Length that this server does not take")
        body = await reader.readexactly(int(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except ValueError as error:
        raise BadRequest("a line that is too long") from error
    return HttpRequest(line[0], line[1].partition("?")[0], headers, body)


async def write_json(
    writer: asyncio.StreamWriter, status: int, value: Any, headers: Mapping[str, str] | None = None
) -> None:
    """Answer with a JSON value."""
    await write_text(writer, json.dumps(value, ensure_ascii=False), status, headers)


async def write_text(
    writer: asyncio.StreamWriter, text: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> None:
    """Answer with what calls itself JSON."""
    body = text.encode()
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    writer.write(_head(status, fields) + body)
    await writer.drain()


class EventStream:
    """An answer of server-sent events in chunked encoding.

    Args:
        writer: the connection.
        cut_after: bytes after which the connection breaks; None for never.
    """

    def __init__(self, writer: asyncio.StreamWriter, cut_after: int | None = None) -> None:
        self._writer = writer
        self._left = cut_after

    async def begin(self) -> None:
        """Send the headers."""
        fields = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "Transfer-Encoding": "chunked"}
        await self._put(_head(200, fields))

    async def send(self, value: Any) -> None:
        """Send one event with a JSON value."""
        await self.send_raw(json.dumps(value, ensure_ascii=False))

    async def send_raw(self, text: str) -> None:
        """Send one event with any text."""
        payload = f"data: {text}\n\n".encode()
        await self._put(f"{len(payload):x}\r\n".encode() + payload + b"\r\n")

    async def send_half(self, value: Any) -> None:
        """Promise a chunk and send only half of it."""
        payload = f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
        await self._put(f"{len(payload):x}\r\n".encode() + payload[: len(payload) // 2])

    async def end(self) -> None:
        """End the body."""
        await self._put(b"0\r\n\r\n")

    async def _put(self, sent: bytes) -> None:
        cut = self._left is not None and len(sent) > self._left
        if self._left is not None:
            sent = sent[: self._left]
            self._left -= len(sent)
        self._writer.write(sent)
        await self._writer.drain()
        if cut:
            raise ConnectionAbortedError("the answer is cut here")


def _head(status: int, fields: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
