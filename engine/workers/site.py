"""Which data folder a process works with: a run's worktree lies in one, and only who reaches it can do its work."""

import os
import re
from pathlib import Path
from uuid import uuid4

from config.paths import Paths

_NAME = "site"
_ID = re.compile(r"[0-9a-f]{12}")


def site_of(paths: Paths) -> str:
    """The id of the data folder, made when it is first asked for; machines that share the folder share the id.

    Raises:
        OSError: the folder cannot be written.
    """
    file = paths.data / _NAME
    for _ in range(3):
        try:
            found = file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            found = ""
        if _ID.fullmatch(found):
            return found
        _write(file)
    raise OSError(f"{file} holds no site id and cannot be written anew")


def _write(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{_NAME}.{uuid4().hex}")
    part.write_text(uuid4().hex[:12] + "\n", encoding="ascii")
    try:
        if file.exists():
            part.replace(file)
        else:
            # Of two processes that are first, one wins, and both read what it wrote.
            os.link(part, file)
    except FileExistsError:
        pass
    finally:
        part.unlink(missing_ok=True)
