"""All tools by name, and the one way to call them."""

import errno
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from engine.errors import ToolError, WorkspaceError
from engine.llm.protocol import ToolSchema
from engine.tools.ask_person import AskPerson
from engine.tools.create_file import CreateFile
from engine.tools.edit_file import EditFile
from engine.tools.list_files import ListFiles
from engine.tools.read_file import ReadFile
from engine.tools.run_command import RunCommand
from engine.tools.search import Search
from engine.tools.tool import Tool, ToolContext, ToolResult, cut
from sandbox.errors import SandboxError

MAX_ARGUMENTS = 2_000_000
_SHOWN_ERRORS = 5
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


def all_tools() -> dict[str, Tool]:
    """Every tool, by name."""
    tools: tuple[Tool, ...] = (
        AskPerson(),
        CreateFile(),
        EditFile(),
        ReadFile(),
        ListFiles(),
        Search(),
        RunCommand(),
    )
    return {tool.name: tool for tool in tools}


def tools_for(names: Iterable[str]) -> dict[str, Tool]:
    """The tools of these names, in their order.

    Raises:
        ToolError: there is no such tool.
    """
    known = all_tools()
    chosen: dict[str, Tool] = {}
    for name in names:
        if name not in known:
            raise ToolError(f"There is no tool {name}", f"The tools are {', '.join(known)}.")
        chosen[name] = known[name]
    return chosen


def schema(tool: Tool) -> ToolSchema:
    """What the model is told about a tool."""
    parameters = tool.arguments.model_json_schema()
    parameters.pop("title", None)
    parameters.pop("description", None)
    for value in parameters.get("properties", {}).values():
        value.pop("title", None)
    return ToolSchema(tool.name, tool.description, parameters)


async def call_tool(context: ToolContext, name: str, raw_arguments: str, tools: Mapping[str, Tool]) -> ToolResult:
    """Validate a call and carry it out; whatever is wrong with it goes back to the model as text.

    Args:
        context: where the tool works, and what it may do.
        name: as the model wrote it.
        raw_arguments: as the model wrote it; may be no JSON at all.
        tools: those that this role has.

    Raises:
        NeedsApproval: a person has to allow the call first.
        WorkspaceError: the disk is full or fails.
    """
    tool = tools.get(name)
    if tool is None:
        have = ", ".join(tools) or "none"
        return ToolResult(False, f"There is no tool {name[:80]!r}. Your tools are: {have}.", name[:80], strike=True)
    try:
        arguments = tool.arguments.model_validate(_object(raw_arguments))
    except ToolError as exc:
        return ToolResult(False, f"{name}: {exc.title}", strike=True)
    except ValidationError as exc:
        return ToolResult(False, f"{name}: {_said(exc)}", strike=True)
    try:
        return await tool.run(context, arguments)
    except (ToolError, SandboxError) as exc:
        if isinstance(exc.__cause__, OSError) and exc.__cause__.errno in _DISK:
            # No model can mend this, and each of its attempts would be paid for.
            raise WorkspaceError(
                f"{context.worktree} cannot be written: {exc.__cause__.strerror}",
                "Make room on the disk that holds it, or mend it, then resume the run.",
            ) from exc
        text = f"{exc.title} {exc.hint}".strip()
        return ToolResult(False, cut(text), _target(arguments))


def _object(raw: str) -> dict[str, Any]:
    """The arguments as a JSON object.

    Raises:
        ToolError: it is none; says where it breaks.
    """
    if len(raw) > MAX_ARGUMENTS:
        raise ToolError(f"the arguments have {len(raw):,} characters; at most {MAX_ARGUMENTS:,} are allowed.")
    try:
        read = json.loads(raw, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except json.JSONDecodeError as exc:
        near = raw[max(0, exc.pos - 30) : exc.pos + 30]
        end = " The text ends there: was the answer cut?" if exc.pos >= len(raw.rstrip()) - 1 else ""
        raise ToolError(
            f"the arguments are no valid JSON: {exc.msg} at line {exc.lineno} column {exc.colno}, near {near!r}.{end}"
        ) from exc
    except RecursionError as exc:
        raise ToolError("the arguments are nested too deeply.") from exc
    if not isinstance(read, dict):
        raise ToolError(f"the arguments must be a JSON object, not {type(read).__name__}.")
    return read


def _refuse_constant(name: str) -> None:
    raise ToolError(f"the arguments contain {name}, which is no JSON.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ToolError("the arguments name a key twice.")
    return read


def _said(error: ValidationError) -> str:
    """What is wrong with each argument, without the values."""
    problems = error.errors(include_url=False, include_input=False)
    parts = [f"`{'.'.join(map(str, problem['loc'])) or 'arguments'}`: {problem['msg']}" for problem in problems]
    more = f"; and {len(parts) - _SHOWN_ERRORS} more" if len(parts) > _SHOWN_ERRORS else ""
    return f"the arguments are wrong: {'; '.join(parts[:_SHOWN_ERRORS])}{more}."


def _target(arguments: Any) -> str:
    for name in ("path", "command", "pattern"):
        if isinstance(value := getattr(arguments, name, None), str):
            return value[:300]
    return ""
