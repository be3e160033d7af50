"""create_file: write a new file, or replace one whole."""

import asyncio

from pydantic import Field

from engine.errors import ToolError
from engine.tools.tool import Arguments, ToolContext, ToolResult, check_writable, checked_path
from sandbox.errors import MissingFile
from sandbox.safe_files import open_beneath, read_bytes, write_text

MAX_CHARACTERS = 1_000_000


class CreateFileArguments(Arguments):
    """A path and the whole content."""

    path: str = Field(description="Path relative to the project's root, such as src/app.py.")
    content: str = Field(description="The whole content of the file.")
    overwrite: bool = Field(default=False, description="True to replace a file that exists.")


class CreateFile:
    """Writes a whole file in one step, making the folders on its way."""

    name = "create_file"
    description = (
        "Create a file with the given content, and the folders on its way. An existing file is only replaced with "
        "overwrite=true; prefer edit_file for changes."
    )
    arguments = CreateFileArguments

    async def run(self, context: ToolContext, arguments: CreateFileArguments) -> ToolResult:
        """Write the file."""
        path = checked_path(arguments.path)
        check_writable(context, path)
        checked_content(arguments.content)
        return await asyncio.to_thread(_create, context, path, arguments)


def _create(context: ToolContext, path: str, arguments: CreateFileArguments) -> ToolResult:
    existed = _exists(context, path)
    if existed and not arguments.overwrite and not _was_created(context, path, arguments.content):
        raise ToolError(f"{path} exists already. Change it with edit_file, or pass overwrite=true to replace it whole.")
    if context.intent:
        context.intent.note(path, arguments.content)
    write_text(context.worktree, path, arguments.content)
    lines = arguments.content.count("\n") + (not arguments.content.endswith("\n") and bool(arguments.content))
    return ToolResult(True, f"{'Replaced' if existed else 'Created'} {path} ({lines} lines).", path)


def _was_created(context: ToolContext, path: str, content: str) -> bool:
    """Whether this very call made the file before its process was killed, and nothing changed it since."""
    return (
        context.intent is not None
        and context.intent.fulfilled(path, content)
        and read_bytes(context.worktree, path, 4 * MAX_CHARACTERS) == content.encode()
    )


def _exists(context: ToolContext, path: str) -> bool:
    import os

    try:
        os.close(open_beneath(context.worktree, path))
    except MissingFile:
        return False
    return True


def checked_content(content: str) -> None:
    """Refuse what no text file holds.

    Raises:
        ToolError: the content has a NUL or half a surrogate pair, or it is too long.
    """
    if len(content) > MAX_CHARACTERS:
        raise ToolError(f"The content has {len(content):,} characters; at most {MAX_CHARACTERS:,} are allowed.")
    if "\0" in content:
        raise ToolError("The content contains a NUL character; only text files can be written.")
    try:
        content.encode()
    except UnicodeEncodeError as exc:
        raise ToolError(
            f"The content cannot be written as UTF-8: character {exc.start} is half a surrogate pair."
        ) from exc
