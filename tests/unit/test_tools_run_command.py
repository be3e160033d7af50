"""run_command: judged by the rules, run by the sandbox, its end told truly."""

import json
from pathlib import Path

import pytest

from config.rules import CommandRules
from engine.tools.registry import all_tools, call_tool
from engine.tools.tool import CommandRun, NeedsApproval, ToolContext, ToolResult

TOOLS = all_tools()
RULES = CommandRules(blocked=("sudo", "git push"), approval=("pip install",))


class Recorder:
    """Stands where the sandbox is plugged in; keeps what it was asked to run."""

    def __init__(self, ended: CommandRun) -> None:
        self.ended = ended
        self.asked: list[str] = []

    async def __call__(self, command: str) -> CommandRun:
        self.asked.append(command)
        return self.ended


async def run(
    root: Path, command: str, ended: CommandRun | None = None, *, approved: bool = False
) -> tuple[ToolResult, list[str]]:
    recorder = Recorder(ended or CommandRun(0, "out\n", "ok", 0.25))
    context = ToolContext(root, "coder", run=recorder, rules=RULES, approved=approved)
    return await call_tool(context, "run_command", json.dumps({"command": command}), TOOLS), recorder.asked


async def test_a_harmless_command_runs(tmp_path: Path) -> None:
    result, asked = await run(tmp_path, "ls | wc -l")
    assert asked == ["ls | wc -l"]
    assert (result.ok, result.target) == (True, "ls | wc -l")
    assert result.output == "[exit status 0, 0.2 s]\nout"


@pytest.mark.parametrize("command", ["sudo ls", "ls && git push", "echo $(sudo ls)", "a\0b", "x" * 9_000])
async def test_a_blocked_command_never_reaches_the_sandbox(tmp_path: Path, command: str) -> None:
    result, asked = await run(tmp_path, command, approved=True)
    assert (result.ok, result.strike, asked) == (False, False, [])


async def test_a_blocked_command_is_told_in_whole_sentences(tmp_path: Path) -> None:
    result, _ = await run(tmp_path, "sudo ls")
    assert result.output == "The command is blocked by the safety rules: `sudo` is blocked. Find another way."


async def test_an_approval_is_asked_for_once(tmp_path: Path) -> None:
    with pytest.raises(NeedsApproval) as caught:
        await run(tmp_path, "pip install flask")
    assert (caught.value.topic, caught.value.subject) == ("command", "pip install flask")
    assert caught.value.title
    assert caught.value.blast_radius.network is False
    _, asked = await run(tmp_path, "pip install flask", approved=True)
    assert asked == ["pip install flask"]


@pytest.mark.parametrize(
    ("ended", "says"),
    [
        (CommandRun(1, "boom"), "[exit status 1"),
        (CommandRun(None, "", "timeout", 300), "time limit"),
        (CommandRun(137, "", "oom"), "too much memory"),
        (CommandRun(0, "", "output_limit"), "too much output"),
        (CommandRun(None, "", "backend_lost"), "was lost"),
    ],
)
async def test_every_other_end_is_a_failure(tmp_path: Path, ended: CommandRun, says: str) -> None:
    result, _ = await run(tmp_path, "make", ended)
    assert not result.ok
    assert says in result.output


async def test_long_output_keeps_its_end(tmp_path: Path) -> None:
    result, _ = await run(tmp_path, "make", CommandRun(1, "first\n" + "x\n" * 50_000 + "last error"))
    assert len(result.output) < 16_300
    assert result.output.endswith("last error")
    assert "first" in result.output


async def test_without_a_sandbox_nothing_runs(tmp_path: Path) -> None:
    result = await call_tool(ToolContext(tmp_path, "coder"), "run_command", '{"command": "ls"}', TOOLS)
    assert not result.ok
    assert "No sandbox" in result.output
