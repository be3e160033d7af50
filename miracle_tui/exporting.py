"""Writing a thing of the history into a file of its own."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from config.secrets import redact, redact_value
from engine.errors import EngineError
from widgets.inert import inert

if TYPE_CHECKING:
    from memory.hits import Entry


def export_entry(entry: "Entry", path: Path) -> None:
    """Write a thing as a page, or as JSON where the name ends in .json; blocks, so call it in a thread.

    Args:
        entry: as the engine gives it, without the secrets that it knows; what looks like a key goes here.
        path: where nothing is yet; nothing is ever written over.

    Raises:
        EngineError: it cannot be written there.
    """
    from memory.history_parts import as_markdown, as_record

    if path.suffix == ".json":
        text = json.dumps(redact_value(as_record(entry)), ensure_ascii=False, indent=2) + "\n"
    else:
        # Without what a terminal would act upon, and before secrets are looked for: none hides behind a colour.
        text = redact(inert(as_markdown(entry)))
    try:
        with path.open("x", encoding="utf-8", errors="replace") as file:
            try:
                file.write(text)
                file.flush()
            except OSError:
                path.unlink(missing_ok=True)
                raise
    except FileExistsError as exc:
        raise EngineError(
            f"{path} is there already", "Choose a name that is not taken; nothing is overwritten."
        ) from exc
    except (OSError, ValueError) as exc:
        # A name with NUL, or of letters that this system cannot write, is a ValueError.
        why = exc.strerror if isinstance(exc, OSError) else "that is no name of a file"
        raise EngineError(f"{path} cannot be written: {why}", "Choose a folder that you may write to.") from exc


def offered_name(kind: str, id: str) -> str:
    """A file name for a thing."""
    return f"miracle-{kind}-{re.sub(r'[^A-Za-z0-9._-]+', '-', id)[:80]}.md"
