"""A container's attached stream: read without blocking the loop, shut down without waiting for it."""

import asyncio
import contextlib
import socket
import ssl
from typing import Any

CHUNK = 64 * 1024
IDLE_S, BETWEEN_S, TIMES = 15, 5, 3
"""After this long without a word an engine on another machine is asked whether it is there, so often."""
HEADER = 8


class AttachedStream:
    """The socket of `attach`, with the engine's framing of stdout and stderr taken off.

    It must be shut down before its container is killed: the engine would wait for the reader of an undrained stream.
    """

    def __init__(self, attached: Any) -> None:
        """
        Args:
            attached: what the SDK's `attach_socket` returned, before the container was started.
        """
        self._attached = attached
        self._socket: socket.socket = getattr(attached, "_sock", attached)
        self._blocking = isinstance(self._socket, ssl.SSLSocket) or not isinstance(self._socket, socket.socket)
        if not self._blocking:
            self._socket.setblocking(False)
        _keep_alive(self._socket)
        self._raw = b""
        self._left = 0
        self._closed = False

    async def read(self) -> bytes:
        """The next piece of output; empty when the stream ended, which says nothing about success."""
        while True:
            if payload := self._unpacked():
                return payload
            more = await self._receive()
            if not more:
                return b""
            self._raw += more

    def _unpacked(self) -> bytes:
        """The payload of all frames that are there, in one go: each may be a single byte."""
        pieces, at = [], 0
        while at < len(self._raw):
            if self._left:
                piece = self._raw[at : at + self._left]
                pieces.append(piece)
                self._left -= len(piece)
                at += len(piece)
            elif len(self._raw) - at >= HEADER:
                self._left = int.from_bytes(self._raw[at + 4 : at + HEADER], "big")
                at += HEADER
            else:
                break
        self._raw = self._raw[at:]
        return b"".join(pieces)

    def send(self, line: str) -> None:
        """Write a line to the container's standard input; it is short and the first, so it never waits."""
        self._socket.sendall(line.encode() + b"\n")

    def shutdown(self) -> None:
        """End the stream at once, for both sides."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket and its response back."""
        if self._closed:
            return
        self._closed = True
        self.shutdown()
        response = getattr(self._attached, "_response", None)
        # The response first: it flushes the stream that it wraps, which must still be open.
        for part in (response, self._attached, self._socket):
            if part is not None:
                with contextlib.suppress(OSError):
                    part.close()

    async def _receive(self) -> bytes:
        try:
            if self._blocking:
                return await asyncio.to_thread(self._socket.recv, CHUNK)
            return await asyncio.get_running_loop().sock_recv(self._socket, CHUNK)
        except OSError:
            return b""


def _keep_alive(connection: socket.socket) -> None:
    """See that a connection to another machine ends when that machine, or the way to it, is gone."""
    if getattr(connection, "family", None) in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", IDLE_S), ("TCP_KEEPINTVL", BETWEEN_S), ("TCP_KEEPCNT", TIMES)):
            if (option := getattr(socket, name, None)) is not None:
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
