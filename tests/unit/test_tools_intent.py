"""A call that is made again after a kill finds its own work done; any other call does not."""

import json
from pathlib import Path

import pytest

from engine.tools.intent import Intent
from engine.tools.registry import call_tool, tools_for
from engine.tools.tool import ToolContext

TOOLS = tools_for(("create_file", "edit_file"))


def context(root: Path, call: str) -> ToolContext:
    """The context of a call whose note lies beside the worktree."""
    worktree = root / "worktree"
    worktree.mkdir(exist_ok=True)
    return ToolContext(worktree, "coder", intent=Intent(root / "intent.json", call))


async def call(context: ToolContext, name: str, **arguments: str) -> bool:
    return (await call_tool(context, name, json.dumps(arguments), TOOLS)).ok


async def test_the_same_call_again_changes_nothing_more(tmp_path: Path) -> None:
    assert await call(context(tmp_path, "s/1"), "create_file", path="a.py", content="x = 1\n")
    assert await call(context(tmp_path, "s/1"), "create_file", path="a.py", content="x = 1\n")
    for _ in range(2):
        assert await call(context(tmp_path, "s/2"), "edit_file", path="a.py", old="x", new="xx")
    assert (tmp_path / "worktree/a.py").read_text() == "xx = 1\n"


@pytest.mark.parametrize("name", ["s/3", "t/1"])
async def test_another_call_is_not_taken_for_it(tmp_path: Path, name: str) -> None:
    assert await call(context(tmp_path, "s/1"), "create_file", path="a.py", content="x = 1\n")
    assert not await call(context(tmp_path, name), "create_file", path="a.py", content="x = 1\n")
    assert await call(context(tmp_path, "s/2"), "edit_file", path="a.py", old="x", new="xx")
    assert await call(context(tmp_path, name), "edit_file", path="a.py", old="xx", new="xxx")
    assert (tmp_path / "worktree/a.py").read_text() == "xxx = 1\n"


async def test_a_file_that_changed_since_is_not_written_over(tmp_path: Path) -> None:
    assert await call(context(tmp_path, "s/1"), "create_file", path="a.py", content="x = 1\n")
    (tmp_path / "worktree/a.py").write_text("x = 2\n")
    assert not await call(context(tmp_path, "s/1"), "create_file", path="a.py", content="x = 1\n")
