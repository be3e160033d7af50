"""run_command: a command line in the sandbox, judged before it runs."""

import asyncio

from pydantic import Field

from engine.context.cut import cut_middle
from engine.errors import ToolError
from engine.gates.blast import of_command
from engine.tools.tool import OUTPUT_BUDGET, Arguments, NeedsApproval, ToolContext, ToolResult
from sandbox.commands import judge_command

MAX_COMMAND = 8_000
_WHY = {
    "timeout": "It was stopped at the time limit.",
    "oom": "It was stopped: it used too much memory.",
    "output_limit": "It was stopped: it wrote too much output.",
    "pids": "It was stopped: it started too many processes.",
    "disk": "It ran out of disk space.",
    "backend_lost": "The sandbox was lost while it ran; try again.",
    "incomplete": "It ended before its time.",
    "cancelled": "It was cancelled.",
}


class RunCommandArguments(Arguments):
    """A command line."""

    command: str = Field(min_length=1, description="Command line for sh, run in the project's root. No network.")


class RunCommand:
    """Runs a command line in the sandbox."""

    name = "run_command"
    description = (
        "Run a shell command in the sandbox, in the project's root, without network. Its output and exit status come "
        "back. Dangerous commands are refused; some need a person's approval."
    )
    arguments = RunCommandArguments

    async def run(self, context: ToolContext, arguments: RunCommandArguments) -> ToolResult:
        """Judge the command, then run it."""
        command = arguments.command
        if "\0" in command or len(command) > MAX_COMMAND:
            raise ToolError(f"The command contains NUL or is longer than {MAX_COMMAND:,} characters.")
        # In a thread: a line made to be hard to read takes seconds, and nothing else may wait for it.
        verdict = await asyncio.to_thread(judge_command, command, context.rules)
        if verdict.verdict == "blocked":
            raise ToolError(f"The command is blocked by the safety rules: {verdict.reason} Find another way.")
        if verdict.verdict == "approval_required" and not context.approved:
            raise NeedsApproval(
                topic="command",
                subject=command,
                title=f"Run `{command if len(command) <= 80 else command[:79] + '…'}`?",
                detail=verdict.reason,
                blast_radius=of_command(command),
            )
        if context.run is None:
            raise ToolError("No sandbox is available for commands here.")
        ended = await context.run(command)
        why = _WHY.get(ended.reason, "")
        status = f"exit status {ended.exit_code}" if ended.exit_code is not None else "no exit status"
        head = f"[{status}, {ended.duration_s:.1f} s{'. ' + why if why else ''}]"
        ok = ended.exit_code == 0 and ended.reason == "ok"
        return ToolResult(ok, f"{head}\n{cut_middle(ended.output, OUTPUT_BUDGET)}".rstrip(), command)
