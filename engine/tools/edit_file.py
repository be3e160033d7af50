"""edit_file: replace one exact, unique piece of a file."""

import asyncio
import difflib

from pydantic import Field

from engine.errors import ToolError
from engine.tools.create_file import checked_content
from engine.tools.tool import Arguments, ToolContext, ToolResult, check_writable, checked_path
from sandbox.safe_files import read_text, write_text

_SHOWN_MATCHES = 5
_NEAR_LINES = 5_000
_NEAR_RATIO = 0.6
_LINE_LENGTH = 200


class EditFileArguments(Arguments):
    """What stands there now, and what shall stand there."""

    path: str = Field(description="Path relative to the project's root.")
    old: str = Field(description="The exact text to replace, with its indentation. It must occur exactly once.")
    new: str = Field(description="The text that takes its place.")


class EditFile:
    """Replaces a piece of text that occurs exactly once."""

    name = "edit_file"
    description = (
        "Replace an exact piece of a file. `old` must occur exactly once in it, character for character; include "
        "enough lines around the change to make it unique."
    )
    arguments = EditFileArguments

    async def run(self, context: ToolContext, arguments: EditFileArguments) -> ToolResult:
        """Make the edit."""
        path = checked_path(arguments.path)
        check_writable(context, path)
        checked_content(arguments.new)
        return await asyncio.to_thread(_edit, context, path, arguments)


def _edit(context: ToolContext, path: str, arguments: EditFileArguments) -> ToolResult:
    before = read_text(context.worktree, path)
    if context.intent and context.intent.fulfilled(path, before):
        return ToolResult(True, f"Edited {path}.", path)
    after = replaced(before, arguments.old, arguments.new, path)
    checked_content(after)
    if context.intent:
        context.intent.note(path, after)
    write_text(context.worktree, path, after)
    line = before.count("\n", 0, before.index(_in_style(arguments.old, before))) + 1
    return ToolResult(True, f"Edited {path} at line {line}.", path)


def replaced(text: str, old: str, new: str, path: str) -> str:
    """The text with its only occurrence of `old` replaced.

    Line ends are those of the text: a model writes `\\n` even where the file has `\\r\\n`.

    Raises:
        ToolError: `old` is empty, equals `new`, or does not occur exactly once; the message helps to correct it.
    """
    if not old:
        raise ToolError("`old` is empty. Give the text to replace; create_file makes a new file.")
    if old == new:
        raise ToolError("`old` and `new` are equal: the edit would change nothing.")
    wanted, put = _in_style(old, text), _in_style(new, text)
    places = _places(text, wanted)
    if len(places) == 1:
        return text[: places[0]] + put + text[places[0] + len(wanted) :]
    if not places:
        raise ToolError(f"`old` does not occur in {path}.{_nearest(text, old)}")
    lines = [text.count("\n", 0, place) + 1 for place in places[:_SHOWN_MATCHES]]
    more = " and more" if len(places) > _SHOWN_MATCHES else ""
    raise ToolError(
        f"`old` occurs {len(places)} times in {path}, at lines {', '.join(map(str, lines))}{more}. "
        "Include more of the lines around the one you mean."
    )


def _in_style(piece: str, text: str) -> str:
    """A piece with the text's line ends, where the text has only one kind."""
    crlf = text.count("\r\n")
    if crlf and crlf == text.count("\n") and "\r" not in piece:
        return piece.replace("\n", "\r\n")
    return piece


def _places(text: str, wanted: str) -> list[int]:
    """Where a piece begins, overlapping occurrences too: each of them would be another edit."""
    places: list[int] = []
    place = text.find(wanted)
    while place != -1:
        places.append(place)
        place = text.find(wanted, place + 1)
    return places


def _nearest(text: str, old: str) -> str:
    """What comes nearest to the first line of a piece that was not found."""
    lines = text.splitlines()[:_NEAR_LINES]
    first = next((line for line in old.splitlines() if line.strip()), "")
    stripped = first.strip()[:_LINE_LENGTH]
    if not stripped or not lines:
        return " The file is empty." if not text else ""
    same = [number for number, line in enumerate(lines, 1) if line.strip() == first.strip()]
    if same:
        number = same[0]
        why = "differs in its indentation" if lines[number - 1] != first else "is there, but the lines after it differ"
        return f" Its first line {why} at line {number}:\n{_excerpt(lines, number)}"
    near = difflib.get_close_matches(stripped, [line.strip()[:_LINE_LENGTH] for line in lines], 1, _NEAR_RATIO)
    if not near:
        return " Nothing in it is similar; read the file again."
    number = next(number for number, line in enumerate(lines, 1) if line.strip()[:_LINE_LENGTH] == near[0])
    return f" The nearest is line {number}:\n{_excerpt(lines, number)}"


def _excerpt(lines: list[str], number: int) -> str:
    begin = max(0, number - 2)
    return "\n".join(
        f"{begin + offset + 1:>6}\t{line[:_LINE_LENGTH]}" for offset, line in enumerate(lines[begin : number + 2])
    )
