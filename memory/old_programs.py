"""Finding the programs of an older PostgreSQL, which alone can read its data."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from config.paths import SERVICE_ROOT
from memory.cluster import FOLDER, Installation, carried

SYSTEM = ("/usr/lib/postgresql/{major}", "/usr/pgsql-{major}", "/opt/homebrew/opt/postgresql@{major}")
"""Where distributions put a version."""


def find_older(major: int, programs: Path | None = None) -> Installation | None:
    """The programs of this major version, with pgvector; None if there are none.

    Args:
        major: the version of the data.
        programs: a folder to look into first: an installation, or one that the package was installed into.
    """
    for folder in _places(major, programs):
        if _version(folder / "bin" / "postgres") == major and _has_vector(folder):
            return Installation(folder / "bin", major)
    return None


def _places(major: int, programs: Path | None) -> Iterator[Path]:
    if programs is not None:
        given = programs.expanduser().absolute()
        yield from (given, given.parent, *sorted(given.glob(f"{FOLDER}*")), *sorted(given.glob(f"*/{FOLDER}*")))
    yield from carried()
    # Copies that a Miracle which ran as root once made.
    yield from sorted((SERVICE_ROOT / "postgresql").glob(f"*/*/{FOLDER}*"))
    yield from (Path(place.format(major=major)) for place in SYSTEM)


def _version(postgres: Path) -> int | None:
    if not postgres.exists():
        return None
    try:
        said = subprocess.run([postgres, "-V"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\) (\d+)", said)
    return int(found[1]) if found else None


def _has_vector(folder: Path) -> bool:
    return any(folder.glob("lib/**/vector.so")) or any(folder.glob("lib/**/vector.dylib"))
