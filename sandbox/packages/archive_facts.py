"""What a person should know of an archive before it is taken: its size, licence and age."""

import urllib.request
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sandbox.packages.held import licence_of

MOST = 60
"""Archives that are asked about; of more only their names and versions are shown."""
WORKERS = 8
WAIT_S = 8.0
METADATA_BYTES = 512 * 1024


@dataclass(frozen=True)
class ArchiveFacts:
    """Facts of one archive; those that nobody tells stay empty."""

    size_bytes: int = 0
    licence: str = ""
    released: datetime | None = None


def facts_of(archives: Sequence[dict[str, Any]]) -> list[ArchiveFacts]:
    """The facts of archives as a lock file lists them: `url` or `path`, perhaps `size` and `upload-time`.

    Nothing is an error: what cannot be found out stays empty, and the dialog says so.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        asked = list(pool.map(_facts, archives[:MOST]))
    return asked + [_listed(archive) for archive in archives[MOST:]]


def _listed(archive: dict[str, Any]) -> ArchiveFacts:
    released = archive.get("upload-time")
    size = archive.get("size")
    when = released if isinstance(released, datetime) else None
    if when is not None and when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return ArchiveFacts(size_bytes=size if isinstance(size, int) else 0, released=when)


def _facts(archive: dict[str, Any]) -> ArchiveFacts:
    known = _listed(archive)
    address = str(archive.get("url") or archive.get("path") or "")
    parts = urlsplit(address)
    if parts.scheme in ("", "file"):
        return _local(Path(unquote(parts.path)), known)
    if parts.scheme != "https":
        return known
    metadata = _get(f"{address}.metadata")
    size = known.size_bytes or _size(address)
    return ArchiveFacts(size_bytes=size, licence=licence_of(metadata), released=known.released)


def _local(path: Path, known: ArchiveFacts) -> ArchiveFacts:
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            name = next((one for one in archive.namelist() if one.endswith(".dist-info/METADATA")), "")
            with archive.open(name) as file:
                licence = licence_of(file.read(METADATA_BYTES).decode("utf-8", "replace"))
    except (OSError, KeyError, zipfile.BadZipFile):
        return known
    return ArchiveFacts(size_bytes=known.size_bytes or size, licence=licence, released=known.released)


def _get(address: str) -> str:
    try:
        with urllib.request.urlopen(address, timeout=WAIT_S) as answer:
            return bytes(answer.read(METADATA_BYTES)).decode("utf-8", "replace")
    except (OSError, HTTPException, ValueError):
        return ""


def _size(address: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=WAIT_S) as answer:
            return int(answer.headers.get("Content-Length") or 0)
    except (OSError, HTTPException, ValueError):
        return 0
