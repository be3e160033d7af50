"""What a person should know of an archive before it is taken: its size, licence and age."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from sandbox.install_step import run_step
from sandbox.interpreters import find_python
from sandbox.packages.held import licence_of

MOST = 60
"""Archives that are asked about; of more only their names and versions are shown."""
SCRIPT = "ask_archives.py"


@dataclass(frozen=True)
class ArchiveFacts:
    """Facts of one archive; those that nobody tells stay empty."""

    size_bytes: int = 0
    licence: str = ""
    released: datetime | None = None


def facts_of(archives: Sequence[dict[str, Any]], work: Path, cache: Path) -> list[ArchiveFacts]:
    """The facts of archives as a lock file lists them: `url` or `path`, perhaps `size` and `upload-time`.

    Nothing is an error: what cannot be found out stays empty, and the dialog says so.

    Args:
        archives: of one resolution.
        work: where the step works.
        cache: a folder that the step may write.
    """
    asked = [str(archive.get("url") or archive.get("path") or "") for archive in archives[:MOST]]
    (work / "archives.json").write_text(json.dumps(asked))
    script = (resources.files("sandbox.packages.inside") / SCRIPT).read_text("utf-8")
    said = run_step((find_python().executable, "-I", "-c", script), work, cache)
    try:
        told = json.loads(said.output) if said.ok else []
    except ValueError:
        told = []
    told += [{}] * (len(archives) - len(told))
    return [_facts(archive, answer) for archive, answer in zip(archives, told, strict=True)]


def _facts(archive: dict[str, Any], answer: dict[str, Any]) -> ArchiveFacts:
    released, size = archive.get("upload-time"), archive.get("size")
    when = released if isinstance(released, datetime) else None
    if when is not None and when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    known = size if isinstance(size, int) else int(answer.get("size") or 0)
    return ArchiveFacts(known, licence_of(str(answer.get("metadata") or "")), when)
