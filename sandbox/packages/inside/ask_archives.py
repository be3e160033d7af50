"""Runs in the installing step: asks for the size and the metadata of archives. Needs nothing but Python.

Reads `archives.json`, a list of addresses; writes a list of `{"size": bytes, "metadata": text}` to standard output.
What cannot be found out stays empty.
"""

import io
import json
import urllib.request
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

WAIT_S = 8.0
METADATA_BYTES = 256 * 1024
SMALL_BYTES = 3 * 2**20
WORKERS = 8


def ask(address: str) -> dict[str, object]:
    """Size and metadata of one archive."""
    parts = urlsplit(address)
    if parts.scheme in ("", "file"):
        return _local(Path(unquote(parts.path)))
    if parts.scheme != "https":
        return {"size": 0, "metadata": ""}
    size, metadata = _size(address), _get(f"{address}.metadata", METADATA_BYTES)
    if not metadata and 0 < size <= SMALL_BYTES:
        # An index that tells nothing about an archive still hands it out; it is only read.
        return {"size": size, "metadata": _metadata(io.BytesIO(_get(address, SMALL_BYTES))).decode("utf-8", "replace")}
    return {"size": size, "metadata": metadata.decode("utf-8", "replace")}


def _local(path: Path) -> dict[str, object]:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return {"size": size, "metadata": _metadata(file).decode("utf-8", "replace")}
    except OSError:
        return {"size": 0, "metadata": ""}


def _metadata(wheel: IO[bytes]) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next((one for one in archive.namelist() if one.endswith(".dist-info/METADATA")), "")
            with archive.open(name) as file:
                return file.read(METADATA_BYTES)
    except (OSError, KeyError, ValueError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return b""


def _get(address: str, most: int) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=WAIT_S) as answer:
            return bytes(answer.read(most))
    except (OSError, HTTPException, ValueError):
        return b""


def _size(address: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=WAIT_S) as answer:
            return int(answer.headers.get("Content-Length") or 0)
    except (OSError, HTTPException, ValueError):
        return 0


if __name__ == "__main__":
    with ThreadPoolExecutor(WORKERS) as pool:
        print(json.dumps(list(pool.map(ask, json.loads(Path("archives.json").read_text("utf-8"))))))
