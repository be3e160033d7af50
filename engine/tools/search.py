"""search: a regular expression over the project's text files, within a time limit that no pattern can break."""

import asyncio
import re
import time
from dataclasses import dataclass, field

import regex
from pydantic import Field

from engine.errors import ToolError
from engine.tools.globs import compiled
from engine.tools.tool import OUTPUT_BUDGET, Arguments, ToolContext, ToolResult
from engine.workspace.git import shown
from engine.workspace.outline import walk_files
from sandbox.errors import UnsafePath
from sandbox.safe_files import read_bytes

MAX_MATCHES = 200
MAX_FILE_BYTES = 2 * 2**20
MAX_PATTERN = 500
TIMEOUT_S = 10.0
_LINE_LENGTH = 300


class SearchArguments(Arguments):
    """A pattern, and where to look."""

    pattern: str = Field(min_length=1, description="Regular expression, matched line by line.")
    files: str = Field(default="**", description="Glob of the files to search, such as src/**/*.py.")
    literal: bool = Field(default=False, description="True to search for the text as it stands.")
    ignore_case: bool = Field(default=False, description="True to ignore upper and lower case.")


@dataclass
class _Matches:
    lines: list[str] = field(default_factory=list)
    used: int = 0
    note: str = ""

    def add(self, line: str) -> bool:
        """Keep a line; False when there is no room for more."""
        if len(self.lines) >= MAX_MATCHES or self.used + len(line) > OUTPUT_BUDGET:
            self.note = f"[cut: the first {len(self.lines)} matches are shown; use a narrower pattern or `files`]"
            return False
        self.lines.append(line)
        self.used += len(line) + 1
        return True


class Search:
    """Searches file contents."""

    name = "search"
    description = (
        "Search the project's text files for a regular expression, line by line. Results are path:line: text. "
        "Binary and very large files are left out."
    )
    arguments = SearchArguments

    async def run(self, context: ToolContext, arguments: SearchArguments) -> ToolResult:
        """Search the files."""
        pattern = _pattern(arguments)
        # The matcher lets go of the interpreter's lock while it works, so the screen stays alive.
        matches = await asyncio.to_thread(_search, context, pattern, arguments.files)
        lines = [*matches.lines, matches.note] if matches.note else matches.lines
        return ToolResult(True, "\n".join(lines) or "No match.", arguments.pattern)


def _pattern(arguments: SearchArguments) -> "regex.Pattern[str]":
    if len(arguments.pattern) > MAX_PATTERN:
        raise ToolError(f"The pattern has {len(arguments.pattern)} characters; at most {MAX_PATTERN} are allowed.")
    source = re.escape(arguments.pattern) if arguments.literal else arguments.pattern
    flags = regex.VERSION0 | (regex.IGNORECASE if arguments.ignore_case else 0)
    try:
        return regex.compile(source, flags)
    except (regex.error, OverflowError, RecursionError, ValueError) as exc:
        raise ToolError(
            f"The pattern is no valid regular expression: {exc}. Pass literal=true to search for text."
        ) from exc


def _search(context: ToolContext, pattern: "regex.Pattern[str]", files: str) -> _Matches:
    wanted = compiled(files)
    matches = _Matches()
    deadline = time.monotonic() + TIMEOUT_S
    for found in walk_files(context.worktree):
        if found.link or found.size > MAX_FILE_BYTES or not wanted.fullmatch(found.path):
            continue
        try:
            content = read_bytes(context.worktree, found.path, MAX_FILE_BYTES)
        except UnsafePath:
            continue
        if b"\0" in content[:8192]:
            continue
        try:
            if not _search_text(pattern, found.path, content.decode("utf-8", "replace"), deadline, matches):
                return matches
        except TimeoutError:
            matches.note = (
                f"[stopped after {TIMEOUT_S:g} s in {shown(found.path)}; use a simpler pattern or narrower `files`]"
            )
            return matches
    return matches


def _search_text(pattern: "regex.Pattern[str]", path: str, text: str, deadline: float, matches: _Matches) -> bool:
    for number, line in enumerate(text.split("\n"), 1):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if pattern.search(line, timeout=left, concurrent=True) and not matches.add(
            f"{shown(path)}:{number}: {line.rstrip()[:_LINE_LENGTH]}"
        ):
            return False
    return True
