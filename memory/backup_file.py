"""A backup's file: a header in the clear, compressed frames, and a checksum over all of it.

    MIRACLE-BACKUP 1
    {"schema": "0003", "made_at": "...", ...}
    frames: the kind in one byte, the length in four (big-endian), the payload by zlib

A frame of kind T begins a table: JSON with its name and columns. D holds rows as PostgreSQL's COPY writes them as text.
E ends the table: JSON with the number of rows. Z ends the file: SHA-256 over everything before it.
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from memory.errors import BackupUnusable

MAGIC = b"MIRACLE-BACKUP "
VERSION = 1
PIECE = 2**20
"""Bytes of rows in one frame, before they are compressed."""
LONGEST_HEADER = 2**16
LONGEST_ROW = 2**28
"""Bytes: PostgreSQL gathers a whole row in its memory before it looks at it."""
_FRAME = struct.Struct(">cI")
_DIGEST = 32


@dataclass(frozen=True)
class Begin:
    """The rows of a table follow."""

    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class End:
    """The rows of a table are complete."""

    rows: int


Part = Begin | bytes | End


class BackupWriter:
    """Writes a backup, table by table."""

    def __init__(self, file: BinaryIO, header: dict[str, Any]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._pending = bytearray()
        self._rows = 0
        self._write(MAGIC + f"{VERSION}\n".encode() + json.dumps(header).encode() + b"\n")

    def begin(self, table: str, columns: tuple[str, ...]) -> None:
        """Begin a table."""
        self._rows = 0
        self._frame(b"T", json.dumps({"table": table, "columns": columns}).encode())

    def rows(self, copied: bytes) -> None:
        """Add rows as COPY gives them: each ends with the only newline in it."""
        self._rows += copied.count(b"\n")
        self._pending += copied
        while len(self._pending) >= PIECE:
            self._frame(b"D", bytes(self._pending[:PIECE]))
            del self._pending[:PIECE]

    def end(self) -> int:
        """End the table; how many rows it has."""
        if self._pending:
            self._frame(b"D", bytes(self._pending))
            self._pending.clear()
        self._frame(b"E", json.dumps({"rows": self._rows}).encode())
        return self._rows

    def finish(self) -> None:
        """End the file."""
        self._file.write(_FRAME.pack(b"Z", _DIGEST) + self._digest.digest())

    def _frame(self, kind: bytes, payload: bytes) -> None:
        packed = zlib.compress(payload)
        self._write(_FRAME.pack(kind, len(packed)) + packed)

    def _write(self, content: bytes) -> None:
        self._digest.update(content)
        self._file.write(content)


class BackupReader:
    """Reads a backup from its beginning.

    Args:
        path: names the file in errors.
        file: the open file.

    Raises:
        BackupUnusable: it does not begin as a backup does, or is of a newer Miracle.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._digest = hashlib.sha256()
        self.header = self._read_header()

    def parts(self) -> Iterator[Part]:
        """What it holds, in order; the end of the iteration means that all of it was whole.

        Raises:
            BackupUnusable: it is cut short or was changed.
        """
        rows: int | None = None
        open_row = 0
        while True:
            kind, packed = self._read_frame()
            if kind == b"Z":
                if rows is not None or packed != self._digest.digest() or self._file.read(1):
                    raise self._damaged("its checksum is another one")
                return
            self._digest.update(_FRAME.pack(kind, len(packed)) + packed)
            payload = self._unpacked(packed)
            if kind == b"D" and rows is not None:
                rows += payload.count(b"\n")
                open_row = len(payload) - payload.rfind(b"\n") + (0 if b"\n" in payload else open_row)
                if open_row > LONGEST_ROW:
                    raise self._damaged("a row of it is longer than any can be")
                yield payload
            elif kind == b"T" and rows is None:
                rows = 0
                yield self._begin(payload)
            elif kind == b"E" and rows is not None:
                if self._object(payload).get("rows") != rows:
                    raise self._damaged("a table has another number of rows than it says")
                yield End(rows)
                rows = None
            else:
                raise self._damaged("its parts are out of order")

    def _read_header(self) -> dict[str, Any]:
        first = self._file.readline(100)
        version = first.removeprefix(MAGIC).strip()
        if not first.startswith(MAGIC) or not version.isdigit():
            raise BackupUnusable(f"{self._path} is no backup of Miracle", "`miracle db backup FILE` makes one.")
        if int(version) > VERSION:
            raise BackupUnusable(f"{self._path} was made by a newer Miracle", "Update Miracle, then restore it.")
        second = self._file.readline(LONGEST_HEADER)
        if not second.endswith(b"\n"):
            raise self._damaged("its header is cut short")
        self._digest.update(first + second)
        return self._object(second)

    def _read_frame(self) -> tuple[bytes, bytes]:
        head = self._file.read(_FRAME.size)
        if len(head) < _FRAME.size:
            raise self._damaged("it is cut short")
        kind, length = _FRAME.unpack(head)
        if length > 2 * PIECE:
            raise self._damaged("a part of it is longer than any can be")
        packed = self._file.read(length)
        if len(packed) < length:
            raise self._damaged("it is cut short")
        return kind, packed

    def _unpacked(self, packed: bytes) -> bytes:
        inflate = zlib.decompressobj()
        try:
            payload = inflate.decompress(packed, PIECE + 1)
        except zlib.error as error:
            raise self._damaged("a part of it cannot be unpacked") from error
        if len(payload) > PIECE or not inflate.eof or inflate.unused_data:
            raise self._damaged("a part of it is longer than any can be")
        return payload

    def _begin(self, payload: bytes) -> Begin:
        match self._object(payload):
            case {"table": str(table), "columns": [*columns]} if all(isinstance(one, str) for one in columns):
                return Begin(table, tuple(columns))
        raise self._damaged("a table has no name")

    def _object(self, text: bytes) -> dict[str, Any]:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._damaged("a part of it cannot be read") from error
        if not isinstance(value, dict):
            raise self._damaged("a part of it cannot be read")
        return value

    def _damaged(self, why: str) -> BackupUnusable:
        return BackupUnusable(
            f"The backup {self._path} is damaged: {why}",
            "Nothing was changed. Take another copy of it, or an older one.",
        )
