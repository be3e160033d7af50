"""A text that a person gives: as an argument, from a file, or from standard input."""

import sys
from pathlib import Path

from miracle_tui.cli.problems import BadInput

MAX_BYTES = 2_000_000


def read_text(given: str, what: str) -> str:
    """The text.

    Args:
        given: the text itself, `@FILE`, or `-` for standard input.
        what: what the text is, for errors: "the goal".

    Raises:
        BadInput: the file cannot be read, is not text, or says nothing.
    """
    if given == "-":
        source, content = "standard input", sys.stdin.buffer.read(MAX_BYTES + 1)
    elif given.startswith("@"):
        path = Path(given[1:]).expanduser()
        source, content = str(path), _read(path, what)
    else:
        source, content = what, given.encode("utf-8", "surrogateescape")
    if len(content) > MAX_BYTES:
        raise BadInput(f"{source} is over {MAX_BYTES:,} bytes long", "Put the long part into a file of the repository.")
    try:
        goal = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as exc:
        raise BadInput(f"{source} is not UTF-8 text (byte {exc.start})", f"Give {what} as plain text.") from exc
    if "\0" in goal:
        raise BadInput(f"{source} is not text: it holds NUL bytes", f"Give {what} as plain text.")
    if not goal:
        raise BadInput(f"{source} is empty", "Say in a sentence or two what is wanted.")
    return goal


def _read(path: Path, what: str) -> bytes:
    try:
        if not path.is_file():
            raise BadInput(f"The file {path} with {what} does not exist", "After @ comes the path of a text file.")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise BadInput(
            f"The file {path} with {what} cannot be read: {exc.strerror}", "Correct the path after @."
        ) from exc
