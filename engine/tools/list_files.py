"""list_files: what is in the project, by a glob pattern."""

import asyncio

from pydantic import Field

from engine.tools.globs import compiled
from engine.tools.tool import OUTPUT_BUDGET, Arguments, ToolContext, ToolResult
from engine.workspace.outline import described, walk_files

MAX_FILES = 500


class ListFilesArguments(Arguments):
    """A glob pattern."""

    pattern: str = Field(
        default="**",
        description="Glob relative to the project's root: `src/**/*.py`, `*.md` (in every folder), `tests`.",
    )


class ListFiles:
    """Lists files with their sizes."""

    name = "list_files"
    description = (
        "List the project's files with their sizes. `*` matches within a name, `**` across folders. Folders such as "
        "node_modules and __pycache__ are left out; links are shown and not followed."
    )
    arguments = ListFilesArguments

    async def run(self, context: ToolContext, arguments: ListFilesArguments) -> ToolResult:
        """List the files."""
        output = await asyncio.to_thread(_list, context, arguments.pattern)
        return ToolResult(True, output, arguments.pattern)


def _list(context: ToolContext, pattern: str) -> str:
    wanted = compiled(pattern)
    inside = compiled(f"{pattern.rstrip('/')}/**") if "*" not in pattern and "?" not in pattern else None
    lines: list[str] = []
    matched = used = 0
    for found in walk_files(context.worktree):
        if not (wanted.fullmatch(found.path) or (inside and inside.fullmatch(found.path))):
            continue
        matched += 1
        line = described(found)
        if len(lines) < MAX_FILES and used + len(line) < OUTPUT_BUDGET:
            lines.append(line)
            used += len(line) + 1
    lines.sort()
    if matched > len(lines):
        lines.append(f"[cut: {len(lines):,} of {matched:,} files are shown; use a narrower pattern]")
    return "\n".join(lines) or f"No file matches {pattern}."
