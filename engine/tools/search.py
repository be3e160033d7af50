"""search: a regular expression over the project's text files, in a process of its own that no pattern can outlive."""

import asyncio
import contextlib
import json
import re
import sys
from pathlib import Path

from pydantic import Field

from engine.errors import ToolError
from engine.tools.globs import compiled
from engine.tools.tool import OUTPUT_BUDGET, Arguments, ToolContext, ToolResult
from engine.workspace.git import kill

MAX_MATCHES = 200
MAX_PATTERN = 500
TIMEOUT_S = 10.0
_SOURCES = Path(__file__).resolve().parents[2]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from engine.tools.search_process import main; main()"


class SearchArguments(Arguments):
    """A pattern, and where to look."""

    pattern: str = Field(min_length=1, description="Regular expression (Python's), matched line by line.")
    files: str = Field(default="**", description="Glob of the files to search, such as src/**/*.py.")
    literal: bool = Field(default=False, description="True to search for the text as it stands.")
    ignore_case: bool = Field(default=False, description="True to ignore upper and lower case.")


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
        source = re.escape(arguments.pattern) if arguments.literal else arguments.pattern
        if len(arguments.pattern) > MAX_PATTERN or "\0" in arguments.pattern:
            raise ToolError(f"The pattern contains NUL or is longer than {MAX_PATTERN} characters.")
        compiled(arguments.files)
        told = {
            "root": str(context.worktree),
            "pattern": source,
            "files": arguments.files,
            "ignore_case": arguments.ignore_case,
            "limit": MAX_MATCHES + 1,
        }
        lines, note = await _searched(json.dumps(told).encode())
        return ToolResult(True, _told(lines, note), arguments.pattern)


async def _searched(told: bytes) -> tuple[list[str], str]:
    """The matching lines as the process found them, and a note when it did not come to its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-E", "-S", "-c", _START, str(_SOURCES),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    assert process.stderr
    lines: list[str] = []
    try:
        async with asyncio.timeout(TIMEOUT_S):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(told)
                process.stdin.close()
                await process.stdin.wait_closed()
            while line := await process.stdout.readline():
                path, number, text = json.loads(line)
                lines.append(f"{path}:{number}: {text}")
            said = (await process.stderr.read()).decode("utf-8", "replace").strip()
            code = await process.wait()
    except TimeoutError:
        return lines, f"[stopped after {TIMEOUT_S:g} s: use a simpler pattern, or fewer `files`]"
    finally:
        if process.returncode is None:
            kill(process)
            await asyncio.shield(_drained(process))
    if code != 0:
        last = said.rsplit("\n", 1)[-1].removeprefix("re.error: ")
        raise ToolError(f"The pattern cannot be searched for: {last or code}. Pass literal=true to search for text.")
    return lines, ""


async def _drained(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a killed process and of its pipes, so that nothing stays open."""
    await process.communicate()


def _told(lines: list[str], note: str) -> str:
    shown: list[str] = []
    used = 0
    for line in lines[:MAX_MATCHES]:
        used += len(line) + 1
        if used > OUTPUT_BUDGET:
            break
        shown.append(line)
    if len(shown) < len(lines):
        shown.append(f"[cut: the first {len(shown)} matches are shown; use a narrower pattern, or fewer `files`]")
    if note:
        shown.append(note)
    return "\n".join(shown) or "No match."
