"""read_file: a file's lines, with their numbers."""

import asyncio

from pydantic import Field

from engine.errors import ToolError
from engine.tools.tool import OUTPUT_BUDGET, Arguments, ToolContext, ToolResult, checked_path
from sandbox.safe_files import read_text

MAX_BYTES = 5 * 2**20
_LINE_LENGTH = 2_000


class ReadFileArguments(Arguments):
    """A path and a range of lines."""

    path: str = Field(description="Path relative to the project's root.")
    start_line: int = Field(default=1, ge=1, description="First line, counted from 1.")
    end_line: int | None = Field(default=None, ge=1, description="Last line; the end of the file by default.")


class ReadFile:
    """Reads text with line numbers."""

    name = "read_file"
    description = (
        "Read a text file, with line numbers (a number, a tab, the line). A long file is cut; read on with start_line."
    )
    arguments = ReadFileArguments

    async def run(self, context: ToolContext, arguments: ReadFileArguments) -> ToolResult:
        """Read the file."""
        path = checked_path(arguments.path)
        text = await asyncio.to_thread(read_text, context.worktree, path, MAX_BYTES)
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        if not lines:
            return ToolResult(True, f"{path} is empty.", path)
        end = min(arguments.end_line or len(lines), len(lines))
        if arguments.start_line > len(lines):
            raise ToolError(f"{path} has {len(lines)} lines; start_line {arguments.start_line} is past its end.")
        if end < arguments.start_line:
            raise ToolError(f"end_line {arguments.end_line} is before start_line {arguments.start_line}.")
        return ToolResult(True, _numbered(lines, arguments.start_line, end), path)


def _numbered(lines: list[str], start: int, end: int) -> str:
    """Whole lines within the budget, and a note where they stop short."""
    out: list[str] = []
    used = 0
    for number in range(start, end + 1):
        line = lines[number - 1]
        if len(line) > _LINE_LENGTH:
            line = f"{line[:_LINE_LENGTH]} [cut: the line has {len(line):,} characters]"
        numbered = f"{number:>6}\t{line}"
        used += len(numbered) + 1
        if used > OUTPUT_BUDGET:
            out.append(f"[cut: lines {start}-{number - 1} of {len(lines)} are shown; read on with start_line={number}]")
            break
        out.append(numbered)
    return "\n".join(out)
